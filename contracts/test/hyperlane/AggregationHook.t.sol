// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {AggregationHook} from "../../src/hyperlane/AggregationHook.sol";
import {IInterchainGasPaymaster} from "../../src/metalayer/interfaces/IInterchainGasPaymaster.sol";
import {Message} from "../../src/metalayer/libs/Message.sol";
import {MetalayerTest} from "../utils/MetalayerTest.sol";

/// @notice The tree hook and the gas paymaster as a mailbox's default hook.
contract AggregationHookTest is MetalayerTest {
    AggregationHook internal hook;

    function setUp() public override {
        super.setUp();
        hook = new AggregationHook(address(here.tree), address(here.igp));
        vm.startPrank(governor);
        here.mailbox.setDefaultHook(address(hook));
        here.igp.setDefaultGasPrice(IInterchainGasPaymaster.GasPrice(1e10, 1 gwei));
        vm.stopPrank();
    }

    function test_tellsWhatItConsistsOf() public view {
        address[] memory found = hook.hooks("");
        assertEq(found.length, 2);
        assertEq(found[0], address(here.tree));
        assertEq(found[1], address(here.igp));
        assertEq(hook.hookType(), 2);
        assertTrue(hook.supportsMetadata(""));
        assertFalse(hook.supportsMetadata(hex"0007"));
    }

    /// @dev The tree has the message from the mailbox, which asks the required hook first.
    function testFuzz_dispatch_paysOnceAndEntersTheTreeOnce(uint96 more) public {
        bytes32 to = Message.toBytes32(bob);
        uint256 fee = here.mailbox.quoteDispatch(THERE, to, "body");
        assertEq(fee, 50_000 gwei);
        vm.deal(alice, fee + more);
        vm.prank(alice);
        here.mailbox.dispatch{value: fee + more}(THERE, to, "body");
        assertEq(here.tree.count(), 1);
        assertEq(address(here.igp).balance, fee);
        assertEq(alice.balance, more, "the rest comes back");
        assertEq(address(hook).balance, 0);
    }

    function test_dispatch_refusesTooLittle() public {
        vm.expectPartialRevert(IInterchainGasPaymaster.InsufficientFee.selector);
        vm.prank(alice);
        here.mailbox.dispatch{value: 1}(THERE, Message.toBytes32(bob), "body");
        assertEq(here.tree.count(), 0);
    }
}
