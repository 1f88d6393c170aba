// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Vm} from "forge-std/Vm.sol";
import {IAggregateRootIsm} from "../../src/metalayer/interfaces/IAggregateRootIsm.sol";
import {IBatchProcessor} from "../../src/metalayer/interfaces/IBatchProcessor.sol";
import {IMailbox} from "../../src/metalayer/interfaces/IMailbox.sol";
import {Certificate, IRootVerifier} from "../../src/metalayer/interfaces/IRootVerifier.sol";
import {ITestRecipient} from "../../src/metalayer/interfaces/ITestRecipient.sol";
import {BoundedCall} from "../../src/metalayer/libs/BoundedCall.sol";
import {
    GasBurningRecipient,
    GasMeterRecipient,
    ReturnBombRecipient,
    RevertingRecipient
} from "../mocks/Recipients.sol";
import {Epochs} from "../utils/Epochs.sol";
import {MetalayerTest} from "../utils/MetalayerTest.sol";

contract BatchProcessorTest is MetalayerTest {
    uint256 internal constant GAS = 400_000;

    function test_constructor() public view {
        assertEq(address(there.batch.mailbox()), address(there.mailbox));
        assertEq(address(there.batch.rootVerifier()), address(there.verifier));
    }

    function test_processBatch_bringsCertificateAndMessages() public {
        IBatchProcessor.Item[] memory items = _items(3, address(there.recipient));
        there.batch.processBatch(_certificates(), items);
        assertEq(there.verifier.submissions(), 1);
        assertEq(there.recipient.count(), 3);
        for (uint256 i = 0; i < 3; ++i) {
            assertTrue(there.mailbox.delivered(ids[i]));
            assertEq(there.mailbox.processor(ids[i]), address(there.batch));
        }
    }

    function test_processBatch_certificatesAlone() public {
        _send(address(there.recipient), "x");
        Certificate[] memory certificates = _certificates();
        there.batch.processBatch(certificates, new IBatchProcessor.Item[](0));
        assertEq(
            there.verifier.aggregateRoots(1), certificates[0].header.aggregateRoot, "certified"
        );
    }

    function test_processBatch_revertsWithTheVerifiersError() public {
        IBatchProcessor.Item[] memory items = _items(1, address(there.recipient));
        Certificate[] memory certificates = _certificates();
        certificates[0].quorum.signature = "";
        vm.expectRevert(IRootVerifier.InvalidSignature.selector);
        there.batch.processBatch(certificates, items);
    }

    function test_processBatch_oneFailureStopsNoOther() public {
        address[5] memory recipients = [
            address(there.recipient),
            address(new RevertingRecipient()),
            address(new GasBurningRecipient()),
            bob,
            address(there.recipient)
        ];
        for (uint256 i = 0; i < 5; ++i) {
            _send(recipients[i], abi.encode(i));
        }
        IBatchProcessor.Item[] memory items = new IBatchProcessor.Item[](5);
        for (uint32 i = 0; i < 5; ++i) {
            items[i] = _item(i, recipients[i], abi.encode(i));
        }
        _expectFailed(ids[1], abi.encodeWithSelector(RevertingRecipient.Refused.selector, 42));
        _expectFailed(ids[2], "");
        _expectFailed(ids[3], abi.encodeWithSelector(IMailbox.RecipientNotContract.selector, bob));
        there.batch.processBatch(_certificates(), items);

        assertEq(there.recipient.count(), 2);
        assertTrue(there.mailbox.delivered(ids[0]));
        assertFalse(there.mailbox.delivered(ids[1]));
        assertFalse(there.mailbox.delivered(ids[2]));
        assertFalse(there.mailbox.delivered(ids[3]));
        assertTrue(there.mailbox.delivered(ids[4]));
    }

    function test_processBatch_namesABrokenRecipient() public {
        IBatchProcessor.Item[] memory items = _items(1, address(there.recipient));
        there.recipient.setBroken(true);
        _expectFailed(
            ids[0],
            abi.encodeWithSelector(
                ITestRecipient.RecipientBroken.selector, "this recipient refuses every message"
            )
        );
        there.batch.processBatch(_certificates(), items);
    }

    function test_processBatch_namesAWrongProof() public {
        IBatchProcessor.Item[] memory items = _items(2, address(there.recipient));
        (items[0].metadata, items[1].metadata) = (items[1].metadata, items[0].metadata);
        vm.recordLogs();
        there.batch.processBatch(_certificates(), items);
        assertEq(_failures(), 2);
        assertEq(there.recipient.count(), 0);
    }

    function test_processBatch_passesOverWhatIsDelivered() public {
        IBatchProcessor.Item[] memory items = _items(2, address(there.recipient));
        there.batch.processBatch(_certificates(), items);
        vm.recordLogs();
        there.batch.processBatch(_certificates(), items);
        assertEq(_failures(), 0);
        assertEq(there.recipient.count(), 2);
    }

    function test_processBatch_sameMessageTwiceIsDeliveredOnce() public {
        IBatchProcessor.Item[] memory items = new IBatchProcessor.Item[](2);
        IBatchProcessor.Item[] memory one = _items(1, address(there.recipient));
        (items[0], items[1]) = (one[0], one[0]);
        there.batch.processBatch(_certificates(), items);
        assertEq(there.recipient.count(), 1);
    }

    function test_processBatch_cutsReasons() public {
        IBatchProcessor.Item[] memory items = _items(1, address(new ReturnBombRecipient(50_000)));
        _expectFailed(ids[0], new bytes(BoundedCall.MAX_REASON));
        there.batch.processBatch(_certificates(), items);
    }

    /// @dev The bomb's 100 kB would cost some 30,000 gas to copy; the item's limit is all that may go.
    function test_processBatch_isNotChargedForAReturnBomb() public {
        IBatchProcessor.Item[] memory items = _items(1, address(new ReturnBombRecipient(100_000)));
        Certificate[] memory certificates = _certificates();
        uint256 before = gasleft();
        there.batch.processBatch(certificates, items);
        assertLt(before - gasleft(), GAS + 140_000);
    }

    function test_processBatch_givesEachItsOwnGas() public {
        GasMeterRecipient meter = new GasMeterRecipient();
        IBatchProcessor.Item[] memory items = _items(1, address(meter));
        items[0].gasLimit = 200_000;
        there.batch.processBatch{gas: 5_000_000}(_certificates(), items);
        assertLt(meter.gasAtEntry(), 200_000);
    }

    function test_processBatch_revertsWithInsufficientGas() public {
        IBatchProcessor.Item[] memory items = _items(2, address(there.recipient));
        Certificate[] memory certificates = _certificates();
        items[1].gasLimit = 3_000_000;
        vm.expectRevert(IBatchProcessor.InsufficientGas.selector);
        there.batch.processBatch{gas: 3_000_000}(certificates, items);

        items[1].gasLimit = type(uint256).max;
        vm.expectRevert(IBatchProcessor.InsufficientGas.selector);
        there.batch.processBatch(certificates, items);
    }

    /// @dev A message is never tried with less gas than its item says.
    function testFuzz_processBatch_allOrNothingOfTheGasLimit(uint256 supplied) public {
        GasMeterRecipient meter = new GasMeterRecipient();
        IBatchProcessor.Item[] memory items = _items(1, address(meter));
        Certificate[] memory certificates = _certificates();
        there.batch.processBatch(certificates, new IBatchProcessor.Item[](0));
        supplied = bound(supplied, 50_000, 700_000);
        try there.batch.processBatch{gas: supplied}(new Certificate[](0), items) {
            assertTrue(there.mailbox.delivered(ids[0]));
            // what mailbox and module use before, and 1/64 at each of three calls
            assertGt(meter.gasAtEntry(), GAS - 100_000);
        } catch {
            assertFalse(there.mailbox.delivered(ids[0]));
        }
    }

    // ---- groups

    function test_processGroups_bringsCertificateGroupsAndItems() public {
        IBatchProcessor.Item[] memory all = _items(6, address(there.recipient));
        IBatchProcessor.Group[] memory groups = new IBatchProcessor.Group[](2);
        groups[0] = _group(0, 2, address(there.recipient));
        groups[1] = _group(3, 6, address(there.recipient));
        IBatchProcessor.Item[] memory items = new IBatchProcessor.Item[](1);
        items[0] = all[2];
        there.batch.processGroups(_certificates(), groups, items);
        assertEq(there.recipient.count(), 6);
    }

    function test_processGroups_oneFailureStopsNoOther() public {
        address reverting = address(new RevertingRecipient());
        _items(1, address(there.recipient));
        _send(reverting, abi.encode(1));
        _send(address(there.recipient), abi.encode(2));
        IBatchProcessor.Group[] memory groups = new IBatchProcessor.Group[](1);
        groups[0] = _group(0, 3, address(there.recipient));
        groups[0].messages[1] = _message(1, alice, reverting, abi.encode(1));
        _expectFailed(ids[1], abi.encodeWithSelector(RevertingRecipient.Refused.selector, 42));
        there.batch.processGroups(_certificates(), groups, new IBatchProcessor.Item[](0));
        assertEq(there.recipient.count(), 2);
    }

    /// @dev Two relayers bring the same: the second changes nothing and is told of no failure.
    function test_processGroups_passesOverWhatIsDelivered() public {
        _items(2, address(there.recipient));
        IBatchProcessor.Group[] memory groups = new IBatchProcessor.Group[](1);
        groups[0] = _group(0, 2, address(there.recipient));
        there.batch.processGroups(_certificates(), groups, new IBatchProcessor.Item[](0));
        vm.recordLogs();
        there.batch.processGroups(_certificates(), groups, new IBatchProcessor.Item[](0));
        assertEq(_failures(), 0);
        assertEq(there.recipient.count(), 2);
    }

    function test_processGroups_revertsWithTheModulesError() public {
        _items(2, address(there.recipient));
        IBatchProcessor.Group[] memory groups = new IBatchProcessor.Group[](1);
        groups[0] = _group(0, 2, address(there.recipient));
        Certificate[] memory certificates = _certificates();
        groups[0].messages[1] = _message(1, bob, address(there.recipient), "never sent");
        vm.expectPartialRevert(IAggregateRootIsm.InvalidMessageProof.selector);
        there.batch.processGroups(certificates, groups, new IBatchProcessor.Item[](0));
    }

    function test_processGroups_revertsWithInsufficientGas() public {
        _items(2, address(there.recipient));
        IBatchProcessor.Group[] memory groups = new IBatchProcessor.Group[](1);
        groups[0] = _group(0, 2, address(there.recipient));
        groups[0].gasLimit = 3_000_000;
        Certificate[] memory certificates = _certificates();
        vm.expectRevert(IBatchProcessor.InsufficientGas.selector);
        there.batch.processGroups{gas: 3_000_000}(
            certificates, groups, new IBatchProcessor.Item[](0)
        );
    }

    /// @dev Messages `from` to `to`, as {_items} sent them.
    function _group(uint32 from, uint32 to, address recipient)
        private
        view
        returns (IBatchProcessor.Group memory group)
    {
        group.module = there.ism;
        group.gasLimit = GAS;
        group.messages = new bytes[](to - from);
        uint256[] memory indices = new uint256[](to - from);
        for (uint32 i = from; i < to; ++i) {
            indices[i - from] = i;
            group.messages[i - from] = _message(i, alice, recipient, abi.encode(i));
        }
        group.proof = Epochs.multiProof(1, _leaves(), 1, ids, indices);
    }

    function _items(uint32 count, address recipient)
        private
        returns (IBatchProcessor.Item[] memory items)
    {
        items = new IBatchProcessor.Item[](count);
        for (uint32 i = 0; i < count; ++i) {
            _send(recipient, abi.encode(i));
        }
        for (uint32 i = 0; i < count; ++i) {
            items[i] = _item(i, recipient, abi.encode(i));
        }
    }

    function _item(uint32 index, address recipient, bytes memory body)
        private
        view
        returns (IBatchProcessor.Item memory)
    {
        return IBatchProcessor.Item({
            gasLimit: GAS,
            metadata: Epochs.metadata(1, _leaves(), 1, ids, index),
            message: _message(index, alice, recipient, body)
        });
    }

    function _certificates() private view returns (Certificate[] memory certificates) {
        certificates = new Certificate[](1);
        certificates[0].header.epoch = 1;
        certificates[0].header.aggregateRoot = Epochs.aggregateRoot(_leaves());
        certificates[0].quorum.signature = "signed";
    }

    function _expectFailed(bytes32 id, bytes memory reason) private {
        vm.expectEmit(address(there.batch));
        emit IBatchProcessor.MessageFailed(id, reason);
    }

    function _failures() private returns (uint256 count) {
        bytes32 topic = IBatchProcessor.MessageFailed.selector;
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == topic) ++count;
        }
    }
}
