// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

/// @title Checkpoint
/// @notice What Hyperlane's validators sign: that a message stands in an origin's tree, which then had a
/// root. Byte strings are packed, digests are EIP-191's.
library Checkpoint {
    /// @notice Digest of a checkpoint with its message's id.
    /// @param domain The origin.
    /// @param treeHook The origin's merkle tree hook.
    /// @param root Of the tree once the message was in it.
    /// @param index The message's place in the tree.
    function digest(uint32 domain, bytes32 treeHook, bytes32 root, uint32 index, bytes32 messageId)
        internal
        pure
        returns (bytes32)
    {
        bytes32 domainHash = keccak256(abi.encodePacked(domain, treeHook, "HYPERLANE"));
        return MessageHashUtils.toEthSignedMessageHash(
            keccak256(abi.encodePacked(domainHash, root, index, messageId))
        );
    }

    /// @notice Digest of a validator's announcement of a place for its checkpoints.
    function announcementDigest(uint32 domain, bytes32 mailbox, string calldata storageLocation)
        internal
        pure
        returns (bytes32)
    {
        bytes32 domainHash = keccak256(abi.encodePacked(domain, mailbox, "HYPERLANE_ANNOUNCEMENT"));
        return MessageHashUtils.toEthSignedMessageHash(
            keccak256(abi.encodePacked(domainHash, storageLocation))
        );
    }
}
