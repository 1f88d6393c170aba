// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Vm} from "forge-std/Vm.sol";
import {AggregateRootIsm} from "../../src/metalayer/AggregateRootIsm.sol";
import {BatchProcessor} from "../../src/metalayer/BatchProcessor.sol";
import {RootVerifier} from "../../src/metalayer/RootVerifier.sol";
import {IAggregateRootIsm} from "../../src/metalayer/interfaces/IAggregateRootIsm.sol";
import {IBatchProcessor} from "../../src/metalayer/interfaces/IBatchProcessor.sol";
import {IMailbox} from "../../src/metalayer/interfaces/IMailbox.sol";
import {
    AbsentMember,
    Certificate,
    EpochHeader,
    GuardianSet,
    IRootVerifier
} from "../../src/metalayer/interfaces/IRootVerifier.sol";
import {EpochHeaders} from "../../src/metalayer/libs/EpochHeaders.sol";
import {Epochs} from "../utils/Epochs.sol";
import {GuardianFixture} from "../utils/GuardianFixture.sol";
import {MetalayerTest} from "../utils/MetalayerTest.sol";

/// @notice Messages under certificates that guardians really signed, and every way to cheat on the road.
/// forge-config: default.isolate = true
contract EndToEndTest is MetalayerTest, GuardianFixture {
    using EpochHeaders for EpochHeader;

    AbsentMember[] internal members;
    RootVerifier internal verifier;
    BatchProcessor internal batch;
    bytes internal message;

    function setUp() public override {
        super.setUp();
        verifier = deployVerifier();
        address ism = _proxy(
            address(new AggregateRootIsm(address(verifier))),
            abi.encodeCall(AggregateRootIsm.initialize, (governor))
        );
        vm.prank(governor);
        there.mailbox.setDefaultIsm(ism);
        batch = new BatchProcessor(address(there.mailbox), address(verifier));

        _install(4);
        message = _send(address(there.recipient), "a body of thirty-one bytes, yes");
    }

    function test_gas_certificateAndMessage() public {
        _process(_certificate(1, 0), message);
        uint256 used = vm.lastCallGas().gasTotalUsed;
        emit log_named_uint("certificate and message", used);
        assertTrue(there.mailbox.delivered(ids[0]));
        assertEq(there.recipient.lastData(), "a body of thirty-one bytes, yes");
        assertLe(used, 385_000);
    }

    function test_delivery_oneGuardianOfFourAbsent() public {
        for (uint256 absent = 0; absent < 4; ++absent) {
            batch.processBatch(
                _certificate(uint64(absent + 1), 1 << absent), new IBatchProcessor.Item[](0)
            );
        }
        _process(new Certificate[](0), message);
        assertTrue(there.mailbox.delivered(ids[0]));
    }

    function test_delivery_messageAlreadyDeliveredIsPassedOver() public {
        Certificate[] memory certificates = _certificate(1, 0);
        _process(certificates, message);
        _process(certificates, message);
        assertEq(there.recipient.count(), 1);
    }

    // ---- certificates

    function test_delivery_revertsWithInvalidSignatureForAForgedCertificate() public {
        Certificate[] memory certificates = _certificate(1, 0);
        certificates[0].header.aggregateRoot = keccak256("forged");
        vm.expectRevert(IRootVerifier.InvalidSignature.selector);
        _process(certificates, message);
    }

    function test_delivery_revertsWithInvalidSignatureForAnotherDevnetsCertificate() public {
        Certificate[] memory certificates = _certificate(1, 0);
        bytes32 digest = certificates[0].header.hash(keccak256("another network"));
        certificates[0].quorum = signed(digest, members, 0);
        vm.expectRevert(IRootVerifier.InvalidSignature.selector);
        _process(certificates, message);
    }

    function test_delivery_revertsWithQuorumNotReachedWhenTwoOfFourAreAbsent() public {
        Certificate[] memory certificates = _certificate(1, 3);
        vm.expectRevert(
            abi.encodeWithSelector(
                IRootVerifier.QuorumNotReached.selector, 200_000 ether, 400_000 ether
            )
        );
        _process(certificates, message);
    }

    function test_delivery_revertsWithQuorumNotReachedAtExactlyTwoThirds() public {
        _install(3);
        Certificate[] memory certificates = _certificate(1, 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IRootVerifier.QuorumNotReached.selector, 200_000 ether, 300_000 ether
            )
        );
        _process(certificates, message);
    }

    // ---- messages

    function test_process_revertsWithUnknownEpochWithoutACertificate() public {
        bytes memory proof = _metadata(1);
        vm.expectRevert(abi.encodeWithSelector(IAggregateRootIsm.UnknownEpoch.selector, 1));
        there.mailbox.process(proof, message);
    }

    function test_process_revertsWithAlreadyDeliveredOnReplay() public {
        _process(_certificate(1, 0), message);
        bytes memory proof = _metadata(1);
        vm.expectRevert(abi.encodeWithSelector(IMailbox.AlreadyDelivered.selector, ids[0]));
        there.mailbox.process(proof, message);
    }

    function test_process_revertsWithInvalidMessageProofForAForgedMessage() public {
        _process(_certificate(1, 0), message);
        bytes memory forged = _message(0, bob, address(there.recipient), "give me all");
        bytes memory proof = _metadata(1);
        vm.expectPartialRevert(IAggregateRootIsm.InvalidMessageProof.selector);
        there.mailbox.process(proof, forged);
    }

    function test_processBatch_namesTheReasonOfAForgedMessage() public {
        bytes memory forged = _message(0, bob, address(there.recipient), "give me all");
        vm.recordLogs();
        _process(_certificate(1, 0), forged);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        Vm.Log memory last = logs[logs.length - 1];
        assertEq(last.topics[0], IBatchProcessor.MessageFailed.selector);
        assertEq(last.topics[1], keccak256(forged));
        bytes memory reason = abi.decode(last.data, (bytes));
        assertEq(bytes4(reason), IAggregateRootIsm.InvalidMessageProof.selector);
        assertEq(there.recipient.count(), 0);
    }

    function _install(uint256 size) private {
        delete members;
        AbsentMember[] memory fresh = membersOf(equalStakes(size));
        for (uint256 i = 0; i < size; ++i) {
            members.push(fresh[i]);
        }
        GuardianSet memory set = setOf(verifier.guardianSet().setId + 1, fresh);
        vm.prank(OWNER);
        verifier.install(NETWORK, set);
    }

    /// @dev Over everything dispatched here, signed by all but the absent, who are given as a mask.
    function _certificate(uint64 epoch, uint256 absent)
        private
        view
        returns (Certificate[] memory certificates)
    {
        EpochHeader memory header = headerOf(verifier.guardianSet().setId, epoch);
        header.aggregateRoot = Epochs.aggregateRoot(_leaves());
        certificates = new Certificate[](1);
        certificates[0] = certify(header, members, absent);
    }

    function _metadata(uint64 epoch) private view returns (bytes memory) {
        return Epochs.metadata(epoch, _leaves(), 1, ids, 0);
    }

    function _process(Certificate[] memory certificates, bytes memory message_) private {
        IBatchProcessor.Item[] memory items = new IBatchProcessor.Item[](1);
        items[0] = IBatchProcessor.Item(400_000, _metadata(1), message_);
        batch.processBatch(certificates, items);
    }
}
