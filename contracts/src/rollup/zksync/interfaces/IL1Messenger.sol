// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title IL1Messenger
/// @notice Messages to the L1 by the ZK Stack's ABI (ZKsync documentation, "System contracts"). Each is a
/// leaf of a tree of depth 32 that grows for good: the ZK Stack begins one with every batch. Its
/// root lies in slot 33, from where a final output takes it to the L1 ({IZkBridgehub}).
interface IL1Messenger {
    /// @notice Emitted for each message; their order is that of the leaves.
    event L1MessageSent(address indexed sender, bytes32 indexed hash, bytes message);

    /// @notice Sends a message. Nobody is called on the L1: who wants it there shows it.
    /// @return The message's hash.
    function sendToL1(bytes calldata message) external returns (bytes32);

    /// @notice How many messages there were.
    function messageCount() external view returns (uint256);

    /// @notice Root of their tree.
    function messageRoot() external view returns (bytes32);
}
