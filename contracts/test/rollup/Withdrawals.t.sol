// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IOptimismPortal, OutputRootProof} from "../../src/rollup/interfaces/IOptimismPortal.sol";
import {WithdrawalTransaction} from "../../src/rollup/interfaces/IOptimismPortal.sol";
import {OptimismPortal} from "../../src/rollup/OptimismPortal.sol";
import {BridgeFixture} from "./BridgeFixture.sol";

/// @dev Is paid, and asks who pays.
contract Payee {
    IOptimismPortal private immutable _portal;
    address public l2Sender;
    bool public wantsGas;

    constructor(IOptimismPortal portal) {
        _portal = portal;
    }

    receive() external payable {
        l2Sender = _portal.l2Sender();
    }

    function refuse() external payable {
        revert("no");
    }

    function checkGas(uint256 wanted) external payable {
        require(gasleft() >= wanted, "too little");
    }
}

/// @dev Tries to be paid a second time while it is paid, by the same withdrawal or another.
contract Thief {
    IOptimismPortal private immutable _portal;
    WithdrawalTransaction private _next;
    bytes public reason;

    constructor(IOptimismPortal portal) {
        _portal = portal;
    }

    function arm(WithdrawalTransaction memory next) external {
        _next = next;
    }

    receive() external payable {
        try _portal.finalizeWithdrawalTransaction(_next) {}
        catch (bytes memory reason_) {
            reason = reason_;
        }
    }
}

contract WithdrawalsTest is BridgeFixture {
    address internal alice = makeAddr("alice");
    address internal bob = makeAddr("bob");

    function setUp() public override {
        super.setUp();
        vm.deal(address(portal), 100 ether);
    }

    function testFuzz_withdrawal_paysToTheWei(uint256 value, address sender, uint64 nonce) public {
        value = bound(value, 0, 100 ether);
        WithdrawalTransaction memory it = _withdrawal(nonce, sender, bob, value);
        (OutputRootProof memory parts, bytes[] memory nodes) = proofOf(it);
        uint256 index = outputs.post(keccak256(abi.encode(parts)));
        vm.expectEmit(address(portal));
        emit IOptimismPortal.WithdrawalProven(hashOf(it), sender, bob);
        portal.proveWithdrawalTransaction(it, index, parts, nodes);
        (bytes32 root, uint128 at, uint128 provenIndex) = portal.provenWithdrawals(hashOf(it));
        assertEq(root, outputs.roots(index));
        assertEq(at, block.timestamp);
        assertEq(provenIndex, index);

        outputs.setFinal(1);
        vm.expectEmit(address(portal));
        emit IOptimismPortal.WithdrawalFinalized(hashOf(it), true);
        portal.finalizeWithdrawalTransaction(it);
        assertEq(bob.balance, value);
        assertEq(address(portal).balance, 100 ether - value);
        assertTrue(portal.finalizedWithdrawals(hashOf(it)));
        assertTrue(portal.isOutputFinalized(index));
    }

    function test_finalize_tellsTheSender() public {
        Payee payee = new Payee(portal);
        assertEq(portal.l2Sender(), 0x000000000000000000000000000000000000dEaD);
        WithdrawalTransaction memory it = _withdrawal(0, alice, address(payee), 1);
        prove(it);
        finalize(it);
        assertEq(payee.l2Sender(), alice);
        assertEq(portal.l2Sender(), 0x000000000000000000000000000000000000dEaD);
    }

    function test_finalize_keepsWhatAFailedCallCarried() public {
        Payee payee = new Payee(portal);
        WithdrawalTransaction memory it = _withdrawal(0, alice, address(payee), 5);
        it.data = abi.encodeCall(Payee.refuse, ());
        prove(it);
        outputs.setFinal(1);
        vm.expectEmit(address(portal));
        emit IOptimismPortal.WithdrawalFinalized(hashOf(it), false);
        portal.finalizeWithdrawalTransaction(it);
        assertEq(address(portal).balance, 100 ether);
        _expect(IOptimismPortal.AlreadyFinalized.selector, hashOf(it));
        portal.finalizeWithdrawalTransaction(it);
    }

    /// @dev Whatever the caller gives, the call gets its gas or nothing happens.
    function testFuzz_finalize_givesTheGas(uint256 given, uint32 wanted) public {
        wanted = uint32(bound(wanted, 1_000, 3_000_000));
        given = bound(given, 100_000, 6_000_000);
        Payee payee = new Payee(portal);
        WithdrawalTransaction memory it = _withdrawal(0, alice, address(payee), 1);
        it.gasLimit = uint256(wanted) + 1_000;
        it.data = abi.encodeCall(Payee.checkGas, (wanted));
        prove(it);
        outputs.setFinal(1);
        try portal.finalizeWithdrawalTransaction{gas: given}(it) {
            assertEq(address(payee).balance, 1);
        } catch {
            assertFalse(portal.finalizedWithdrawals(hashOf(it)));
        }
    }

    function test_finalize_revertsWithAlreadyFinalized() public {
        WithdrawalTransaction memory it = _withdrawal(0, alice, bob, 1);
        prove(it);
        finalize(it);
        _expect(IOptimismPortal.AlreadyFinalized.selector, hashOf(it));
        portal.finalizeWithdrawalTransaction(it);

        // not by another proof either
        (OutputRootProof memory parts, bytes[] memory nodes) = proofOf(it);
        parts.stateRoot = keccak256("later");
        uint256 index = outputs.post(keccak256(abi.encode(parts)));
        vm.expectRevert(
            abi.encodeWithSelector(IOptimismPortal.AlreadyProven.selector, hashOf(it), 0)
        );
        portal.proveWithdrawalTransaction(it, index, parts, nodes);
    }

    function test_finalize_revertsWithReentered() public {
        Thief thief = new Thief(portal);
        WithdrawalTransaction memory first = _withdrawal(0, alice, address(thief), 1);
        WithdrawalTransaction memory second = _withdrawal(1, alice, address(thief), 1);
        prove(first);
        prove(second);
        thief.arm(first);
        finalize(first);
        assertEq(thief.reason(), abi.encodeWithSelector(IOptimismPortal.Reentered.selector));
        assertEq(address(thief).balance, 1);
        finalize(second);
        assertEq(address(thief).balance, 2);
    }

    function test_finalize_revertsWithNotProven() public {
        WithdrawalTransaction memory it = _withdrawal(0, alice, bob, 1);
        _expect(IOptimismPortal.NotProven.selector, hashOf(it));
        portal.finalizeWithdrawalTransaction(it);
    }

    function test_finalize_revertsWithOutputNotFinal() public {
        WithdrawalTransaction memory it = _withdrawal(0, alice, bob, 1);
        uint256 index = prove(it);
        assertFalse(portal.isOutputFinalized(index));
        vm.expectRevert(abi.encodeWithSelector(IOptimismPortal.OutputNotFinal.selector, index));
        portal.finalizeWithdrawalTransaction(it);
    }

    /// @dev A dispute removes the output; another takes its index; a new proof helps.
    function test_finalize_revertsWithOutputRemoved() public {
        WithdrawalTransaction memory it = _withdrawal(0, alice, bob, 1);
        uint256 index = prove(it);
        outputs.remove();
        vm.expectRevert(
            abi.encodeWithSelector(IOptimismPortal.OutputRemoved.selector, hashOf(it), index)
        );
        portal.finalizeWithdrawalTransaction(it);

        outputs.post(keccak256("another"));
        outputs.setFinal(1);
        vm.expectRevert(
            abi.encodeWithSelector(IOptimismPortal.OutputRemoved.selector, hashOf(it), index)
        );
        portal.finalizeWithdrawalTransaction(it);

        prove(it);
        finalize(it);
        assertEq(bob.balance, 1);
    }

    function test_finalize_revertsWithEscrowTooSmall() public {
        WithdrawalTransaction memory it = _withdrawal(0, alice, bob, 101 ether);
        prove(it);
        outputs.setFinal(1);
        vm.expectRevert(
            abi.encodeWithSelector(IOptimismPortal.EscrowTooSmall.selector, 101 ether, 100 ether)
        );
        portal.finalizeWithdrawalTransaction(it);
        portal.donateETH{value: 1 ether}();
        finalize(it);
        assertEq(bob.balance, 101 ether);
    }

    function test_prove_revertsWithUnsafeTarget() public {
        WithdrawalTransaction memory it = _withdrawal(0, alice, address(portal), 1);
        (OutputRootProof memory parts, bytes[] memory nodes) = proofOf(it);
        vm.expectRevert(
            abi.encodeWithSelector(IOptimismPortal.UnsafeTarget.selector, address(portal))
        );
        portal.proveWithdrawalTransaction(it, 0, parts, nodes);
    }

    function test_prove_revertsWithUnknownOutput() public {
        WithdrawalTransaction memory it = _withdrawal(0, alice, bob, 1);
        (OutputRootProof memory parts, bytes[] memory nodes) = proofOf(it);
        vm.expectRevert(abi.encodeWithSelector(IOptimismPortal.UnknownOutput.selector, 0, 0));
        portal.proveWithdrawalTransaction(it, 0, parts, nodes);
    }

    function testFuzz_prove_revertsWithInvalidOutputRootProof(uint8 part, bytes32 wrong) public {
        WithdrawalTransaction memory it = _withdrawal(0, alice, bob, 1);
        (OutputRootProof memory parts, bytes[] memory nodes) = proofOf(it);
        bytes32 posted = keccak256(abi.encode(parts));
        outputs.post(posted);
        bytes32[4] memory given =
            [parts.version, parts.stateRoot, parts.messagePasserStorageRoot, parts.latestBlockhash];
        vm.assume(wrong != given[part % 4]);
        given[part % 4] = wrong;
        parts = OutputRootProof(given[0], given[1], given[2], given[3]);
        vm.expectRevert(
            abi.encodeWithSelector(
                IOptimismPortal.InvalidOutputRootProof.selector,
                posted,
                keccak256(abi.encode(parts))
            )
        );
        portal.proveWithdrawalTransaction(it, 0, parts, nodes);
    }

    /// @dev Another amount, receiver or call than was sent has another slot.
    function testFuzz_prove_revertsWithInvalidWithdrawalProof(uint8 part, uint128 by) public {
        by = uint128(bound(by, 1, type(uint128).max));
        WithdrawalTransaction memory it = _withdrawal(7, alice, bob, 1);
        (OutputRootProof memory parts, bytes[] memory nodes) = proofOf(it);
        outputs.post(keccak256(abi.encode(parts)));
        if (part % 6 == 0) it.nonce += by;
        if (part % 6 == 1) it.sender = address(uint160(it.sender) ^ by);
        if (part % 6 == 2) it.target = address(uint160(it.target) ^ by);
        if (part % 6 == 3) it.value += by;
        if (part % 6 == 4) it.gasLimit += by;
        if (part % 6 == 5) it.data = abi.encode(by);
        vm.assume(it.target != address(portal));
        _expect(IOptimismPortal.InvalidWithdrawalProof.selector, hashOf(it));
        portal.proveWithdrawalTransaction(it, 0, parts, nodes);
    }

    function testFuzz_prove_refusesChangedNodes(uint16 at, uint8 by) public {
        by = uint8(bound(by, 1, 255));
        WithdrawalTransaction memory it = _withdrawal(7, alice, bob, 1);
        (OutputRootProof memory parts, bytes[] memory nodes) = proofOf(it);
        outputs.post(keccak256(abi.encode(parts)));
        bytes memory node = nodes[at % 2];
        node[(at / 2) % node.length] ^= bytes1(by);
        vm.expectRevert();
        portal.proveWithdrawalTransaction(it, 0, parts, nodes);
    }

    function test_prove_refusesOtherPaths() public {
        WithdrawalTransaction memory it = _withdrawal(7, alice, bob, 1);
        (OutputRootProof memory parts, bytes[] memory nodes) = proofOf(it);
        outputs.post(keccak256(abi.encode(parts)));
        bytes[] memory cut = new bytes[](1);
        cut[0] = nodes[0];
        _expect(IOptimismPortal.InvalidWithdrawalProof.selector, hashOf(it));
        portal.proveWithdrawalTransaction(it, 0, parts, cut);
        _expect(IOptimismPortal.InvalidWithdrawalProof.selector, hashOf(it));
        portal.proveWithdrawalTransaction(it, 0, parts, new bytes[](0));
    }

    function test_prove_revertsWithAlreadyProven() public {
        WithdrawalTransaction memory it = _withdrawal(0, alice, bob, 1);
        prove(it);
        (OutputRootProof memory parts, bytes[] memory nodes) = proofOf(it);
        vm.expectRevert(
            abi.encodeWithSelector(IOptimismPortal.AlreadyProven.selector, hashOf(it), 0)
        );
        portal.proveWithdrawalTransaction(it, 0, parts, nodes);
    }

    function test_prove_revertsWithNoOutputs() public {
        vm.store(address(portal), bytes32(uint256(2)), 0);
        assertEq(portal.l2Oracle(), address(0));
        WithdrawalTransaction memory it = _withdrawal(0, alice, bob, 1);
        (OutputRootProof memory parts, bytes[] memory nodes) = proofOf(it);
        vm.expectRevert(IOptimismPortal.NoOutputs.selector);
        portal.proveWithdrawalTransaction(it, 0, parts, nodes);
    }

    function _withdrawal(uint64 nonce, address sender, address target, uint256 value)
        private
        pure
        returns (WithdrawalTransaction memory)
    {
        return
            WithdrawalTransaction((uint256(1) << 240) | nonce, sender, target, value, 100_000, "");
    }

    function _expect(bytes4 selector, bytes32 withdrawalHash) private {
        vm.expectRevert(abi.encodeWithSelector(selector, withdrawalHash));
    }
}
