// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {ReadOperation} from "../../src/metalayer/interfaces/IMetalayerRecipient.sol";
import {ITestRecipient} from "../../src/metalayer/interfaces/ITestRecipient.sol";
import {TestRecipient} from "../../src/metalayer/TestRecipient.sol";

contract TestRecipientTest is Test {
    TestRecipient internal recipient;

    function setUp() public {
        recipient = new TestRecipient();
    }

    function test_startsEmpty() public view {
        assertEq(recipient.count(), 0);
        assertEq(recipient.lastOrigin(), 0);
        assertEq(recipient.lastSender(), 0);
        assertEq(recipient.lastData(), "");
        assertEq(recipient.messages(0), "");
        assertEq(recipient.lastCaller(), address(0));
        assertFalse(recipient.broken());
    }

    function test_handle_remembersEveryMessage() public {
        vm.expectEmit(address(recipient));
        emit ITestRecipient.Received(7, bytes32("a"), address(this), 3, "one");
        recipient.handle{value: 3}(7, bytes32("a"), "one");
        recipient.handle(8, bytes32("b"), "two", new ReadOperation[](0), new bytes[](0));

        assertEq(recipient.count(), 2);
        assertEq(recipient.messages(0), "one");
        assertEq(recipient.messages(1), "two");
        assertEq(recipient.lastData(), "two");
        assertEq(recipient.lastOrigin(), 8);
        assertEq(recipient.lastSender(), bytes32("b"));
        assertEq(recipient.lastCaller(), address(this));
    }

    function test_handle_revertsWithRecipientBroken() public {
        vm.expectEmit(address(recipient));
        emit ITestRecipient.BrokenSet(true);
        recipient.setBroken(true);
        bytes memory expected = abi.encodeWithSelector(
            ITestRecipient.RecipientBroken.selector, "this recipient refuses every message"
        );
        vm.expectRevert(expected);
        recipient.handle(7, bytes32("a"), "one");
        vm.expectRevert(expected);
        recipient.handle(7, bytes32("a"), "one", new ReadOperation[](0), new bytes[](0));

        recipient.setBroken(false);
        recipient.handle(7, bytes32("a"), "one");
        assertEq(recipient.count(), 1);
    }

    /// forge-config: default.isolate = true
    function test_handle_fitsTheDefaultGasFromTheFirstMessageOn() public {
        for (uint256 i = 0; i < 3; ++i) {
            recipient.handle(7, bytes32("a"), "a body of thirty-one bytes, yes");
            assertLt(vm.lastCallGas().gasTotalUsed - 21_000, 45_000);
        }
    }

    function testFuzz_handle(uint32 origin, bytes32 sender, bytes calldata body) public {
        recipient.handle(origin, sender, body);
        assertEq(recipient.lastOrigin(), origin);
        assertEq(recipient.lastSender(), sender);
        assertEq(recipient.lastData(), body);
        assertEq(recipient.count(), 1);
    }
}
