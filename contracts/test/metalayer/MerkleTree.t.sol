// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {MerkleTree} from "../../src/metalayer/libs/MerkleTree.sol";
import {Trees} from "../utils/Trees.sol";

contract MerkleTreeTest is Test {
    MerkleTree.Tree internal tree;

    function insert(bytes32 leaf) external returns (bytes32) {
        return MerkleTree.insert(tree, leaf);
    }

    function rootOf(bytes32 leaf, uint256 index, uint256 count, bytes calldata path)
        external
        pure
        returns (bytes32 root, uint256 used)
    {
        return MerkleTree.rootOf(leaf, index, count, path);
    }

    function rootOfMany(
        bytes32[] calldata leaves,
        bytes calldata indices,
        uint256 count,
        bytes calldata path
    ) external pure returns (bytes32 root, uint256 used) {
        return MerkleTree.rootOfMany(leaves, indices, count, path);
    }

    function test_zeroes() public pure {
        bytes32 node;
        for (uint256 height = 0; height < 32; ++height) {
            assertEq(MerkleTree.zero(height), node);
            node = keccak256(abi.encode(node, node));
        }
        assertEq(MerkleTree.EMPTY_ROOT, node);
        assertEq(MerkleTree.EMPTY_ROOT, Trees.messageRoot(new bytes32[](0)));
    }

    function test_insert_rootsOfTheFirstHundred() public {
        bytes32[] memory leaves;
        for (uint256 i = 0; i < 100; ++i) {
            bytes32 leaf = keccak256(abi.encode(i));
            leaves = _append(leaves, leaf);
            assertEq(this.insert(leaf), Trees.messageRoot(leaves));
        }
        assertEq(tree.count, 100);
    }

    function test_insert_lastPlace() public {
        // a tree of 2^32 - 2 leaves, all of them zero: then every branch is an empty subtree's root
        tree.count = MerkleTree.MAX_LEAVES - 1;
        for (uint256 height = 0; height < 32; ++height) {
            tree.branch[height] = MerkleTree.zero(height);
        }
        bytes32 root = this.insert(bytes32(0));
        assertEq(root, MerkleTree.EMPTY_ROOT);
        assertEq(tree.count, MerkleTree.MAX_LEAVES);
    }

    function test_insert_revertsWithTreeFull() public {
        tree.count = MerkleTree.MAX_LEAVES;
        vm.expectRevert(MerkleTree.TreeFull.selector);
        this.insert(bytes32(0));
    }

    function testFuzz_insert_equalsReference(bytes32[] memory leaves) public {
        vm.assume(leaves.length > 0);
        bytes32 root;
        for (uint256 i = 0; i < leaves.length; ++i) {
            root = this.insert(leaves[i]);
        }
        assertEq(root, Trees.messageRoot(leaves));
    }

    function testFuzz_rootOf_everyPathLeadsToTheRoot(uint256 seed, uint8 size) public view {
        bytes32[] memory leaves = new bytes32[](bound(size, 1, 40));
        for (uint256 i = 0; i < leaves.length; ++i) {
            leaves[i] = keccak256(abi.encode(seed, i));
        }
        bytes32 expected = Trees.messageRoot(leaves);
        for (uint256 i = 0; i < leaves.length; ++i) {
            bytes memory path = Trees.messagePath(leaves, i);
            (bytes32 root, uint256 used) = this.rootOf(leaves[i], i, leaves.length, path);
            assertEq(root, expected);
            assertEq(used, path.length);
        }
    }

    function testFuzz_rootOf_aWrongLeafOrPathLeadsElsewhere(uint256 seed, uint8 size, uint8 place)
        public
        view
    {
        bytes32[] memory leaves = new bytes32[](bound(size, 2, 40));
        for (uint256 i = 0; i < leaves.length; ++i) {
            leaves[i] = keccak256(abi.encode(seed, i));
        }
        uint256 index = bound(place, 0, leaves.length - 1);
        bytes32 expected = Trees.messageRoot(leaves);
        bytes memory path = Trees.messagePath(leaves, index);

        (bytes32 root,) = this.rootOf(~leaves[index], index, leaves.length, path);
        assertNotEq(root, expected);
        path[seed % path.length] ^= 0x01;
        (root,) = this.rootOf(leaves[index], index, leaves.length, path);
        assertNotEq(root, expected);
    }

    /// @dev The rule of docs/formats.md, as it stands there.
    function testFuzz_rootOf_leavesOutExactlyTheEmptySiblings(uint32 index, uint32 count)
        public
        view
    {
        vm.assume(index < count);
        uint256 siblings;
        for (uint256 k = 0; k < 32; ++k) {
            if ((((uint256(index) >> k) ^ 1) << k) < count) ++siblings;
        }
        (, uint256 used) = this.rootOf(bytes32(0), index, count, new bytes(32 * 32));
        assertEq(used, 32 * siblings);
    }

    function _append(bytes32[] memory leaves, bytes32 leaf)
        private
        pure
        returns (bytes32[] memory longer)
    {
        longer = new bytes32[](leaves.length + 1);
        for (uint256 i = 0; i < leaves.length; ++i) {
            longer[i] = leaves[i];
        }
        longer[leaves.length] = leaf;
    }

    /// @dev Any choice of leaves of any tree, the mask's bits telling which.
    function testFuzz_rootOfMany_equalsReference(bytes32[] memory leaves, uint256 mask)
        public
        view
    {
        vm.assume(leaves.length != 0);
        uint256[] memory chosen = new uint256[](leaves.length);
        uint256 length = 0;
        for (uint256 i = 0; i < leaves.length; ++i) {
            bool last = length == 0 && i == leaves.length - 1;
            if (last || mask >> (i % 256) & 1 == 1) chosen[length++] = i;
        }
        assembly ("memory-safe") {
            mstore(chosen, length)
        }
        bytes memory path = Trees.sharedPath(leaves, chosen);
        bytes memory indices;
        bytes32[] memory given = new bytes32[](length);
        for (uint256 i = 0; i < length; ++i) {
            given[i] = leaves[chosen[i]];
            indices = bytes.concat(indices, bytes4(uint32(chosen[i])));
        }
        (bytes32 root, uint256 used) = this.rootOfMany(given, indices, leaves.length, path);
        assertEq(root, Trees.messageRoot(leaves));
        assertEq(used, path.length);
    }
}
