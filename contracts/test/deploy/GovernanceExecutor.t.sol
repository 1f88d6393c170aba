// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Test} from "forge-std/Test.sol";
import {GovernanceExecutor} from "../../src/deploy/GovernanceExecutor.sol";
import {Call, IGovernanceExecutor} from "../../src/deploy/interfaces/IGovernanceExecutor.sol";

contract Ledger {
    error TooMuch(uint256 amount);

    uint256 public total;

    function add(uint256 amount) external payable returns (uint256) {
        if (amount > 100) revert TooMuch(amount);
        return total += amount;
    }
}

contract GovernanceExecutorTest is Test {
    GovernanceExecutor internal executor;
    Ledger internal ledger;
    address internal governor = makeAddr("governor");
    address internal bob = makeAddr("bob");

    function setUp() public {
        executor = new GovernanceExecutor(governor);
        ledger = new Ledger();
        vm.deal(governor, 10 ether);
    }

    function test_owner_liesInSlotZero() public {
        assertEq(executor.owner(), governor);
        assertEq(vm.load(address(executor), 0), bytes32(uint256(uint160(governor))));
        vm.store(address(executor), 0, bytes32(uint256(uint160(bob))));
        assertEq(executor.owner(), bob);
    }

    function test_execute() public {
        Call memory call = _add(7, 3);
        vm.expectEmit(address(executor));
        emit IGovernanceExecutor.Executed(call.target, call.value, call.data);
        vm.prank(governor);
        bytes memory result = executor.execute{value: 3}(call);
        assertEq(abi.decode(result, (uint256)), 7);
        assertEq(address(ledger).balance, 3);
    }

    function test_executeBatch_inOrderWithResults() public {
        Call[] memory calls = new Call[](3);
        calls[0] = _add(1, 0);
        calls[1] = _add(2, 5);
        calls[2] = Call(bob, 4, "");
        vm.prank(governor);
        bytes[] memory results = executor.executeBatch{value: 9}(calls);
        assertEq(abi.decode(results[0], (uint256)), 1);
        assertEq(abi.decode(results[1], (uint256)), 3);
        assertEq(results[2].length, 0);
        assertEq(bob.balance, 4);
        assertEq(address(ledger).balance, 5);
    }

    function test_executeBatch_spendsWhatItHolds() public {
        vm.deal(address(executor), 4);
        Call[] memory calls = new Call[](1);
        calls[0] = Call(bob, 4, "");
        vm.prank(governor);
        executor.executeBatch(calls);
        assertEq(bob.balance, 4);
    }

    function test_executeBatch_revertsWithCallFailed() public {
        Call[] memory calls = new Call[](3);
        calls[0] = _add(1, 0);
        calls[1] = _add(101, 0);
        calls[2] = _add(2, 0);
        vm.expectRevert(
            abi.encodeWithSelector(
                IGovernanceExecutor.CallFailed.selector,
                1,
                abi.encodeWithSelector(Ledger.TooMuch.selector, 101)
            )
        );
        vm.prank(governor);
        executor.executeBatch(calls);
        assertEq(ledger.total(), 0, "all or none");
    }

    function test_execute_revertsWithTargetNotContract() public {
        vm.expectRevert(
            abi.encodeWithSelector(IGovernanceExecutor.TargetNotContract.selector, 0, bob)
        );
        vm.prank(governor);
        executor.execute(Call(bob, 0, hex"12345678"));
    }

    function test_execute_revertsWithOwnableUnauthorizedAccount() public {
        bytes memory expected =
            abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, bob);
        vm.startPrank(bob);
        vm.expectRevert(expected);
        executor.execute(_add(1, 0));
        vm.expectRevert(expected);
        executor.executeBatch(new Call[](0));
    }

    function _add(uint256 amount, uint256 value) private view returns (Call memory) {
        return Call(address(ledger), value, abi.encodeCall(Ledger.add, (amount)));
    }
}
