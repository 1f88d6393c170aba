// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

/// @notice Plain references for the trees of docs/formats.md: slow, whole in memory, written level by level.
library Trees {
    /// @notice Root of Hyperlane's depth-32 tree over `leaves`.
    function messageRoot(bytes32[] memory leaves) internal pure returns (bytes32) {
        bytes32[] memory level = leaves;
        bytes32 empty = 0;
        for (uint256 height = 0; height < 32; ++height) {
            level = _parents(level, empty);
            empty = keccak256(abi.encode(empty, empty));
        }
        return level.length == 0 ? empty : level[0];
    }

    /// @notice Path of leaf `index`, empty siblings left out.
    function messagePath(bytes32[] memory leaves, uint256 index)
        internal
        pure
        returns (bytes memory path)
    {
        bytes32[] memory level = leaves;
        bytes32 empty = 0;
        for (uint256 height = 0; height < 32; ++height) {
            uint256 sibling = index ^ 1;
            if (sibling < level.length) path = bytes.concat(path, level[sibling]);
            level = _parents(level, empty);
            empty = keccak256(abi.encode(empty, empty));
            index /= 2;
        }
    }

    /// @notice Path that leaves with ascending `indices` share: of each level, from left to right, the
    /// siblings that are neither empty nor above one of them.
    function sharedPath(bytes32[] memory leaves, uint256[] memory indices)
        internal
        pure
        returns (bytes memory path)
    {
        bytes32[] memory level = leaves;
        bytes32 empty = 0;
        bool[] memory known = new bool[](leaves.length + 1);
        for (uint256 i = 0; i < indices.length; ++i) {
            known[indices[i]] = true;
        }
        for (uint256 height = 0; height < 32; ++height) {
            bool[] memory above = new bool[](level.length / 2 + 2);
            for (uint256 i = 0; i < level.length; ++i) {
                if (!known[i]) continue;
                uint256 sibling = i ^ 1;
                if (sibling < level.length && !known[sibling]) {
                    path = bytes.concat(path, level[sibling]);
                }
                above[i / 2] = true;
            }
            known = above;
            level = _parents(level, empty);
            empty = keccak256(abi.encode(empty, empty));
        }
    }

    /// @notice OpenZeppelin's tree of sorted pairs, as an array with the root first.
    function sorted(bytes32[] memory leaves) internal pure returns (bytes32[] memory tree) {
        uint256 nodes = 2 * leaves.length - 1;
        tree = new bytes32[](nodes);
        for (uint256 i = 0; i < leaves.length; ++i) {
            tree[nodes - 1 - i] = leaves[i];
        }
        for (uint256 i = leaves.length - 1; i > 0; --i) {
            tree[i - 1] = Hashes.commutativeKeccak256(tree[2 * i - 1], tree[2 * i]);
        }
    }

    /// @notice Packed proof of leaf `index` of a {sorted} tree.
    function sortedPath(bytes32[] memory tree, uint256 index)
        internal
        pure
        returns (bytes memory path)
    {
        for (uint256 node = tree.length - 1 - index; node > 0; node = (node - 1) / 2) {
            path = bytes.concat(path, tree[node % 2 == 1 ? node + 1 : node - 1]);
        }
    }

    function _parents(bytes32[] memory level, bytes32 empty)
        private
        pure
        returns (bytes32[] memory parents)
    {
        parents = new bytes32[]((level.length + 1) / 2);
        for (uint256 i = 0; i < parents.length; ++i) {
            bytes32 right = 2 * i + 1 < level.length ? level[2 * i + 1] : empty;
            parents[i] = keccak256(abi.encode(level[2 * i], right));
        }
    }
}
