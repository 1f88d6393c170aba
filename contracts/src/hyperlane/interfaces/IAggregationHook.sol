// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IPostDispatchHook} from "../../metalayer/interfaces/IPostDispatchHook.sol";

/// @title IAggregationHook
/// @notice A mailbox's required hook and one more, told as one (Hyperlane's `StaticAggregationHook`).
/// @dev Hyperlane's relayer looks for the tree hook among what a mailbox's default hook consists of, and
/// nowhere else. Here it is the required hook, which has had every message already: only the other one
/// is called, with the whole value.
interface IAggregationHook is IPostDispatchHook {
    /// @notice What it consists of, the same for all messages: the required hook, then the other.
    function hooks(bytes calldata message) external view returns (address[] memory);
}
