// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IAggregateRootIsm} from "../../src/metalayer/interfaces/IAggregateRootIsm.sol";
import {Leaf} from "../../src/metalayer/libs/Leaf.sol";
import {Epochs} from "../utils/Epochs.sol";
import {MetalayerTest} from "../utils/MetalayerTest.sol";
import {Trees} from "../utils/Trees.sol";

contract AggregateRootIsmTest is MetalayerTest {
    bytes internal message;

    // offsets in the meta-proof
    uint256 internal constant EPOCH = 1;
    uint256 internal constant LEAF = 9;
    uint256 internal constant DOMAIN = 10;
    uint256 internal constant MESSAGE_COUNT = 118;
    uint256 internal constant FINALITY = 122;
    uint256 internal constant MESSAGE_INDEX = 123;
    uint256 internal constant SHARD = 127;
    uint256 internal constant A = 131;
    uint256 internal constant B = 132;
    uint256 internal constant LEAF_PATH = 133;

    function setUp() public override {
        super.setUp();
        for (uint256 i = 0; i < 5; ++i) {
            message = _send(address(there.recipient), abi.encode(i));
        }
        _attest();
    }

    function test_initialize() public {
        assertEq(there.ism.owner(), governor);
        assertEq(address(there.ism.rootVerifier()), address(there.verifier));
        assertEq(there.ism.moduleType(), 0);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        there.ism.initialize(alice);
    }

    function test_verify_acceptsEveryMessageOfTheTree() public view {
        for (uint32 i = 0; i < 5; ++i) {
            bytes memory each = _message(i, alice, address(there.recipient), abi.encode(i));
            assertTrue(there.ism.verify(_proof(i), each));
        }
    }

    function test_verify_acceptsAFinalizedLeaf() public {
        Leaf.Data[] memory leaves = _leaves();
        leaves[1].finality = Leaf.FINALIZED;
        there.verifier.certify(9, Epochs.aggregateRoot(leaves));
        assertTrue(there.ism.verify(Epochs.metadata(9, leaves, 1, ids, 4), message));
    }

    function test_verify_acceptsALeafAlone() public {
        Leaf.Data[] memory leaves = new Leaf.Data[](1);
        leaves[0] = Epochs.leafOf(HERE, ids);
        there.verifier.certify(9, Epochs.aggregateRoot(leaves));
        assertTrue(there.ism.verify(Epochs.metadata(9, leaves, 0, ids, 4), message));
    }

    function test_verify_acceptsMessagesOfOlderEpochs() public {
        bytes memory proof = _proof(4);
        _send(address(there.recipient), "later");
        _attest();
        assertTrue(there.ism.verify(proof, message));
    }

    // ---- form

    function test_verify_revertsWithMetadataLength() public {
        bytes memory proof = _proof(4);
        _expectLength(133, 0);
        there.ism.verify("", message);
        _expectLength(133, 132);
        there.ism.verify(_cut(proof, 132), message);
        // two siblings for the leaf, one for the last of five messages
        assertEq(proof.length, 133 + 32 * 3);
        _expectLength(proof.length - 32, proof.length - 33);
        there.ism.verify(_cut(proof, proof.length - 33), message);
        _expectLength(proof.length, proof.length - 1);
        there.ism.verify(_cut(proof, proof.length - 1), message);
        _expectLength(proof.length, proof.length + 1);
        there.ism.verify(bytes.concat(proof, hex"00"), message);
        _expectLength(proof.length, proof.length + 32);
        there.ism.verify(bytes.concat(proof, bytes32(0)), message);
    }

    function test_verify_revertsWithUnsupportedMetadataVersion() public {
        bytes memory proof = _proof(4);
        proof[0] = 0x02;
        vm.expectRevert(
            abi.encodeWithSelector(IAggregateRootIsm.UnsupportedMetadataVersion.selector, 2)
        );
        there.ism.verify(proof, message);
    }

    function test_verify_revertsWithUnsupportedLeafVersion() public {
        bytes memory proof = _proof(4);
        proof[LEAF] = 0x00;
        vm.expectRevert(
            abi.encodeWithSelector(IAggregateRootIsm.UnsupportedLeafVersion.selector, 0)
        );
        there.ism.verify(proof, message);
    }

    function test_verify_revertsWithUnsupportedLeafFinality() public {
        bytes memory proof = _proof(4);
        proof[FINALITY] = 0x02;
        vm.expectRevert(
            abi.encodeWithSelector(IAggregateRootIsm.UnsupportedLeafFinality.selector, 2)
        );
        there.ism.verify(proof, message);
    }

    // ---- content

    function test_verify_revertsWithUnknownEpoch() public {
        bytes memory proof = Epochs.metadata(2, _leaves(), 1, ids, 4);
        vm.expectRevert(abi.encodeWithSelector(IAggregateRootIsm.UnknownEpoch.selector, 2));
        there.ism.verify(proof, message);
    }

    function test_verify_revertsWithLeafDomainMismatch() public {
        bytes memory proof = Epochs.metadata(1, _leaves(), 2, ids, 4);
        vm.expectRevert(
            abi.encodeWithSelector(IAggregateRootIsm.LeafDomainMismatch.selector, THERE, HERE)
        );
        there.ism.verify(proof, message);
    }

    function test_verify_revertsWithMessageIndexOutOfRange() public {
        bytes memory proof = _proof(4);
        proof[MESSAGE_INDEX + 3] = 0x05;
        vm.expectRevert(
            abi.encodeWithSelector(IAggregateRootIsm.MessageIndexOutOfRange.selector, 5, 5)
        );
        there.ism.verify(proof, message);
    }

    function test_verify_revertsWithInvalidMessageProof() public {
        vm.expectPartialRevert(IAggregateRootIsm.InvalidMessageProof.selector);
        there.ism.verify(_proof(3), message);

        bytes memory otherPath = _proof(4);
        otherPath[otherPath.length - 1] ^= 0x01;
        vm.expectPartialRevert(IAggregateRootIsm.InvalidMessageProof.selector);
        there.ism.verify(otherPath, message);
    }

    /// @dev A leaf made to fit a message that was never dispatched: nothing certified it.
    function test_verify_revertsWithInvalidAggregateProofForAForgedLeaf() public {
        bytes32[] memory forgedIds = new bytes32[](1);
        bytes memory forged = _message(9, bob, address(there.recipient), "forged");
        forgedIds[0] = keccak256(forged);
        Leaf.Data[] memory leaves = _leaves();
        leaves[1] = Epochs.leafOf(HERE, forgedIds);
        bytes memory proof = Epochs.metadata(1, leaves, 1, forgedIds, 0);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAggregateRootIsm.InvalidAggregateProof.selector,
                there.verifier.aggregateRoots(1),
                Epochs.aggregateRoot(leaves)
            )
        );
        there.ism.verify(proof, forged);
    }

    function test_verify_revertsWithInvalidAggregateProofForAnotherShard() public {
        bytes memory proof = _proof(4);
        proof[SHARD + 3] = 0x01;
        vm.expectPartialRevert(IAggregateRootIsm.InvalidAggregateProof.selector);
        there.ism.verify(proof, message);
    }

    /// @dev A node of the leaf tree is no shard, nor a shard a leaf's sibling.
    function test_verify_revertsWhenPathsAreShifted() public {
        bytes memory proof = _proof(4);
        proof[A] = 0x01;
        proof[B] = 0x01;
        vm.expectPartialRevert(IAggregateRootIsm.InvalidAggregateProof.selector);
        there.ism.verify(proof, message);
        proof[A] = 0x00;
        proof[B] = 0x02;
        vm.expectPartialRevert(IAggregateRootIsm.InvalidAggregateProof.selector);
        there.ism.verify(proof, message);
        proof[B] = 0x00;
        vm.expectPartialRevert(IAggregateRootIsm.MetadataLength.selector);
        there.ism.verify(proof, message);
    }

    // ---- many at once

    function test_prove_marksMessagesUntilTheTransactionEnds() public {
        there.ism.prove(_multiProof(0, 4), _ids(0, 4));
        // a test is one transaction
        for (uint32 i = 0; i < 5; ++i) {
            bytes memory each = _message(i, alice, address(there.recipient), abi.encode(i));
            if (i < 4) assertTrue(there.ism.verify(hex"02", each));
        }
        vm.expectRevert(abi.encodeWithSelector(IAggregateRootIsm.NotProven.selector, ids[4]));
        there.ism.verify(hex"02", message);
    }

    function test_prove_revertsWithMetadataLength() public {
        bytes memory proof = _multiProof(1, 4);
        bytes32[] memory some = _ids(1, 4);
        _expectLength(133, 0);
        there.ism.prove("", some);
        _expectLength(133 + 64 + 12, 133 + 64 + 11);
        there.ism.prove(_cut(proof, 133 + 64 + 11), some);
        _expectLength(proof.length, proof.length - 1);
        there.ism.prove(_cut(proof, proof.length - 1), some);
        _expectLength(proof.length, proof.length + 32);
        there.ism.prove(bytes.concat(proof, bytes32(0)), some);
    }

    function test_prove_revertsWithUnsupportedMetadataVersion() public {
        bytes memory proof = _proof(4);
        bytes32[] memory some = _ids(4, 5);
        vm.expectRevert(
            abi.encodeWithSelector(IAggregateRootIsm.UnsupportedMetadataVersion.selector, 1)
        );
        there.ism.prove(proof, some);
    }

    function test_prove_revertsWithMessageNumber() public {
        bytes memory proof = _multiProof(0, 3);
        vm.expectRevert(abi.encodeWithSelector(IAggregateRootIsm.MessageNumber.selector, 3, 2));
        there.ism.prove(proof, _ids(0, 2));
    }

    function test_prove_revertsWithNoMessages() public {
        bytes memory proof = _multiProof(0, 0);
        vm.expectRevert(IAggregateRootIsm.NoMessages.selector);
        there.ism.prove(proof, new bytes32[](0));
    }

    function test_prove_revertsWithMessageIndicesNotAscending() public {
        bytes memory proof = _multiProof(0, 3);
        proof[133 + 64 + 11] = 0x01; // 0, 1, 1
        vm.expectRevert(
            abi.encodeWithSelector(IAggregateRootIsm.MessageIndicesNotAscending.selector, 1)
        );
        there.ism.prove(proof, _ids(0, 3));
    }

    function test_prove_revertsWithMessageIndexOutOfRange() public {
        bytes memory proof = _multiProof(0, 3);
        proof[133 + 64 + 11] = 0x05;
        vm.expectRevert(
            abi.encodeWithSelector(IAggregateRootIsm.MessageIndexOutOfRange.selector, 5, 5)
        );
        there.ism.prove(proof, _ids(0, 3));
    }

    function test_prove_revertsWithInvalidMessageProof() public {
        bytes memory proof = _multiProof(0, 3);
        vm.expectPartialRevert(IAggregateRootIsm.InvalidMessageProof.selector);
        there.ism.prove(proof, _ids(1, 4));
        proof[proof.length - 1] ^= 0x01;
        vm.expectPartialRevert(IAggregateRootIsm.InvalidMessageProof.selector);
        there.ism.prove(proof, _ids(0, 3));
    }

    function test_prove_revertsWithUnknownEpoch() public {
        bytes memory proof = Epochs.multiProof(2, _leaves(), 1, ids, _range(0, 2));
        vm.expectRevert(abi.encodeWithSelector(IAggregateRootIsm.UnknownEpoch.selector, 2));
        there.ism.prove(proof, _ids(0, 2));
    }

    function test_prove_revertsWithUnsupportedLeafFinality() public {
        bytes memory proof = _multiProof(0, 2);
        proof[FINALITY] = 0x02;
        vm.expectRevert(
            abi.encodeWithSelector(IAggregateRootIsm.UnsupportedLeafFinality.selector, 2)
        );
        there.ism.prove(proof, _ids(0, 2));
    }

    function test_prove_revertsWithInvalidAggregateProof() public {
        bytes memory proof = _multiProof(0, 2);
        proof[SHARD + 3] = 0x01;
        vm.expectPartialRevert(IAggregateRootIsm.InvalidAggregateProof.selector);
        there.ism.prove(proof, _ids(0, 2));
    }

    /// @dev A chain that dispatches what claims to be another's does not get it in.
    function test_verify_revertsWithLeafDomainMismatchForWhatAnotherChainProved() public {
        Leaf.Data[] memory leaves = _leaves();
        leaves[2] = Epochs.leafOf(THERE, ids);
        there.verifier.certify(9, Epochs.aggregateRoot(leaves));
        there.ism.prove(Epochs.multiProof(9, leaves, 2, ids, _range(4, 5)), _ids(4, 5));
        vm.expectRevert(
            abi.encodeWithSelector(IAggregateRootIsm.LeafDomainMismatch.selector, THERE, HERE)
        );
        there.ism.verify(hex"02", message);
    }

    /// @dev One bit anywhere turned, and nothing is proven that was not certified.
    function testFuzz_prove_refusesWhatIsTamperedWith(uint256 at, uint8 bit) public {
        bytes memory proof = _multiProof(1, 4);
        at = bound(at, 0, proof.length - 1);
        proof[at] ^= bytes1(uint8(1) << (bit % 8));
        (bool success,) =
            address(there.ism).call(abi.encodeCall(there.ism.prove, (proof, _ids(1, 4))));
        assertFalse(success);
    }

    function _multiProof(uint256 from, uint256 to) private view returns (bytes memory) {
        return Epochs.multiProof(lastEpoch, _leaves(), 1, ids, _range(from, to));
    }

    function _range(uint256 from, uint256 to) private pure returns (uint256[] memory indices) {
        indices = new uint256[](to - from);
        for (uint256 i = from; i < to; ++i) {
            indices[i - from] = i;
        }
    }

    function _ids(uint256 from, uint256 to) private view returns (bytes32[] memory some) {
        some = new bytes32[](to - from);
        for (uint256 i = from; i < to; ++i) {
            some[i - from] = ids[i];
        }
    }

    // ---- fuzz

    function testFuzz_verify_anyShapeOfNetwork(
        uint256 seed,
        uint8 messages,
        uint8 chains,
        uint8 shards
    ) public {
        bytes32[] memory own = new bytes32[](bound(messages, 1, 60));
        for (uint256 i = 0; i < own.length; ++i) {
            own[i] = keccak256(abi.encode(seed, i));
        }
        uint32 index = uint32(seed % own.length);
        bytes memory sent = _message(1, alice, bob, abi.encode(seed));
        own[index] = keccak256(sent);

        bytes memory proof = _certified(own, index, seed, bound(chains, 1, 20), bound(shards, 1, 9));
        assertTrue(there.ism.verify(proof, sent));
    }

    /// @dev Proof of `own[index]` in a network of some chains and shards, where it is certified.
    function _certified(
        bytes32[] memory own,
        uint32 index,
        uint256 seed,
        uint256 chains,
        uint256 shards
    ) private returns (bytes memory) {
        Epochs.Paths memory paths;
        Leaf.Data memory leaf;
        bytes32 root;
        uint32 shard = uint32(seed % shards);
        (leaf, root, paths.leaf) = _shard(own, seed, chains);
        paths.shard = _certify(5, root, shard, shards);
        paths.message = Trees.messagePath(own, index);
        return Epochs.pack(5, leaf, index, shard, paths);
    }

    function _shard(bytes32[] memory own, uint256 seed, uint256 chains)
        private
        view
        returns (Leaf.Data memory leaf, bytes32 root, bytes memory path)
    {
        Leaf.Data[] memory leaves = new Leaf.Data[](chains);
        uint256 ours = seed % chains;
        for (uint256 i = 0; i < chains; ++i) {
            leaves[i] = Epochs.leafOf(uint32(HERE + i - ours), i == ours ? own : ids);
        }
        bytes32[] memory tree = Epochs.shardTree(leaves);
        return (leaves[ours], tree[0], Trees.sortedPath(tree, ours));
    }

    function _certify(uint64 epoch, bytes32 shardRoot, uint32 shard, uint256 shards)
        private
        returns (bytes memory shardPath)
    {
        bytes32[] memory roots = new bytes32[](shards);
        for (uint256 i = 0; i < shards; ++i) {
            roots[i] = i == shard ? shardRoot : keccak256(abi.encode("shard", i));
        }
        bytes32[] memory tree = Epochs.aggregateTree(roots);
        there.verifier.certify(epoch, tree[0]);
        return Trees.sortedPath(tree, shard);
    }

    function testFuzz_verify_revertsWhenAnyBitIsTurned(uint256 position, uint8 bit) public {
        bytes memory proof = _proof(2);
        bytes memory sent = _message(2, alice, address(there.recipient), abi.encode(2));
        assertTrue(there.ism.verify(proof, sent));
        proof[position % proof.length] ^= bytes1(uint8(1) << (bit % 8));
        (bool success,) = address(there.ism).call(abi.encodeCall(there.ism.verify, (proof, sent)));
        assertFalse(success);
    }

    function testFuzz_verify_revertsForGarbage(bytes calldata garbage) public {
        (bool success,) =
            address(there.ism).call(abi.encodeCall(there.ism.verify, (garbage, message)));
        assertFalse(success);
    }

    function _expectLength(uint256 expected, uint256 actual) private {
        vm.expectRevert(
            abi.encodeWithSelector(IAggregateRootIsm.MetadataLength.selector, expected, actual)
        );
    }

    function _cut(bytes memory data, uint256 length) private pure returns (bytes memory cut) {
        cut = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            cut[i] = data[i];
        }
    }
}
