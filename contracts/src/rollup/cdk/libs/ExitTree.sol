// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {MerkleTree} from "../../../metalayer/libs/MerkleTree.sol";

/// @title ExitTree
/// @notice Proofs in trees of depth 32 as Polygon's bridge gives them: all siblings, empty ones too.
library ExitTree {
    /// @notice Root to which `path` leads from `node` at `index`.
    function rootOf(bytes32 node, bytes32[32] calldata path, uint32 index)
        internal
        pure
        returns (bytes32)
    {
        for (uint256 height = 0; height < MerkleTree.DEPTH; ++height) {
            node = index >> height & 1 == 1
                ? MerkleTree.hashPair(path[height], node)
                : MerkleTree.hashPair(node, path[height]);
        }
        return node;
    }

    /// @notice Root of the tree whose only leaf is `node`, at index 0.
    function rootOfOne(bytes32 node) internal pure returns (bytes32) {
        bytes32 empty;
        for (uint256 height = 0; height < MerkleTree.DEPTH; ++height) {
            node = MerkleTree.hashPair(node, empty);
            empty = MerkleTree.hashPair(empty, empty);
        }
        return node;
    }
}
