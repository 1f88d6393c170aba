// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {NotHere} from "../libs/NotHere.sol";
import {IArbInfo} from "./interfaces/IArbInfo.sol";

/// @title ArbInfo
/// @notice Implements {IArbInfo}, which documents it.
/// @dev Stands at 0x0000000000000000000000000000000000000065 from genesis on, without storage.
contract ArbInfo is IArbInfo, NotHere {
    /// @inheritdoc IArbInfo
    function getBalance(address account) external view override returns (uint256) {
        return account.balance;
    }

    /// @inheritdoc IArbInfo
    function getCode(address account) external view override returns (bytes memory) {
        return account.code;
    }
}
