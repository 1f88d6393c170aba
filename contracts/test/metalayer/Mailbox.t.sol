// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {
    OwnableUpgradeable
} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IAggregateRootIsm} from "../../src/metalayer/interfaces/IAggregateRootIsm.sol";
import {IMailbox} from "../../src/metalayer/interfaces/IMailbox.sol";
import {IMerkleTreeHook} from "../../src/metalayer/interfaces/IMerkleTreeHook.sol";
import {IPostDispatchHook} from "../../src/metalayer/interfaces/IPostDispatchHook.sol";
import {Mailbox} from "../../src/metalayer/Mailbox.sol";
import {Message} from "../../src/metalayer/libs/Message.sol";
import {StandardHookMetadata} from "../../src/metalayer/libs/StandardHookMetadata.sol";
import {RecordingHook, ReentrantHook} from "../mocks/Hooks.sol";
import {ConstantIsm, ReentrantIsm} from "../mocks/Modules.sol";
import {
    GuardedRecipient,
    ReentrantRecipient,
    ReplyingRecipient,
    RevertingRecipient,
    TalkativeAccount
} from "../mocks/Recipients.sol";
import {MetalayerTest} from "../utils/MetalayerTest.sol";

contract MailboxTest is MetalayerTest {
    bytes32 internal constant RECIPIENT = bytes32(uint256(0xbeef));

    ConstantIsm internal willing;

    function setUp() public override {
        super.setUp();
        willing = new ConstantIsm(true);
    }

    // ---- set-up

    function test_initialize() public view {
        assertEq(here.mailbox.VERSION(), 3);
        assertEq(here.mailbox.localDomain(), HERE);
        assertEq(here.mailbox.nonce(), 0);
        assertEq(here.mailbox.deployedBlock(), block.number);
        assertEq(here.mailbox.owner(), governor);
        assertEq(address(here.mailbox.defaultIsm()), address(here.ism));
        assertEq(address(here.mailbox.defaultHook()), address(here.igp));
        assertEq(address(here.mailbox.requiredHook()), address(here.tree));
    }

    function test_initialize_revertsTheSecondTime() public {
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        here.mailbox.initialize(alice, 1, alice, alice, alice);
    }

    function test_initialize_revertsOnTheImplementation() public {
        Mailbox implementation = new Mailbox();
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        implementation.initialize(alice, 1, alice, alice, alice);
    }

    function test_localDomain_isWhatAGenesisPatchesIntoSlotZero() public {
        vm.store(address(here.mailbox), bytes32(0), bytes32(uint256(777)));
        assertEq(here.mailbox.localDomain(), 777);
        assertEq(here.mailbox.nonce(), 0);
        assertEq(here.mailbox.deployedBlock(), 0);
    }

    function test_upgradeToAndCall_revertsWithOwnableUnauthorizedAccount() public {
        address next = address(new Mailbox());
        vm.expectRevert(
            abi.encodeWithSelector(
                OwnableUpgradeable.OwnableUnauthorizedAccount.selector, address(this)
            )
        );
        here.mailbox.upgradeToAndCall(next, "");

        _send(address(there.recipient), "before");
        vm.prank(governor);
        here.mailbox.upgradeToAndCall(next, "");
        assertEq(here.mailbox.nonce(), 1, "state outlives an upgrade");
    }

    // ---- dispatch

    function test_dispatch_emitsAndCounts() public {
        bytes memory message = _message(0, alice, address(0xbeef), "hello");
        vm.expectEmit(address(here.mailbox));
        emit IMailbox.Dispatch(alice, THERE, RECIPIENT, message);
        vm.expectEmit(address(here.mailbox));
        emit IMailbox.DispatchId(keccak256(message));
        vm.prank(alice);
        bytes32 id = here.mailbox.dispatch(THERE, RECIPIENT, "hello");

        assertEq(id, keccak256(message));
        assertEq(here.mailbox.nonce(), 1);
        assertEq(here.mailbox.latestDispatchedId(), id);
        assertEq(here.tree.count(), 1);
    }

    function test_dispatch_allOverloadsAgree() public {
        RecordingHook hook = new RecordingHook(0);
        vm.startPrank(alice);
        here.mailbox.dispatch(THERE, RECIPIENT, "x");
        here.mailbox.dispatch(THERE, RECIPIENT, "x", "");
        here.mailbox.dispatch(THERE, RECIPIENT, "x", "", IPostDispatchHook(address(0)));
        bytes memory metadata = StandardHookMetadata.encode(0, 1, alice);
        here.mailbox.dispatch(THERE, RECIPIENT, "x", metadata, hook);
        vm.stopPrank();

        assertEq(here.mailbox.nonce(), 4);
        assertEq(here.tree.count(), 4, "the required hook sees all");
        assertEq(hook.metadata(), metadata);
        assertEq(hook.message(), _message(3, alice, address(0xbeef), "x"));
    }

    function test_dispatch_paysTheRequiredHookFirstAndTheOtherTheRest() public {
        RecordingHook required = new RecordingHook(3);
        RecordingHook other = new RecordingHook(5);
        vm.prank(governor);
        here.mailbox.setRequiredHook(address(required));

        assertEq(here.mailbox.quoteDispatch(THERE, RECIPIENT, "x", "", other), 8);
        here.mailbox.dispatch{value: 20}(THERE, RECIPIENT, "x", "", other);
        assertEq(required.received(), 3);
        assertEq(other.received(), 17);
    }

    function test_dispatch_leavesUnderpaymentToTheHooks() public {
        RecordingHook required = new RecordingHook(3);
        vm.prank(governor);
        here.mailbox.setRequiredHook(address(required));

        vm.expectRevert(abi.encodeWithSelector(RecordingHook.FeeTooLow.selector, 2));
        here.mailbox.dispatch{value: 2}(THERE, RECIPIENT, "x");
    }

    function test_dispatch_revertsWithUnsupportedMetadataVariant() public {
        vm.expectRevert(
            abi.encodeWithSelector(IPostDispatchHook.UnsupportedMetadataVariant.selector, 2)
        );
        here.mailbox.dispatch(THERE, RECIPIENT, "x", hex"0002");
    }

    function test_dispatch_survivesAHookThatDispatches() public {
        ReentrantHook hook = new ReentrantHook(here.mailbox);
        vm.prank(alice);
        bytes32 outer = here.mailbox.dispatch(THERE, RECIPIENT, "outer", "", hook);

        assertEq(here.mailbox.nonce(), 2);
        assertEq(here.tree.count(), 2, "each message once");
        assertEq(here.mailbox.latestDispatchedId(), hook.innerId());
        assertNotEq(outer, hook.innerId());
        assertEq(
            hook.treeAnswer(),
            abi.encodeWithSelector(IMerkleTreeHook.NotMailbox.selector, address(hook))
        );
    }

    function testFuzz_dispatch_messageIsWhatTheFormatSays(
        address sender,
        uint32 destination,
        bytes32 recipient,
        bytes calldata body
    ) public {
        vm.prank(sender);
        bytes32 id = here.mailbox.dispatch(destination, recipient, body);
        bytes memory expected = abi.encodePacked(
            uint8(3), uint32(0), HERE, Message.toBytes32(sender), destination, recipient, body
        );
        assertEq(id, keccak256(expected));
    }

    // ---- process

    function test_process_deliversOnceAndRemembersByWhom() public {
        bytes memory message = _send(address(there.recipient), "hello");
        bytes32 id = keccak256(message);
        _attest();
        vm.deal(bob, 1 ether);
        vm.roll(50);

        vm.expectEmit(address(there.mailbox));
        emit IMailbox.Process(HERE, Message.toBytes32(alice), address(there.recipient));
        vm.expectEmit(address(there.mailbox));
        emit IMailbox.ProcessId(id);
        vm.prank(bob);
        there.mailbox.process{value: 5}(_proof(0), message);

        assertTrue(there.mailbox.delivered(id));
        assertEq(there.mailbox.processor(id), bob);
        assertEq(there.mailbox.processedAt(id), 50);
        assertEq(there.recipient.count(), 1);
        assertEq(there.recipient.lastData(), "hello");
        assertEq(there.recipient.lastSender(), Message.toBytes32(alice));
        assertEq(there.recipient.lastOrigin(), HERE);
        assertEq(there.recipient.lastCaller(), address(there.mailbox));
        assertEq(address(there.recipient).balance, 5);
    }

    function test_process_revertsWithAlreadyDelivered() public {
        bytes memory message = _send(address(there.recipient), "hello");
        _attest();
        bytes memory proof = _proof(0);
        there.mailbox.process(proof, message);
        vm.expectRevert(
            abi.encodeWithSelector(IMailbox.AlreadyDelivered.selector, keccak256(message))
        );
        there.mailbox.process(proof, message);
    }

    function test_process_revertsWithAlreadyDeliveredUnderALaterEpoch() public {
        bytes memory message = _send(address(there.recipient), "hello");
        _attest();
        there.mailbox.process(_proof(0), message);
        _send(address(there.recipient), "another");
        _attest();
        bytes memory proof = _proof(0);
        vm.expectRevert(
            abi.encodeWithSelector(IMailbox.AlreadyDelivered.selector, keccak256(message))
        );
        there.mailbox.process(proof, message);
    }

    function test_process_revertsWithMessageTooShort() public {
        vm.expectRevert(abi.encodeWithSelector(IMailbox.MessageTooShort.selector, 76));
        there.mailbox.process("", new bytes(76));
    }

    function test_process_revertsWithUnsupportedVersion() public {
        bytes memory message = _message(0, alice, address(there.recipient), "");
        message[0] = 0x02;
        vm.expectRevert(abi.encodeWithSelector(IMailbox.UnsupportedVersion.selector, 2));
        there.mailbox.process("", message);
    }

    function test_process_revertsWithUnexpectedDestination() public {
        bytes memory message = _message(0, alice, address(there.recipient), "");
        vm.expectRevert(
            abi.encodeWithSelector(IMailbox.UnexpectedDestination.selector, THERE, HERE)
        );
        here.mailbox.process("", message);
    }

    function test_process_revertsWithRecipientNotContract() public {
        bytes memory message = _message(0, alice, bob, "");
        vm.expectRevert(abi.encodeWithSelector(IMailbox.RecipientNotContract.selector, bob));
        there.mailbox.process("", message);
    }

    function test_process_revertsWithInvalidAddress() public {
        bytes32 recipient = bytes32(uint256(1) << 160 | uint160(address(there.recipient)));
        bytes memory message =
            abi.encodePacked(uint8(3), uint32(0), HERE, Message.toBytes32(alice), THERE, recipient);
        vm.expectRevert(abi.encodeWithSelector(Message.InvalidAddress.selector, recipient));
        there.mailbox.process("", message);
    }

    function test_process_revertsWithVerificationFailed() public {
        ConstantIsm refusing = new ConstantIsm(false);
        GuardedRecipient recipient = new GuardedRecipient(refusing);
        bytes memory message = _message(0, alice, address(recipient), "");
        vm.expectRevert(
            abi.encodeWithSelector(
                IMailbox.VerificationFailed.selector, keccak256(message), address(refusing)
            )
        );
        there.mailbox.process("", message);
    }

    function test_process_passesOnTheRecipientsRevert() public {
        RevertingRecipient recipient = new RevertingRecipient();
        bytes memory message = _send(address(recipient), "");
        _attest();
        bytes memory proof = _proof(0);
        vm.expectRevert(abi.encodeWithSelector(RevertingRecipient.Refused.selector, 42));
        there.mailbox.process(proof, message);
        assertFalse(there.mailbox.delivered(keccak256(message)), "may be tried again");
    }

    function test_process_failedMessageArrivesWhenItsRecipientRecovers() public {
        there.recipient.setBroken(true);
        bytes memory message = _send(address(there.recipient), "patience");
        _attest();
        bytes memory proof = _proof(0);
        vm.expectRevert();
        there.mailbox.process(proof, message);
        there.recipient.setBroken(false);
        there.mailbox.process(proof, message);
        assertEq(there.recipient.lastData(), "patience");
    }

    function test_process_cannotBeReenteredByTheRecipient() public {
        ReentrantRecipient recipient = new ReentrantRecipient(there.mailbox);
        bytes memory message = _send(address(recipient), "");
        _attest();
        bytes memory proof = _proof(0);
        recipient.arm(proof, message);
        there.mailbox.process(proof, message);

        assertEq(recipient.handled(), 1);
        assertEq(
            recipient.innerReason(),
            abi.encodeWithSelector(IMailbox.AlreadyDelivered.selector, keccak256(message))
        );
    }

    function test_process_cannotBeReenteredByTheModule() public {
        GuardedRecipient recipient = new GuardedRecipient(new ReentrantIsm(there.mailbox));
        bytes memory message = _message(0, alice, address(recipient), "");
        vm.expectRevert(
            abi.encodeWithSelector(IMailbox.AlreadyDelivered.selector, keccak256(message))
        );
        there.mailbox.process("", message);
    }

    function test_process_letsTheRecipientDispatch() public {
        ReplyingRecipient recipient = new ReplyingRecipient(there.mailbox);
        bytes memory message = _send(address(recipient), "");
        _attest();
        there.mailbox.process(_proof(0), message);
        assertEq(there.mailbox.latestDispatchedId(), recipient.replyId());
        assertEq(there.tree.count(), 1);
    }

    function testFuzz_process_revertsForWhatWasNotDispatched(bytes calldata body, address sender)
        public
    {
        _send(address(there.recipient), "real");
        _attest();
        bytes memory proof = _proof(0);
        bytes memory forged = _message(0, sender, address(there.recipient), body);
        vm.assume(keccak256(forged) != ids[0]);
        vm.expectPartialRevert(IAggregateRootIsm.InvalidMessageProof.selector);
        there.mailbox.process(proof, forged);
        assertEq(there.recipient.count(), 0);
    }

    // ---- whose module

    function test_recipientIsm_isTheRecipientsChoice() public {
        GuardedRecipient recipient = new GuardedRecipient(willing);
        assertEq(address(there.mailbox.recipientIsm(address(recipient))), address(willing));
        there.mailbox.process("", _message(0, alice, address(recipient), ""));
        assertEq(recipient.handled(), 1);
    }

    function test_recipientIsm_isTheDefaultForAllOthers() public {
        address zero = address(new TalkativeAccount(abi.encode(address(0))));
        address dirty = address(new TalkativeAccount(abi.encode(type(uint256).max)));
        address short = address(new TalkativeAccount(hex"01"));
        address silent = address(new TalkativeAccount(""));
        address[6] memory accounts = [alice, address(there.recipient), zero, dirty, short, silent];
        for (uint256 i = 0; i < accounts.length; ++i) {
            assertEq(
                address(there.mailbox.recipientIsm(accounts[i])),
                address(there.ism),
                vm.toString(accounts[i])
            );
        }
    }

    // ---- governance

    function test_setDefaultIsm() public {
        vm.expectEmit(address(here.mailbox));
        emit IMailbox.DefaultIsmSet(address(willing));
        vm.prank(governor);
        here.mailbox.setDefaultIsm(address(willing));
        assertEq(address(here.mailbox.defaultIsm()), address(willing));
    }

    function test_setDefaultHook() public {
        vm.expectEmit(address(here.mailbox));
        emit IMailbox.DefaultHookSet(address(willing));
        vm.prank(governor);
        here.mailbox.setDefaultHook(address(willing));
        assertEq(address(here.mailbox.defaultHook()), address(willing));
    }

    function test_setRequiredHook() public {
        vm.expectEmit(address(here.mailbox));
        emit IMailbox.RequiredHookSet(address(willing));
        vm.prank(governor);
        here.mailbox.setRequiredHook(address(willing));
        assertEq(address(here.mailbox.requiredHook()), address(willing));
    }

    function test_setters_revertWithNotContract() public {
        bytes memory expected = abi.encodeWithSelector(IMailbox.NotContract.selector, alice);
        vm.startPrank(governor);
        vm.expectRevert(expected);
        here.mailbox.setDefaultIsm(alice);
        vm.expectRevert(expected);
        here.mailbox.setDefaultHook(alice);
        vm.expectRevert(expected);
        here.mailbox.setRequiredHook(alice);
    }

    function test_setters_revertWithOwnableUnauthorizedAccount() public {
        bytes memory expected =
            abi.encodeWithSelector(OwnableUpgradeable.OwnableUnauthorizedAccount.selector, alice);
        vm.startPrank(alice);
        vm.expectRevert(expected);
        here.mailbox.setDefaultIsm(address(willing));
        vm.expectRevert(expected);
        here.mailbox.setDefaultHook(address(willing));
        vm.expectRevert(expected);
        here.mailbox.setRequiredHook(address(willing));
    }
}
