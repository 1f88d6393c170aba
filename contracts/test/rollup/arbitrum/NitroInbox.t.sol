// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {NitroInbox} from "../../../src/rollup/arbitrum/NitroInbox.sol";
import {INitroInbox} from "../../../src/rollup/arbitrum/interfaces/INitroInbox.sol";
import {IOptimismPortal} from "../../../src/rollup/interfaces/IOptimismPortal.sol";
import {Callers} from "../../../src/rollup/libs/Callers.sol";
import {BridgeFixture} from "../BridgeFixture.sol";

/// @dev Stands on the rollup; remembers its caller.
contract Called {
    address public caller;
    uint256 public value;

    function take() external payable {
        (caller, value) = (msg.sender, msg.value);
    }

    function refuse() external payable {
        revert("no");
    }
}

contract NitroInboxTest is BridgeFixture {
    NitroInbox internal inbox;
    Called internal called = new Called();
    address internal alice = makeAddr("alice");
    address internal bob = makeAddr("bob");

    function setUp() public override {
        super.setUp();
        bytes memory call =
            abi.encodeCall(NitroInbox.initialize, (governor, address(portal), makeAddr("bridge")));
        inbox = NitroInbox(address(new ERC1967Proxy(address(new NitroInbox()), call)));
        vm.prank(governor);
        portal.setRelay(address(inbox));
        vm.deal(alice, 100 ether);
        vm.recordLogs();
    }

    function testFuzz_depositEth(uint96 value) public {
        value = uint96(bound(value, 0, 100 ether));
        vm.prank(alice, alice);
        assertEq(inbox.depositEth{value: value}(), 0);
        uint256 left = alice.balance;
        deliver(vm.getRecordedLogs());
        // one account has it on both chains here
        assertEq(alice.balance, left + value);
        assertEq(address(portal).balance, value);
    }

    function test_depositEth_ofAContract_goesToItsAlias() public {
        assertEq(inbox.depositEth{value: 5}(), 0);
        deliver(vm.getRecordedLogs());
        assertEq(Callers.aliased(address(this)).balance, 5);
    }

    function testFuzz_aTicket_isCalledByTheAlias_andTheRestRefunded(uint96 value, uint96 excess)
        public
    {
        value = uint96(bound(value, 0, 50 ether));
        excess = uint96(bound(excess, 0, 50 ether));
        vm.prank(alice, alice);
        uint256 number = inbox.createRetryableTicket{value: uint256(value) + excess}(
            address(called),
            value,
            0,
            bob,
            bob,
            200_000,
            uint256(excess) / 200_000,
            abi.encodeCall(Called.take, ())
        );
        assertEq(number, 0);
        deliver(vm.getRecordedLogs());
        assertEq(called.caller(), Callers.aliased(alice));
        assertEq(called.value(), value);
        assertEq(bob.balance, excess);
        assertEq(address(portal).balance, uint256(value) + excess);
    }

    function test_whatFails_staysWithTheAlias_andCanBeSentOn() public {
        vm.prank(alice, alice);
        bytes memory call = abi.encodeCall(Called.refuse, ());
        inbox.createRetryableTicket{value: 7}(address(called), 7, 0, bob, bob, 200_000, 0, call);
        deliver(vm.getRecordedLogs());
        assertEq(Callers.aliased(alice).balance, 7);
        vm.prank(alice, alice);
        inbox.unsafeCreateRetryableTicket(bob, 7, 0, bob, bob, 100_000, 0, "");
        deliver(vm.getRecordedLogs());
        assertEq(bob.balance, 7);
        assertEq(Callers.aliased(alice).balance, 0);
    }

    function test_refundsOfContracts_goToTheirAliases() public {
        vm.prank(alice, alice);
        inbox.createRetryableTicket{value: 7}(bob, 2, 0, address(called), bob, 100_000, 0, "");
        deliver(vm.getRecordedLogs());
        assertEq(Callers.aliased(address(called)).balance, 5);
    }

    function test_refuses() public {
        vm.expectRevert(abi.encodeWithSelector(INitroInbox.InsufficientValue.selector, 100_006, 5));
        inbox.createRetryableTicket{value: 5}(bob, 5, 1, bob, bob, 100_000, 1, "");
        vm.expectRevert(INitroInbox.GasLimitTooLarge.selector);
        inbox.createRetryableTicket(bob, 0, 0, bob, bob, uint256(1) << 64, 0, "");
        vm.expectRevert(
            abi.encodeWithSelector(IOptimismPortal.GasLimitTooLow.selector, 20_000, 21_000)
        );
        inbox.createRetryableTicket(bob, 0, 0, bob, bob, 20_000, 0, "");
        assertEq(inbox.calculateRetryableSubmissionFee(1000, 1 gwei), 0);
    }

    function test_relay_onlyWhomTheOwnerNamed() public {
        vm.expectRevert(abi.encodeWithSelector(IOptimismPortal.NotRelay.selector, address(this)));
        portal.relayTransaction(alice, bob, 1, 100_000, "");
        vm.expectRevert();
        portal.setRelay(address(this));
        vm.expectEmit(address(portal));
        emit IOptimismPortal.RelaySet(address(0));
        vm.prank(governor);
        portal.setRelay(address(0));
        vm.expectRevert(abi.encodeWithSelector(IOptimismPortal.NotRelay.selector, address(inbox)));
        inbox.depositEth();
    }
}
