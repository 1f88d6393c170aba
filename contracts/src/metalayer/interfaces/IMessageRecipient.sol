// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title IMessageRecipient
/// @notice What a contract implements to receive messages from a mailbox (Hyperlane v3).
interface IMessageRecipient {
    /// @notice Called by the mailbox, once for each delivered message.
    /// @dev Accept calls from the mailbox only: it alone has verified origin and sender.
    /// @param origin Domain that the message was dispatched on.
    /// @param sender Account that dispatched it, left-padded to 32 bytes.
    /// @param body The message's body.
    function handle(uint32 origin, bytes32 sender, bytes calldata body) external payable;
}
