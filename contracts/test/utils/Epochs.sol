// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Leaf} from "../../src/metalayer/libs/Leaf.sol";
import {Trees} from "./Trees.sol";

/// @notice Aggregate roots and meta-proofs, made as the agents make them.
library Epochs {
    /// @notice The three parts of a meta-proof's path, packed siblings each.
    struct Paths {
        bytes leaf;
        bytes shard;
        bytes message;
    }

    /// @notice A leaf of `domain` over a message tree; block and state are invented.
    function leafOf(uint32 domain, bytes32[] memory messageIds)
        internal
        pure
        returns (Leaf.Data memory)
    {
        return Leaf.Data({
            domain: domain,
            blockNumber: 7,
            blockHash: keccak256(abi.encode("block", domain)),
            stateRoot: keccak256(abi.encode("state", domain)),
            messageRoot: Trees.messageRoot(messageIds),
            messageCount: uint32(messageIds.length),
            finality: Leaf.INSTANT
        });
    }

    /// @notice Tree over one shard's leaves.
    function shardTree(Leaf.Data[] memory leaves) internal pure returns (bytes32[] memory) {
        bytes32[] memory hashes = new bytes32[](leaves.length);
        for (uint256 i = 0; i < leaves.length; ++i) {
            hashes[i] = Leaf.hash(leaves[i]);
        }
        return Trees.sorted(hashes);
    }

    /// @notice Tree over shards whose roots are `shardRoots`, shard ids counted from 0.
    function aggregateTree(bytes32[] memory shardRoots) internal pure returns (bytes32[] memory) {
        bytes32[] memory nodes = new bytes32[](shardRoots.length);
        for (uint256 i = 0; i < shardRoots.length; ++i) {
            nodes[i] = Leaf.shardNode(uint32(i), shardRoots[i]);
        }
        return Trees.sorted(nodes);
    }

    /// @notice Aggregate root of a devnet whose only shard has `leaves`.
    function aggregateRoot(Leaf.Data[] memory leaves) internal pure returns (bytes32) {
        return Leaf.shardNode(0, shardTree(leaves)[0]);
    }

    /// @notice Meta-proof of a message in `leaves[leafIndex]`, in a devnet with one shard.
    function metadata(
        uint64 epoch,
        Leaf.Data[] memory leaves,
        uint256 leafIndex,
        bytes32[] memory messageIds,
        uint32 messageIndex
    ) internal pure returns (bytes memory) {
        Paths memory paths = Paths(
            Trees.sortedPath(shardTree(leaves), leafIndex),
            "",
            Trees.messagePath(messageIds, messageIndex)
        );
        return pack(epoch, leaves[leafIndex], messageIndex, 0, paths);
    }

    function pack(
        uint64 epoch,
        Leaf.Data memory leaf,
        uint32 messageIndex,
        uint32 shardId,
        Paths memory paths
    ) internal pure returns (bytes memory) {
        return bytes.concat(
            abi.encodePacked(uint8(1), epoch, Leaf.encode(leaf), messageIndex, shardId),
            abi.encodePacked(uint8(paths.leaf.length / 32), uint8(paths.shard.length / 32)),
            paths.leaf,
            paths.shard,
            paths.message
        );
    }

    /// @notice Multi-proof of messages with ascending `indices` in `leaves[leafIndex]`, in a devnet
    /// with one shard.
    function multiProof(
        uint64 epoch,
        Leaf.Data[] memory leaves,
        uint256 leafIndex,
        bytes32[] memory messageIds,
        uint256[] memory indices
    ) internal pure returns (bytes memory) {
        bytes memory leafPath = Trees.sortedPath(shardTree(leaves), leafIndex);
        bytes memory packed;
        for (uint256 i = 0; i < indices.length; ++i) {
            packed = bytes.concat(packed, bytes4(uint32(indices[i])));
        }
        return bytes.concat(
            abi.encodePacked(uint8(2), epoch, Leaf.encode(leaves[leafIndex])),
            abi.encodePacked(uint32(indices.length), uint32(0)),
            abi.encodePacked(uint8(leafPath.length / 32), uint8(0)),
            leafPath,
            packed,
            Trees.sharedPath(messageIds, indices)
        );
    }
}
