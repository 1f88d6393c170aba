// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IAggregateRootIsm} from "./IAggregateRootIsm.sol";
import {IMailbox} from "./IMailbox.sol";
import {Certificate, IRootVerifier} from "./IRootVerifier.sol";

/// @title IBatchProcessor
/// @notice Brings certificates and many messages in one transaction. Anybody may call: what counts is
/// what certificates and metadata prove.
interface IBatchProcessor {
    /// @notice A message to process.
    /// @param gasLimit Gas for the whole of `Mailbox.process`.
    /// @param metadata What proves the message to its recipient's module.
    /// @param message The whole message.
    struct Item {
        uint256 gasLimit;
        bytes metadata;
        bytes message;
    }

    /// @notice Messages of one origin that share a proof.
    /// @param module The module that takes the proof; the messages' recipients must be guarded by it.
    /// @param gasLimit Gas for the whole of `Mailbox.process`, the same for each of them.
    /// @param proof A multi-proof (docs/formats.md) of the messages, in their order.
    /// @param messages The whole messages.
    struct Group {
        IAggregateRootIsm module;
        uint256 gasLimit;
        bytes proof;
        bytes[] messages;
    }

    /// @notice Emitted for each message that could not be processed; the others are not affected.
    /// @param reason What the mailbox reverted with, cut after 1,024 bytes; empty when gas ran out.
    event MessageFailed(bytes32 indexed messageId, bytes reason);

    /// @notice Thrown when the gas left does not cover the next item's limit.
    error InsufficientGas();

    /// @notice Submits certificates, then processes messages in their order. Messages that have been
    /// delivered are passed over. A certificate that the verifier refuses reverts everything.
    function processBatch(Certificate[] calldata certificates, Item[] calldata items) external;

    /// @notice The same, with messages that share proofs before those that are proven one by one. A
    /// shared proof that its module refuses reverts everything.
    function processGroups(
        Certificate[] calldata certificates,
        Group[] calldata groups,
        Item[] calldata items
    ) external;

    /// @notice The mailbox whose messages are processed.
    function mailbox() external view returns (IMailbox);

    /// @notice Where certificates are submitted.
    function rootVerifier() external view returns (IRootVerifier);
}
