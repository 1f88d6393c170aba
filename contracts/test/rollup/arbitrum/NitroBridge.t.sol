// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {FreeToken} from "../../../src/examples/FreeToken.sol";
import {ArbSys} from "../../../src/rollup/arbitrum/ArbSys.sol";
import {NitroBridge} from "../../../src/rollup/arbitrum/NitroBridge.sol";
import {INitroBridge, Sent} from "../../../src/rollup/arbitrum/interfaces/INitroBridge.sol";
import {WithdrawalTransaction} from "../../../src/rollup/interfaces/IOptimismPortal.sol";
import {BridgeFixture} from "../BridgeFixture.sol";

/// @dev Asks as contracts for Nitro do who sent what it is called with.
contract L1Receiver {
    address public sender;
    uint256 public l2Block;
    uint256 public got;
    bool public isOpen;
    INitroBridge private _outbox;
    bytes private _nested;

    receive() external payable {
        got += msg.value;
    }

    function open() external {
        isOpen = true;
    }

    function nest(INitroBridge outbox, bytes calldata call) external {
        (_outbox, _nested) = (outbox, call);
    }

    function take(uint256) external payable {
        require(isOpen, "closed");
        INitroBridge outbox = INitroBridge(INitroBridge(msg.sender).activeOutbox());
        if (_nested.length != 0) {
            bytes memory call = _nested;
            delete _nested;
            (bool success,) = address(_outbox).call(call);
            require(success, "nested");
        }
        (sender, l2Block) = (outbox.l2ToL1Sender(), outbox.l2ToL1Block());
        got += msg.value;
    }
}

contract NitroBridgeTest is BridgeFixture {
    ArbSys internal arbSys = ArbSys(payable(address(0x64)));
    NitroBridge internal bridge;
    L1Receiver internal receiver = new L1Receiver();
    address internal alice = makeAddr("alice");
    address internal bob = makeAddr("bob");

    function setUp() public virtual override {
        super.setUp();
        bridge = NitroBridge(
            address(
                new ERC1967Proxy(
                    address(new NitroBridge()),
                    abi.encodeCall(NitroBridge.initialize, (governor, address(portal)))
                )
            )
        );
        vm.etch(address(arbSys), address(new ArbSys()).code);
        vm.store(address(arbSys), 0, bytes32(uint256(uint160(address(bridge)))));
        vm.deal(alice, 100 ether);
        vm.roll(7);
        _lock();
        vm.recordLogs();
    }

    function testFuzz_receiversSeeWhoSent(address caller, uint96 value) public {
        vm.assume(caller != address(0) && caller != address(passer));
        value = uint96(bound(value, 0, 100 ether)) / 1e12 * 1e12;
        vm.deal(caller, value);
        receiver.open();
        vm.prank(caller);
        arbSys.sendTxToL1{value: value}(address(receiver), abi.encodeCall(L1Receiver.take, (1)));
        _arrive(withdrawalsIn(vm.getRecordedLogs())[0]);
        assertEq(receiver.sender(), caller);
        assertEq(receiver.l2Block(), 7);
        assertEq(_moneyOf(address(receiver)), value);
        assertTrue(bridge.isSpent(0));
        assertEq(bridge.activeOutbox(), address(0));
        assertEq(bridge.l2ToL1Sender(), address(0));
        assertEq(_moneyOf(address(bridge)), 0);
    }

    function test_coinsAlone() public {
        vm.prank(alice);
        arbSys.withdrawEth{value: 3 ether}(bob);
        _arrive(withdrawalsIn(vm.getRecordedLogs())[0]);
        assertEq(_moneyOf(bob), 3 ether);
    }

    function test_whatFails_canBeMadeAgain() public {
        Sent memory sent = _send(2 ether);
        _arrive(withdrawalsIn(vm.getRecordedLogs())[0]);
        assertFalse(bridge.isSpent(0));
        assertEq(_moneyOf(address(bridge)), 2 ether);
        vm.expectRevert(INitroBridge.BridgeCallFailed.selector);
        _execute(sent);
        receiver.open();
        Sent memory other = sent;
        bytes32 item = _itemOf(sent);
        other.l2Sender = bob;
        vm.expectRevert(abi.encodeWithSelector(INitroBridge.NotArrived.selector, 0, _itemOf(other)));
        _execute(other);
        sent.l2Sender = alice;
        assertEq(_itemOf(sent), item);
        vm.expectEmit(address(bridge));
        emit INitroBridge.OutBoxTransactionExecuted(address(receiver), alice, 0, 0);
        _execute(sent);
        assertEq(receiver.sender(), alice);
        assertEq(_moneyOf(address(receiver)), 2 ether);
        vm.expectRevert(abi.encodeWithSelector(INitroBridge.AlreadySpent.selector, 0));
        _execute(sent);
    }

    function test_oneCallInAnother() public {
        Sent memory first = _send(0);
        _arrive(withdrawalsIn(vm.getRecordedLogs())[0]);
        receiver.open();
        receiver.nest(bridge, _executeCall(first));
        vm.prank(bob);
        arbSys.sendTxToL1(address(receiver), abi.encodeCall(L1Receiver.take, (2)));
        _arrive(withdrawalsIn(vm.getRecordedLogs())[0]);
        // the outer one ends last
        assertEq(receiver.sender(), bob);
        assertTrue(bridge.isSpent(0));
        assertTrue(bridge.isSpent(1));
    }

    function test_onlyArbSys() public {
        Sent memory sent;
        vm.expectRevert(abi.encodeWithSelector(INitroBridge.NotFromArbSys.selector, address(this)));
        bridge.receiveFromRollup(sent);
        vm.expectRevert(abi.encodeWithSelector(INitroBridge.NotFromArbSys.selector, address(this)));
        bridge.carryOut(sent);
        // somebody's own withdrawal, with the same call
        sent.l2Sender = bob;
        sent.to = address(receiver);
        passer.initiateWithdrawal(
            address(bridge), 1_000_000, abi.encodeCall(INitroBridge.receiveFromRollup, (sent))
        );
        _arrive(withdrawalsIn(vm.getRecordedLogs())[0]);
        vm.expectRevert(abi.encodeWithSelector(INitroBridge.NotArrived.selector, 0, _itemOf(sent)));
        _execute(sent);
    }

    function test_notInItsOwnName() public {
        vm.startPrank(alice);
        Sent memory stolen;
        (stolen.to, stolen.value) = (alice, 1);
        arbSys.sendTxToL1(address(bridge), abi.encodeCall(NitroBridge.carryOut, (stolen)));
        _arrive(withdrawalsIn(vm.getRecordedLogs())[0]);
        assertFalse(bridge.isSpent(0));
    }

    /// @dev Whatever gas is given: the call is made, or waits.
    function testFuzz_gas(uint256 given) public {
        given = bound(given, 1_000_000, 4_000_000);
        Sent memory sent = _send(1 ether);
        receiver.open();
        WithdrawalTransaction memory it = withdrawalsIn(vm.getRecordedLogs())[0];
        prove(it);
        outputs.setFinal(1);
        try portal.finalizeWithdrawalTransaction{gas: given}(it) {
            if (!bridge.isSpent(0)) _execute(sent);
            assertEq(_moneyOf(address(receiver)), 1 ether);
        } catch {
            assertFalse(portal.finalizedWithdrawals(hashOf(it)));
        }
    }

    function _lock() internal virtual {
        vm.deal(address(portal), 100 ether);
    }

    function _moneyOf(address who) internal view virtual returns (uint256) {
        return who.balance;
    }

    function _arrive(WithdrawalTransaction memory it) internal {
        prove(it);
        finalize(it);
    }

    function _send(uint256 value) private returns (Sent memory) {
        bytes memory data = abi.encodeCall(L1Receiver.take, (1));
        vm.prank(alice);
        arbSys.sendTxToL1{value: value}(address(receiver), data);
        return Sent(0, alice, address(receiver), 7, 0, block.timestamp, value, data);
    }

    function _execute(Sent memory sent) private {
        (bool success, bytes memory reason) = address(bridge).call(_executeCall(sent));
        if (success) return;
        assembly ("memory-safe") {
            revert(add(reason, 32), mload(reason))
        }
    }

    function _executeCall(Sent memory sent) private pure returns (bytes memory) {
        return abi.encodeCall(
            INitroBridge.executeTransaction,
            (
                new bytes32[](0),
                sent.index,
                sent.l2Sender,
                sent.to,
                sent.l2Block,
                sent.l1Block,
                sent.l2Timestamp,
                sent.value,
                sent.data
            )
        );
    }

    function _itemOf(Sent memory sent) private view returns (bytes32) {
        return bridge.calculateItemHash(
            sent.l2Sender,
            sent.to,
            sent.l2Block,
            sent.l1Block,
            sent.l2Timestamp,
            sent.value,
            sent.data
        );
    }
}

/// @dev The same on a rollup whose coin is a token of six decimals.
contract NitroBridgeGasTokenTest is NitroBridgeTest {
    FreeToken private _token;

    function test_theTokenIsNotCalled() public {
        vm.startPrank(alice);
        arbSys.sendTxToL1(address(_token), abi.encodeCall(_token.transfer, (alice, 1)));
        _arrive(withdrawalsIn(vm.getRecordedLogs())[0]);
        assertFalse(bridge.isSpent(0));
    }

    function makeGasToken() internal override returns (address) {
        _token = new FreeToken("Money", "MON", 6);
        return address(_token);
    }

    function _lock() internal override {
        _token.mint(address(this), 100e6);
        _token.approve(address(portal), 100e6);
        portal.depositERC20Transaction(alice, 100e6, 0, 100_000, false, "");
    }

    function _moneyOf(address who) internal view override returns (uint256) {
        return _token.balanceOf(who) * 1e12;
    }
}
