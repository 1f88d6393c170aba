// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title Leaf
/// @notice What an epoch says of one chain: 114 packed bytes, see docs/formats.md.
library Leaf {
    uint8 internal constant VERSION = 1;
    uint256 internal constant LENGTH = 114;

    uint8 internal constant INSTANT = 0;
    uint8 internal constant FINALIZED = 1;

    uint8 private constant SHARD_VERSION = 1;
    uint8 private constant SHARD_KIND = 4;

    /// @param domain The chain.
    /// @param blockNumber Number of the attested block, at least 1.
    /// @param blockHash Its hash.
    /// @param stateRoot Its state root.
    /// @param messageRoot Root of the chain's message tree in that state.
    /// @param messageCount Number of messages in that tree.
    /// @param finality {INSTANT} or {FINALIZED}.
    struct Data {
        uint32 domain;
        uint64 blockNumber;
        bytes32 blockHash;
        bytes32 stateRoot;
        bytes32 messageRoot;
        uint32 messageCount;
        uint8 finality;
    }

    function encode(Data memory leaf) internal pure returns (bytes memory) {
        return abi.encodePacked(
            VERSION,
            leaf.domain,
            leaf.blockNumber,
            leaf.blockHash,
            leaf.stateRoot,
            leaf.messageRoot,
            leaf.messageCount,
            leaf.finality
        );
    }

    function hash(Data memory leaf) internal pure returns (bytes32) {
        return keccak256(encode(leaf));
    }

    /// @notice Node of a shard in the tree whose root is the aggregate root.
    function shardNode(uint32 shardId, bytes32 shardRoot) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(SHARD_VERSION, SHARD_KIND, shardId, shardRoot));
    }
}
