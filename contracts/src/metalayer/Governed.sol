// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {
    OwnableUpgradeable
} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";

/// @title Governed
/// @notice Implementation behind a proxy, which its owner may upgrade.
/// @dev Owner and initializer state lie at hashed slots, so that contracts' own variables begin at slot 0.
abstract contract Governed is OwnableUpgradeable, UUPSUpgradeable {
    constructor() {
        _disableInitializers();
    }

    function _authorizeUpgrade(address) internal view override onlyOwner {}
}
