// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Vm} from "forge-std/Vm.sol";
import {IMailbox} from "../../src/metalayer/interfaces/IMailbox.sol";
import {IPostDispatchHook} from "../../src/metalayer/interfaces/IPostDispatchHook.sol";
import {Certificate} from "../../src/metalayer/interfaces/IRootVerifier.sol";
import {IBatchProcessor} from "../../src/metalayer/interfaces/IBatchProcessor.sol";
import {Leaf} from "../../src/metalayer/libs/Leaf.sol";
import {Message} from "../../src/metalayer/libs/Message.sol";
import {Epochs} from "../utils/Epochs.sol";
import {MetalayerTest} from "../utils/MetalayerTest.sol";
import {Trees} from "../utils/Trees.sol";

/// @notice Users who send, guardians who attest, relayers who deliver, and somebody who cheats. Guardians
/// and relayers are honest; the cheat may call anything.
contract MetalayerHandler is MetalayerTest {
    bytes[] internal _messages;
    uint256[] internal _attested; // number of messages under each epoch, from epoch 1 on
    mapping(bytes32 id => bool) public wasDispatched;

    uint256 public processEvents;
    uint256 public unknownProcessed;
    mapping(bytes32 id => bool) internal _processed;

    constructor() {
        setUp();
    }

    // ---- honest

    function dispatch(uint256 sender, uint8 length) external {
        bytes memory body = new bytes(length);
        address from = vm.addr(bound(sender, 1, 5));
        _record(_message(here.mailbox.nonce(), from, address(there.recipient), body));
        vm.prank(from);
        here.mailbox.dispatch(THERE, Message.toBytes32(address(there.recipient)), body);
    }

    function attest() external {
        if (ids.length == 0) return;
        _attest();
        _attested.push(ids.length);
    }

    function deliver(uint256 seed) external {
        if (_attested.length == 0) return;
        (bytes memory proof, bytes memory message) = _pick(seed);
        _process(proof, message);
    }

    function deliverBatch(uint256 seed, uint8 size) external {
        if (_attested.length == 0) return;
        IBatchProcessor.Item[] memory items = new IBatchProcessor.Item[](size % 5);
        for (uint256 i = 0; i < items.length; ++i) {
            items[i].gasLimit = 500_000;
            (items[i].metadata, items[i].message) = _pick(uint256(keccak256(abi.encode(seed, i))));
        }
        vm.recordLogs();
        there.batch.processBatch(new Certificate[](0), items);
        _count();
    }

    function breakOrMend(bool broken) external {
        there.recipient.setBroken(broken);
    }

    // ---- dishonest

    /// @dev A real message with one bit turned, under a real proof.
    function forgeMessage(uint256 seed, uint256 position) external {
        if (_attested.length == 0) return;
        (bytes memory proof, bytes memory message) = _pick(seed);
        message[position % message.length] ^= bytes1(uint8(1) << (seed % 8));
        _process(proof, message);
    }

    /// @dev A message that nobody dispatched, under a leaf made for it.
    function forgeLeaf(address sender, bytes calldata body) external {
        if (_attested.length == 0) return;
        bytes memory message = _message(0, sender, address(there.recipient), body);
        bytes32[] memory forged = new bytes32[](1);
        forged[0] = keccak256(message);
        Leaf.Data[] memory leaves = _leaves();
        leaves[1] = Epochs.leafOf(HERE, forged);
        _process(Epochs.metadata(lastEpoch, leaves, 1, forged, 0), message);
    }

    /// @dev A real message under a proof of another one, or of another time.
    function mixProofs(uint256 one, uint256 other) external {
        if (_attested.length == 0) return;
        (bytes memory proof,) = _pick(one);
        (, bytes memory message) = _pick(other);
        _process(proof, message);
    }

    /// @dev Something for the tree that the mailbox has not dispatched, or has already.
    function abuseTree(uint256 seed, bytes calldata message) external {
        bytes memory chosen = message;
        if (_messages.length != 0 && seed % 2 == 0) chosen = _messages[seed % _messages.length];
        try here.tree.postDispatch("", chosen) {} catch {}
    }

    /// @dev The tree as the dispatcher's own hook too.
    function dispatchIntoTheTreeTwice() external {
        _record(_message(here.mailbox.nonce(), address(this), address(there.recipient), "twice"));
        here.mailbox
            .dispatch(
                THERE,
                Message.toBytes32(address(there.recipient)),
                "twice",
                "",
                IPostDispatchHook(address(here.tree))
            );
    }

    /// @dev The recipient called by somebody who is no mailbox does not count as a delivery.
    function abuseHooks(bytes calldata message) external {
        try here.igp.postDispatch("", message) {} catch {}
        try here.router.handle(HERE, Message.toBytes32(address(here.router)), message) {} catch {}
    }

    // ---- what the invariants look at

    function parts()
        external
        view
        returns (Metalayer memory here_, Metalayer memory there_, bytes32[] memory ids_)
    {
        return (here, there, ids);
    }

    function _record(bytes memory message) private {
        _messages.push(message);
        ids.push(keccak256(message));
        wasDispatched[keccak256(message)] = true;
    }

    function _process(bytes memory proof, bytes memory message) private {
        vm.recordLogs();
        try there.mailbox.process(proof, message) {} catch {}
        _count();
    }

    /// @dev An attested message and its proof under some epoch that attests it.
    function _pick(uint256 seed) private view returns (bytes memory proof, bytes memory message) {
        uint256 epoch = seed % _attested.length;
        uint256 count = _attested[epoch];
        uint32 index = uint32((seed >> 128) % count);
        bytes32[] memory attested = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            attested[i] = ids[i];
        }
        Leaf.Data[] memory leaves = _leaves();
        leaves[1] = Epochs.leafOf(HERE, attested);
        proof = Epochs.metadata(uint64(epoch + 1), leaves, 1, attested, index);
        message = _messages[index];
    }

    function _count() private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IMailbox.ProcessId.selector) continue;
            bytes32 id = logs[i].topics[1];
            // an event counts if its transaction did: a failed call's logs are recorded too
            if (!there.mailbox.delivered(id)) continue;
            if (!wasDispatched[id]) ++unknownProcessed;
            if (_processed[id]) continue;
            _processed[id] = true;
            ++processEvents;
        }
    }
}

/// forge-config: default.invariant.depth = 64
contract MetalayerInvariants is MetalayerTest {
    MetalayerHandler internal handler;

    function setUp() public override {
        handler = new MetalayerHandler();
        bytes4[] memory selectors = new bytes4[](11);
        selectors[0] = handler.dispatch.selector;
        selectors[1] = handler.attest.selector;
        selectors[2] = handler.deliver.selector;
        selectors[3] = handler.deliverBatch.selector;
        selectors[4] = handler.breakOrMend.selector;
        selectors[5] = handler.forgeMessage.selector;
        selectors[6] = handler.forgeLeaf.selector;
        selectors[7] = handler.mixProofs.selector;
        selectors[8] = handler.abuseTree.selector;
        selectors[9] = handler.dispatchIntoTheTreeTwice.selector;
        selectors[10] = handler.abuseHooks.selector;
        targetSelector(FuzzSelector(address(handler), selectors));
        targetContract(address(handler));
    }

    /// @dev Each message is handled once, and only those that were dispatched.
    function invariant_delivered_onceAndOnlyWhatWasDispatched() public view {
        (, Metalayer memory there_, bytes32[] memory ids_) = handler.parts();
        uint256 delivered;
        for (uint256 i = 0; i < ids_.length; ++i) {
            if (there_.mailbox.delivered(ids_[i])) ++delivered;
        }
        assertEq(delivered, handler.processEvents(), "process events");
        assertEq(delivered, there_.recipient.count(), "handled messages");
        assertEq(handler.unknownProcessed(), 0, "processed without dispatch");
    }

    /// @dev The tree holds every dispatched message once, in order, at the proven slots.
    function invariant_tree_equalsReference() public view {
        (Metalayer memory here_,, bytes32[] memory ids_) = handler.parts();
        assertEq(here_.mailbox.nonce(), ids_.length);
        assertEq(here_.tree.count(), ids_.length);
        bytes32 root = Trees.messageRoot(ids_);
        assertEq(here_.tree.root(), root);
        assertEq(vm.load(address(here_.tree), bytes32(uint256(33))), root);
        assertEq(uint256(vm.load(address(here_.tree), bytes32(uint256(32)))), ids_.length);
    }
}
