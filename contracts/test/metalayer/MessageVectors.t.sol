// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Leaf} from "../../src/metalayer/libs/Leaf.sol";
import {MerkleTree} from "../../src/metalayer/libs/MerkleTree.sol";
import {MetalayerTest} from "../utils/MetalayerTest.sol";
import {Trees} from "../utils/Trees.sol";

/// @notice The vectors that Python made of docs/formats.md: trees, leaves, aggregate root, meta-proofs.
contract MessageVectorsTest is MetalayerTest {
    string internal json;
    MerkleTree.Tree internal tree;

    function setUp() public override {
        super.setUp();
        json = vm.readFile("../tests/vectors/metalayer.json");
    }

    function rootOf(bytes32 leaf, uint256 index, uint256 count, bytes calldata path)
        external
        pure
        returns (bytes32 root, uint256 used)
    {
        return MerkleTree.rootOf(leaf, index, count, path);
    }

    function test_vectors_leaves() public view {
        uint256 i;
        for (; _exists(".leaves", i); ++i) {
            string memory at = _at(".leaves", i);
            Leaf.Data memory leaf = Leaf.Data({
                domain: uint32(_uint(at, ".domain")),
                blockNumber: uint64(_uint(at, ".blockNumber")),
                blockHash: _word(at, ".blockHash"),
                stateRoot: _word(at, ".stateRoot"),
                messageRoot: _word(at, ".messageRoot"),
                messageCount: uint32(_uint(at, ".messageCount")),
                finality: uint8(_uint(at, ".finality"))
            });
            assertEq(Leaf.encode(leaf), _bytes(at, ".encoded"), at);
            assertEq(Leaf.hash(leaf), _word(at, ".hash"), at);
        }
        assertGt(i, 0);
    }

    function test_vectors_messageTreeRoots() public {
        bytes32[] memory leaves = vm.parseJsonBytes32Array(json, ".messageTree.leaves");
        bytes32[] memory roots = vm.parseJsonBytes32Array(json, ".messageTree.roots");
        assertEq(roots[0], MerkleTree.EMPTY_ROOT);
        for (uint256 i = 0; i < leaves.length; ++i) {
            assertEq(MerkleTree.insert(tree, leaves[i]), roots[i + 1]);
        }
    }

    function test_vectors_messagePaths() public view {
        bytes32[] memory leaves = vm.parseJsonBytes32Array(json, ".messageTree.leaves");
        bytes32[] memory roots = vm.parseJsonBytes32Array(json, ".messageTree.roots");
        uint256 i;
        for (; _exists(".messageTree.paths", i); ++i) {
            string memory at = _at(".messageTree.paths", i);
            uint256 index = _uint(at, ".index");
            uint256 count = _uint(at, ".count");
            bytes memory path = abi.encodePacked(_words(at, ".path"));
            (bytes32 root, uint256 used) = this.rootOf(leaves[index], index, count, path);
            assertEq(root, roots[count], at);
            assertEq(used, path.length, at);
        }
        assertGt(i, 0);
    }

    function test_vectors_arrayTrees() public view {
        uint256 i;
        for (; _exists(".arrayTrees", i); ++i) {
            string memory at = _at(".arrayTrees", i);
            bytes32[] memory leaves = _words(at, ".leaves");
            bytes32 root = _word(at, ".root");
            bytes32[] memory nodes = Trees.sorted(leaves);
            assertEq(nodes[0], root, at);
            for (uint256 k = 0; k < leaves.length; ++k) {
                bytes32[] memory proof = _words(_at(string.concat(at, ".proofs"), k), ".proof");
                assertEq(abi.encodePacked(proof), Trees.sortedPath(nodes, k), at);
                assertTrue(MerkleProof.verify(proof, root, leaves[k]), at);
            }
        }
        assertGt(i, 0);
    }

    function test_vectors_aggregateRoot() public view {
        bytes32[] memory nodes = new bytes32[](2);
        for (uint256 i = 0; i < 2; ++i) {
            string memory at = _at(".aggregate.shards", i);
            bytes[] memory leaves = vm.parseJsonBytesArray(json, string.concat(at, ".leaves"));
            bytes32[] memory hashes = new bytes32[](leaves.length);
            for (uint256 k = 0; k < leaves.length; ++k) {
                hashes[k] = keccak256(leaves[k]);
            }
            bytes32 root = Trees.sorted(hashes)[0];
            assertEq(root, _word(at, ".root"), at);
            nodes[i] = Leaf.shardNode(uint32(_uint(at, ".id")), root);
            assertEq(nodes[i], _word(at, ".node"), at);
        }
        assertEq(Trees.sorted(nodes)[0], _word(".aggregate", ".aggregateRoot"));
    }

    function test_vectors_metaProofs() public {
        uint256 i;
        for (; _exists(".metaProofs", i); ++i) {
            string memory at = _at(".metaProofs", i);
            bytes memory message = _bytes(at, ".message");
            bytes memory metadata = _bytes(at, ".metadata");
            assertEq(keccak256(message), _word(at, ".messageId"), at);
            there.verifier.certify(uint64(_uint(at, ".epoch")), _word(at, ".aggregateRoot"));
            assertTrue(there.ism.verify(metadata, message), at);

            message[message.length - 1] ^= 0x01;
            (bool success,) =
                address(there.ism).call(abi.encodeCall(there.ism.verify, (metadata, message)));
            assertFalse(success, at);
        }
        assertGt(i, 0);
    }

    function test_vectors_multiProofs() public {
        uint256 i;
        for (; _exists(".multiProofs", i); ++i) {
            string memory at = _at(".multiProofs", i);
            bytes32[] memory messageIds = _words(at, ".messageIds");
            bytes[] memory messages = vm.parseJsonBytesArray(json, string.concat(at, ".messages"));
            there.verifier.certify(uint64(_uint(at, ".epoch")), _word(at, ".aggregateRoot"));
            there.ism.prove(_bytes(at, ".proof"), messageIds);
            for (uint256 k = 0; k < messages.length; ++k) {
                assertEq(keccak256(messages[k]), messageIds[k], at);
                assertTrue(there.ism.verify(hex"02", messages[k]), at);
            }
        }
        assertGt(i, 0);
    }

    function _at(string memory list, uint256 index) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(index), "]");
    }

    function _exists(string memory list, uint256 index) private view returns (bool) {
        return vm.keyExistsJson(json, _at(list, index));
    }

    function _uint(string memory at, string memory key) private view returns (uint256) {
        return vm.parseJsonUint(json, string.concat(at, key));
    }

    function _word(string memory at, string memory key) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, string.concat(at, key));
    }

    function _words(string memory at, string memory key) private view returns (bytes32[] memory) {
        return vm.parseJsonBytes32Array(json, string.concat(at, key));
    }

    function _bytes(string memory at, string memory key) private view returns (bytes memory) {
        return vm.parseJsonBytes(json, string.concat(at, key));
    }
}
