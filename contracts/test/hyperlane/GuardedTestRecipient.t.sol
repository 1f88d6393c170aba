// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {GuardedTestRecipient} from "../../src/hyperlane/GuardedTestRecipient.sol";
import {MessageIdMultisigIsm} from "../../src/hyperlane/MessageIdMultisigIsm.sol";
import {MessageIdMultisigIsmFactory} from "../../src/hyperlane/MessageIdMultisigIsmFactory.sol";
import {IMessageIdMultisigIsm} from "../../src/hyperlane/interfaces/IMessageIdMultisigIsm.sol";
import {Checkpoint} from "../../src/hyperlane/libs/Checkpoint.sol";
import {Message} from "../../src/metalayer/libs/Message.sol";
import {MetalayerTest} from "../utils/MetalayerTest.sol";

/// @notice Messages through mailboxes to a recipient with a module of its own.
contract GuardedTestRecipientTest is MetalayerTest {
    uint256 internal key = uint256(keccak256("validator"));
    GuardedTestRecipient internal guarded;
    address internal module;

    function setUp() public override {
        super.setUp();
        MessageIdMultisigIsmFactory factory =
            new MessageIdMultisigIsmFactory(address(new MessageIdMultisigIsm()));
        address[] memory validators = new address[](1);
        validators[0] = vm.addr(key);
        module = factory.deploy(validators, 1);
        guarded = new GuardedTestRecipient(module);
    }

    function test_mailbox_asksTheRecipientsModule() public {
        assertEq(address(there.mailbox.recipientIsm(address(guarded))), module);
        bytes memory message = _send(address(guarded), "one");
        there.mailbox.process(_metadata(message), message);
        assertEq(guarded.lastData(), "one");
    }

    function test_mailbox_metaProofIsNoCheckpoint() public {
        bytes memory message = _send(address(guarded), "one");
        _attest();
        bytes memory proof = _proof(0);
        vm.expectRevert();
        there.mailbox.process(proof, message);
    }

    function test_mailbox_refusesACheckpointOfAnotherMessage() public {
        bytes memory metadata = _metadata(_send(address(guarded), "one"));
        bytes memory message = _send(address(guarded), "two");
        vm.expectPartialRevert(IMessageIdMultisigIsm.NotByValidator.selector);
        there.mailbox.process(metadata, message);
    }

    function _metadata(bytes memory message) internal view returns (bytes memory) {
        (bytes32 root, uint32 index) = here.tree.latestCheckpoint();
        bytes32 hook = Message.toBytes32(address(here.tree));
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(key, Checkpoint.digest(HERE, hook, root, index, keccak256(message)));
        return abi.encodePacked(hook, root, index, r, s, v);
    }
}
