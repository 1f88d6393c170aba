// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {CrosschainLinked} from "@openzeppelin/contracts/crosschain/CrosschainLinked.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Crosschain} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Crosschain.sol";

/// @title BridgedToken
/// @notice An example: OpenZeppelin's crosschain ERC-20 as it is. It is minted when it arrives over the ERC-7786
/// gateways of its links and burnt when it leaves; the counterpart may be a `TokenBridge` or another such token.
contract BridgedToken is ERC20Crosschain {
    /// @param supply What `holder` has from the start, on the chain where the token is at home.
    constructor(
        string memory name_,
        string memory symbol_,
        address holder,
        uint256 supply,
        Link[] memory links
    ) ERC20(name_, symbol_) CrosschainLinked(links) {
        if (supply != 0) _mint(holder, supply);
    }
}
