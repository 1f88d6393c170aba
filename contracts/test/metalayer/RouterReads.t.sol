// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {
    IMetalayerRecipient,
    ReadOperation
} from "../../src/metalayer/interfaces/IMetalayerRecipient.sol";
import {FinalityState, IMetalayerRouter} from "../../src/metalayer/interfaces/IMetalayerRouter.sol";
import {Leaf} from "../../src/metalayer/libs/Leaf.sol";
import {Message} from "../../src/metalayer/libs/Message.sol";
import {ReadProof} from "../../src/metalayer/libs/ReadProof.sol";
import {ReadResults} from "../../src/metalayer/libs/ReadResults.sol";
import {Epochs} from "../utils/Epochs.sol";
import {MetalayerTest} from "../utils/MetalayerTest.sol";
import {Trees} from "../utils/Trees.sol";

/// @notice Keeps what it got.
contract ReadingRecipient is IMetalayerRecipient {
    ReadOperation[] private _reads;
    bytes[] private _results;

    function handle(
        uint32,
        bytes32,
        bytes calldata,
        ReadOperation[] calldata reads,
        bytes[] calldata readResults
    ) external payable override {
        for (uint256 i = 0; i < reads.length; ++i) {
            _reads.push(reads[i]);
        }
        for (uint256 i = 0; i < readResults.length; ++i) {
            _results.push(readResults[i]);
        }
    }

    function got() external view returns (ReadOperation[] memory, bytes[] memory) {
        return (_reads, _results);
    }
}

/// @notice FINALIZED messages and reads of the router; the reads' tree is made here.
contract RouterReadsTest is MetalayerTest {
    ReadingRecipient internal reader;
    ReadOperation[] internal noReads;
    uint8 internal attested = Leaf.INSTANT;

    function setUp() public override {
        super.setUp();
        reader = new ReadingRecipient();
    }

    // ---- dispatch

    function test_dispatch_revertsWithTooManyReads() public {
        ReadOperation[] memory reads = new ReadOperation[](9);
        bytes memory reason = abi.encodeWithSelector(IMetalayerRouter.TooManyReads.selector, 9, 8);
        vm.expectRevert(reason);
        here.router.dispatch(THERE, alice, reads, "x", FinalityState.INSTANT, 1);
        vm.expectRevert(reason);
        here.router.quoteDispatch(THERE, alice, reads, "x", FinalityState.INSTANT, 1);
        here.router.dispatch(THERE, alice, new ReadOperation[](8), "", FinalityState.INSTANT, 1);
    }

    function test_dispatch_revertsWithReadTooLong() public {
        ReadOperation[] memory reads = new ReadOperation[](2);
        reads[1].callData = new bytes(1024);
        here.router.dispatch(THERE, alice, reads, "x", FinalityState.INSTANT, 1);
        reads[1].callData = new bytes(1025);
        vm.expectRevert(
            abi.encodeWithSelector(IMetalayerRouter.ReadTooLong.selector, 1, 1025, 1024)
        );
        here.router.dispatch(THERE, alice, reads, "x", FinalityState.INSTANT, 1);
    }

    // ---- FINALIZED

    function test_process_deliversFinalizedMessageUnderAFinalizedLeaf() public {
        bytes memory message = _route(noReads, FinalityState.FINALIZED);
        attested = Leaf.FINALIZED;
        _attest(0);
        there.mailbox.process(_metadata(0), message);
        assertTrue(there.mailbox.delivered(keccak256(message)));
    }

    function test_process_revertsWithNotFinal() public {
        bytes memory message = _route(noReads, FinalityState.FINALIZED);
        _attest(0);
        bytes memory metadata = _metadata(0);
        vm.expectRevert(
            abi.encodeWithSelector(IMetalayerRouter.NotFinal.selector, keccak256(message))
        );
        there.mailbox.process(metadata, message);
    }

    function test_process_finalizedMessageOfASharedProof() public {
        bytes memory message = _route(noReads, FinalityState.FINALIZED);
        _attest(0);
        uint256[] memory indices = new uint256[](1);
        bytes memory proof = Epochs.multiProof(lastEpoch, _finalLeaves(), 1, ids, indices);
        there.ism.prove(proof, ids);
        vm.expectRevert(
            abi.encodeWithSelector(IMetalayerRouter.NotFinal.selector, keccak256(message))
        );
        there.mailbox.process(hex"02", message);

        attested = Leaf.FINALIZED;
        _attest(0);
        there.ism.prove(Epochs.multiProof(lastEpoch, _finalLeaves(), 1, ids, indices), ids);
        there.mailbox.process(hex"02", message);
        assertTrue(there.mailbox.delivered(keccak256(message)));
    }

    // ---- reads

    function test_process_givesResultsInOrder() public {
        (bytes memory message, bytes[] memory results) = _reading();
        _attest(_readsNode(results));
        there.mailbox.process(_withReads(_metadata(0), results), message);
        _assertGot(results);
    }

    /// @dev Also with the one byte that names a shared proof.
    function test_process_givesResultsWithASharedProof() public {
        (bytes memory message, bytes[] memory results) = _reading();
        _attest(_readsNode(results));
        uint256[] memory indices = new uint256[](1);
        bytes memory proof = _multiProof(indices, results);
        there.ism.prove(proof, ids);
        there.mailbox.process(_withReads(hex"02", results), message);
        _assertGot(results);
    }

    function testFuzz_process_revertsWithInvalidReadProof(uint256 at, uint8 by) public {
        (bytes memory message, bytes[] memory results) = _reading();
        _attest(_readsNode(results));
        bytes memory metadata = _withReads(_metadata(0), results);
        bytes memory last = results[1];
        vm.assume(by != 0);
        last[at % last.length] ^= bytes1(by);
        bytes memory forged = _withReads(_metadata(0), results);
        vm.expectPartialRevert(IMetalayerRouter.InvalidReadProof.selector);
        there.mailbox.process(forged, message);
        there.mailbox.process(metadata, message);
    }

    /// @dev Results of one message do for no other.
    function test_process_revertsWithInvalidReadProofForAnotherMessage() public {
        (, bytes[] memory results) = _reading();
        (bytes memory other,) = _reading();
        _attest(_readsNode(results));
        bytes memory metadata = _withReads(_metadataWith(1, results), results);
        vm.expectPartialRevert(IMetalayerRouter.InvalidReadProof.selector);
        there.mailbox.process(metadata, other);
    }

    function test_process_revertsWithNoReadProof() public {
        (bytes memory message, bytes[] memory results) = _reading();
        _attest(_readsNode(results));
        bytes memory metadata = _metadataWith(0, results);
        vm.expectRevert(IMetalayerRouter.NoReadProof.selector);
        there.mailbox.process(metadata, message);
        vm.expectRevert(IMetalayerRouter.NoReadProof.selector);
        there.mailbox.process("", message);
        bytes memory cut = abi.encodePacked(uint8(3), lastEpoch, uint16(999), uint16(0));
        vm.expectRevert(IMetalayerRouter.NoReadProof.selector);
        there.mailbox.process(cut, message);
    }

    function test_process_revertsWithUnknownEpoch() public {
        (bytes memory message, bytes[] memory results) = _reading();
        bytes memory metadata = _withReads("", results);
        vm.expectRevert(abi.encodeWithSelector(IMetalayerRouter.UnknownEpoch.selector, 0));
        there.mailbox.process(metadata, message);
    }

    function test_process_revertsWithReadResultCount() public {
        (bytes memory message,) = _reading();
        bytes[] memory results = new bytes[](1);
        _attest(_readsNode(results));
        bytes memory metadata = _withReads(_metadataWith(0, results), results);
        vm.expectRevert(abi.encodeWithSelector(IMetalayerRouter.ReadResultCount.selector, 1, 2));
        there.mailbox.process(metadata, message);
    }

    /// @dev What was verified is good for one delivery, of that message.
    function test_handle_revertsWithNotVerifiedTheSecondTime() public {
        (bytes memory message, bytes[] memory results) = _reading();
        _attest(_readsNode(results));
        bytes memory metadata = _withReads(_metadataWith(0, results), results);
        there.mailbox.process(metadata, message);
        bytes memory body = new bytes(message.length - 77);
        for (uint256 i = 0; i < body.length; ++i) {
            body[i] = message[77 + i];
        }
        vm.prank(address(there.mailbox));
        vm.expectRevert(IMetalayerRouter.NotVerified.selector);
        there.router.handle(HERE, Message.toBytes32(address(here.router)), body);
    }

    // ---- results

    function test_results_tellFailures() public pure {
        bytes memory reverted =
            abi.encodePacked(ReadResults.ReadReverted.selector, bytes4(0x12345678));
        assertFalse(ReadResults.succeeded(reverted));
        assertEq(ReadResults.errorOf(reverted), bytes4(0x12345678));
        bytes memory silent = abi.encodePacked(ReadResults.ReadReverted.selector);
        assertFalse(ReadResults.succeeded(silent));
        assertEq(ReadResults.errorOf(silent), bytes4(0));
        assertFalse(ReadResults.succeeded(abi.encodePacked(ReadResults.ResultTooLong.selector)));
        assertTrue(ReadResults.succeeded(""));
        assertTrue(ReadResults.succeeded(abi.encode(7)));
        assertTrue(ReadResults.succeeded(abi.encodePacked(reverted, bytes32(0))));
    }

    function decode(bytes calldata result) external pure returns (uint256) {
        return abi.decode(result, (uint256));
    }

    /// @dev Whoever does not ask does not take a failure for a value.
    function testFuzz_results_failureIsNoValue(bytes27 reason, uint256 length) public {
        bytes memory failure = abi.encodePacked(ReadResults.ReadReverted.selector, reason);
        length = bound(length, 4, 31);
        assembly {
            mstore(failure, length)
        }
        vm.expectRevert();
        this.decode(failure);
    }

    // ---- made here

    function _reading() private returns (bytes memory message, bytes[] memory results) {
        ReadOperation[] memory reads = new ReadOperation[](2);
        reads[0] = ReadOperation(903, alice, hex"11223344");
        reads[1] = ReadOperation(900, bob, "");
        message = _route(reads, FinalityState.INSTANT);
        results = new bytes[](2);
        results[0] = abi.encode(uint256(7));
        results[1] = abi.encodePacked(ReadResults.ReadReverted.selector, "why");
    }

    function _route(ReadOperation[] memory reads, FinalityState finality)
        private
        returns (bytes memory)
    {
        uint32 nonce = here.mailbox.nonce();
        vm.prank(alice);
        here.router.dispatch(THERE, address(reader), reads, "x", finality, 2_000_000);
        ids.push(here.mailbox.latestDispatchedId());
        bytes memory body = abi.encode(
            uint8(1),
            uint8(finality),
            2_000_000,
            Message.toBytes32(alice),
            Message.toBytes32(address(reader)),
            reads,
            "x"
        );
        return _message(nonce, address(here.router), address(there.router), body);
    }

    function _finalLeaves() private view returns (Leaf.Data[] memory leaves) {
        leaves = _leaves();
        leaves[1].finality = attested;
    }

    /// @dev Has all leaves certified, with an epoch's reads beside them unless `readsNode` is zero.
    function _attest(bytes32 readsNode) private {
        bytes32 top = Epochs.aggregateRoot(_finalLeaves());
        if (readsNode != 0) top = Trees.sorted(_pair(top, readsNode))[0];
        there.verifier.certify(++lastEpoch, top);
    }

    function _pair(bytes32 a, bytes32 b) private pure returns (bytes32[] memory both) {
        both = new bytes32[](2);
        (both[0], both[1]) = (a, b);
    }

    /// @dev The tree over an epoch's reads has two leaves: another message's, and that of message 0.
    function _readsNode(bytes[] memory results) private view returns (bytes32) {
        return this.nodeOf(
            Trees.sorted(_pair(keccak256("other"), this.leafOf(ids[0], abi.encode(results))))[0]
        );
    }

    function leafOf(bytes32 id, bytes calldata results) external pure returns (bytes32) {
        return ReadProof.leaf(id, results);
    }

    function nodeOf(bytes32 root) external pure returns (bytes32) {
        return ReadProof.node(root);
    }

    function _metadata(uint32 index) private view returns (bytes memory) {
        return Epochs.metadata(lastEpoch, _finalLeaves(), 1, ids, index);
    }

    /// @dev The same where the epoch has reads: one more step from the shard to the root.
    function _metadataWith(uint32 index, bytes[] memory results)
        private
        view
        returns (bytes memory)
    {
        Leaf.Data[] memory leaves = _finalLeaves();
        Epochs.Paths memory paths = Epochs.Paths(
            Trees.sortedPath(Epochs.shardTree(leaves), 1),
            bytes.concat(_readsNode(results)),
            Trees.messagePath(ids, index)
        );
        return Epochs.pack(lastEpoch, leaves[1], index, 0, paths);
    }

    function _multiProof(uint256[] memory indices, bytes[] memory results)
        private
        view
        returns (bytes memory)
    {
        bytes memory leafPath = Trees.sortedPath(Epochs.shardTree(_finalLeaves()), 1);
        return bytes.concat(
            abi.encodePacked(uint8(2), lastEpoch, Leaf.encode(_finalLeaves()[1]), uint32(1)),
            abi.encodePacked(uint32(0), uint8(leafPath.length / 32), uint8(1), leafPath),
            abi.encodePacked(_readsNode(results), uint32(indices[0])),
            Trees.sharedPath(ids, indices)
        );
    }

    function _withReads(bytes memory inner, bytes[] memory results)
        private
        view
        returns (bytes memory)
    {
        if (inner.length > 1) inner = _metadataWith(0, results);
        bytes32 shard = Epochs.aggregateRoot(_finalLeaves());
        return bytes.concat(
            abi.encodePacked(uint8(3), lastEpoch, uint16(inner.length), uint8(1), uint8(1), inner),
            abi.encodePacked(keccak256("other"), shard, abi.encode(results))
        );
    }

    function _assertGot(bytes[] memory results) private view {
        (ReadOperation[] memory reads, bytes[] memory got) = reader.got();
        assertEq(reads.length, 2);
        assertEq(reads[0].sourceChainId, 903);
        assertEq(reads[1].sourceContract, bob);
        assertEq(abi.encode(got), abi.encode(results));
    }
}
