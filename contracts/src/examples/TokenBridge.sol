// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {BridgeERC20, IERC20} from "@openzeppelin/contracts/crosschain/bridges/BridgeERC20.sol";
import {CrosschainLinked} from "@openzeppelin/contracts/crosschain/CrosschainLinked.sol";

/// @title TokenBridge
/// @notice An example: OpenZeppelin's ERC-20 bridge as it is. It keeps the tokens that leave this chain and gives
/// them back to those that return, over the ERC-7786 gateways of its links.
contract TokenBridge is BridgeERC20 {
    constructor(IERC20 token_, Link[] memory links) BridgeERC20(token_) CrosschainLinked(links) {}
}
