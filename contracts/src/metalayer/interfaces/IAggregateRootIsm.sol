// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IInterchainSecurityModule} from "./IInterchainSecurityModule.sol";
import {IRootVerifier} from "./IRootVerifier.sol";

/// @title IAggregateRootIsm
/// @notice Accepts the messages that a meta-proof leads to a certified aggregate root.
/// @dev Trusted for it: more than two thirds of the guardians' stake. {verify} returns true or reverts
/// with one of these errors. Its metadata is a meta-proof, or the one byte 0x02 for a message that
/// {prove} took earlier in the transaction.
interface IAggregateRootIsm is IInterchainSecurityModule {
    /// @notice Thrown when metadata has not the length that its fixed part calls for.
    error MetadataLength(uint256 expected, uint256 actual);

    /// @notice Thrown when metadata is of a version that this module does not know.
    error UnsupportedMetadataVersion(uint8 version);

    /// @notice Thrown when the leaf is of a version that this module does not know.
    error UnsupportedLeafVersion(uint8 version);

    /// @notice Thrown when the leaf is of a finality that this module does not know.
    error UnsupportedLeafFinality(uint8 finality);

    /// @notice Thrown when no certificate of that epoch has been submitted on this chain.
    error UnknownEpoch(uint64 epoch);

    /// @notice Thrown when the leaf is another chain's than the message's origin.
    error LeafDomainMismatch(uint32 leafDomain, uint32 origin);

    /// @notice Thrown when the message's index lies outside the tree that the leaf attests.
    error MessageIndexOutOfRange(uint32 index, uint32 count);

    /// @notice Thrown when a multi-proof's indices are not strictly ascending.
    error MessageIndicesNotAscending(uint32 index);

    /// @notice Thrown when a multi-proof is not of as many messages as are given.
    error MessageNumber(uint256 proven, uint256 given);

    /// @notice Thrown when a multi-proof is of no message at all.
    error NoMessages();

    /// @notice Thrown for metadata that names no proof, of a message that none was brought for in this
    /// transaction.
    error NotProven(bytes32 messageId);

    /// @notice Thrown when the message's path does not lead to the leaf's message root.
    error InvalidMessageProof(bytes32 expectedRoot, bytes32 computedRoot);

    /// @notice Thrown when the leaf's path does not lead to the epoch's aggregate root.
    error InvalidAggregateProof(bytes32 expectedRoot, bytes32 computedRoot);

    /// @notice Proves messages of one origin by a proof that they share. What is proven is remembered until
    /// the transaction ends, for {verify} with the metadata 0x02. Anybody may call: what counts is
    /// the proof.
    /// @param multiProof A multi-proof (docs/formats.md).
    /// @param ids Of the messages, in the order of the proof's indices.
    function prove(bytes calldata multiProof, bytes32[] calldata ids) external;

    /// @notice What {verify} checks, and what the guardians say of the block that the message is proven by:
    /// 0 INSTANT, 1 FINALIZED. Reverts as {verify} does.
    function provenFinality(bytes calldata metadata, bytes calldata message)
        external
        view
        returns (uint8 finality);

    /// @notice Keeps the certified aggregate roots.
    function rootVerifier() external view returns (IRootVerifier);
}
