// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {IAggregateRootIsm} from "../interfaces/IAggregateRootIsm.sol";
import {Leaf} from "./Leaf.sol";
import {MerkleTree} from "./MerkleTree.sol";

/// @title MetaProof
/// @notice What takes one message to a certified aggregate root: version (1), epoch (8), leaf (114),
/// message index (4), shard id (4), a (1), b (1), leaf path (32·a), shard path (32·b), message
/// path. A multi-proof, of version 2, does the same for several messages of one chain: their number
/// stands in the place of the index, and their indices (4 each) before the path that they share.
/// See docs/formats.md.
/// @dev Call {checkForm} first: the readers rely on it. Errors are those of `IAggregateRootIsm`.
library MetaProof {
    uint8 internal constant VERSION = 1;
    /// @notice Version of multi-proofs.
    uint8 internal constant MULTI_VERSION = 2;
    /// @notice Length of all before the paths.
    uint256 internal constant FIXED_LENGTH = 133;

    uint256 private constant EPOCH = 1;
    uint256 private constant LEAF = 9;
    uint256 private constant LEAF_END = LEAF + Leaf.LENGTH;
    uint256 private constant LEAF_DOMAIN = LEAF + 1;
    uint256 private constant LEAF_BLOCK_NUMBER = LEAF + 5;
    uint256 private constant LEAF_BLOCK_HASH = LEAF + 13;
    uint256 private constant LEAF_STATE_ROOT = LEAF + 45;
    uint256 private constant LEAF_MESSAGE_ROOT = LEAF + 77;
    uint256 private constant LEAF_MESSAGE_COUNT = LEAF + 109;
    uint256 private constant LEAF_FINALITY = LEAF + 113;
    uint256 private constant MESSAGE_INDEX = LEAF_END;
    uint256 private constant SHARD_ID = LEAF_END + 4;
    uint256 private constant LEAF_PATH_LENGTH = LEAF_END + 8;
    uint256 private constant SHARD_PATH_LENGTH = LEAF_END + 9;

    /// @notice Checks versions and that the index lies in the leaf's tree. The length is checked as
    /// far as `a` and `b` tell it; {checkMessage} checks the message path's.
    function checkForm(bytes calldata proof) internal pure {
        checkForm(proof, VERSION);
    }

    /// @notice The same of a proof that has to be of another version.
    function checkForm(bytes calldata proof, uint8 version) internal pure {
        if (proof.length < FIXED_LENGTH) {
            revert IAggregateRootIsm.MetadataLength(FIXED_LENGTH, proof.length);
        }
        if (_byte(proof, 0) != version) {
            revert IAggregateRootIsm.UnsupportedMetadataVersion(_byte(proof, 0));
        }
        if (_byte(proof, LEAF) != Leaf.VERSION) {
            revert IAggregateRootIsm.UnsupportedLeafVersion(_byte(proof, LEAF));
        }
        uint256 beforeMessagePath = messagePathOffset(proof);
        if (proof.length < beforeMessagePath) {
            revert IAggregateRootIsm.MetadataLength(beforeMessagePath, proof.length);
        }
    }

    function epoch(bytes calldata proof) internal pure returns (uint64) {
        return uint64(bytes8(_word(proof, EPOCH)));
    }

    function domain(bytes calldata proof) internal pure returns (uint32) {
        return uint32(bytes4(_word(proof, LEAF_DOMAIN)));
    }

    function blockNumber(bytes calldata proof) internal pure returns (uint64) {
        return uint64(bytes8(_word(proof, LEAF_BLOCK_NUMBER)));
    }

    function blockHash(bytes calldata proof) internal pure returns (bytes32) {
        return _word(proof, LEAF_BLOCK_HASH);
    }

    function stateRoot(bytes calldata proof) internal pure returns (bytes32) {
        return _word(proof, LEAF_STATE_ROOT);
    }

    function messageRoot(bytes calldata proof) internal pure returns (bytes32) {
        return _word(proof, LEAF_MESSAGE_ROOT);
    }

    function messageCount(bytes calldata proof) internal pure returns (uint32) {
        return uint32(bytes4(_word(proof, LEAF_MESSAGE_COUNT)));
    }

    function finality(bytes calldata proof) internal pure returns (uint8) {
        return _byte(proof, LEAF_FINALITY);
    }

    /// @notice Checks that `messageId` is the leaf with the proof's index in the attested message
    /// tree, and that the proof ends where the message path does.
    function checkMessage(bytes calldata proof, bytes32 messageId) internal pure {
        uint32 index = uint32(bytes4(_word(proof, MESSAGE_INDEX)));
        uint32 count = uint32(bytes4(_word(proof, LEAF_MESSAGE_COUNT)));
        if (index >= count) revert IAggregateRootIsm.MessageIndexOutOfRange(index, count);

        uint256 offset = messagePathOffset(proof);
        (bytes32 computed, uint256 used) =
            MerkleTree.rootOf(messageId, index, count, proof[offset:]);
        if (offset + used != proof.length) {
            revert IAggregateRootIsm.MetadataLength(offset + used, proof.length);
        }
        bytes32 expected = _word(proof, LEAF_MESSAGE_ROOT);
        if (computed != expected) revert IAggregateRootIsm.InvalidMessageProof(expected, computed);
    }

    /// @notice Checks that `ids` are the messages with a multi-proof's indices in the attested message
    /// tree, and that the proof ends where the path that they share does.
    function checkMessages(bytes calldata proof, bytes32[] calldata ids) internal pure {
        uint256 length = uint32(bytes4(_word(proof, MESSAGE_INDEX)));
        if (length != ids.length) revert IAggregateRootIsm.MessageNumber(length, ids.length);
        if (length == 0) revert IAggregateRootIsm.NoMessages();
        uint256 from = messagePathOffset(proof);
        uint256 offset = from + 4 * length;
        if (proof.length < offset) revert IAggregateRootIsm.MetadataLength(offset, proof.length);

        uint32 count = messageCount(proof);
        _checkIndices(proof, from, offset, count);
        (bytes32 computed, uint256 used) =
            MerkleTree.rootOfMany(ids, proof[from:offset], count, proof[offset:]);
        if (offset + used != proof.length) {
            revert IAggregateRootIsm.MetadataLength(offset + used, proof.length);
        }
        bytes32 expected = messageRoot(proof);
        if (computed != expected) revert IAggregateRootIsm.InvalidMessageProof(expected, computed);
    }

    /// @notice The aggregate root that leaf, leaf path and shard path lead to.
    function aggregateRoot(bytes calldata proof) internal pure returns (bytes32) {
        uint256 shardPath;
        unchecked {
            shardPath = FIXED_LENGTH + 32 * uint256(_byte(proof, LEAF_PATH_LENGTH));
        }
        bytes32 leafHash = keccak256(proof[LEAF:LEAF_END]);
        bytes32 shardRoot = climb(leafHash, proof, FIXED_LENGTH, shardPath);
        bytes32 node = Leaf.shardNode(uint32(bytes4(_word(proof, SHARD_ID))), shardRoot);
        return climb(node, proof, shardPath, messagePathOffset(proof));
    }

    /// @notice Where leaf path and shard path end and the message path begins.
    function messagePathOffset(bytes calldata proof) internal pure returns (uint256) {
        unchecked {
            uint256 siblings =
                uint256(_byte(proof, LEAF_PATH_LENGTH)) + _byte(proof, SHARD_PATH_LENGTH);
            return FIXED_LENGTH + 32 * siblings;
        }
    }

    /// @dev Reverts unless the indices between two offsets are strictly ascending and below `count`.
    function _checkIndices(bytes calldata proof, uint256 from, uint256 to, uint32 count)
        private
        pure
    {
        uint256 least;
        unchecked {
            for (; from < to; from += 4) {
                uint256 index = uint256(_word(proof, from)) >> 224;
                if (index < least) {
                    revert IAggregateRootIsm.MessageIndicesNotAscending(uint32(index));
                }
                least = index + 1;
            }
        }
        if (least > count) {
            revert IAggregateRootIsm.MessageIndexOutOfRange(uint32(least - 1), count);
        }
    }

    /// @notice OpenZeppelin's `processProof` over the packed siblings between two offsets.
    function climb(bytes32 node, bytes calldata proof, uint256 from, uint256 to)
        internal
        pure
        returns (bytes32)
    {
        while (from < to) {
            node = Hashes.commutativeKeccak256(node, _word(proof, from));
            unchecked {
                from += 32;
            }
        }
        return node;
    }

    function _word(bytes calldata data, uint256 offset) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := calldataload(add(data.offset, offset))
        }
    }

    function _byte(bytes calldata data, uint256 offset) private pure returns (uint8) {
        return uint8(bytes1(_word(data, offset)));
    }
}
