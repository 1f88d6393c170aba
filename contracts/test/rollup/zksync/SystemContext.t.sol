// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {INotHere} from "../../../src/rollup/interfaces/INotHere.sol";
import {SystemContext} from "../../../src/rollup/zksync/SystemContext.sol";

contract SystemContextTest is Test {
    SystemContext internal context = new SystemContext();

    function testFuzz_saysWhatTheBlockIs(uint64 number, uint64 time, uint64 fee, address who)
        public
    {
        vm.roll(number);
        vm.warp(time);
        vm.fee(fee);
        vm.coinbase(who);
        vm.prevrandao(uint256(fee));
        assertEq(context.getBlockNumber(), number);
        assertEq(context.getBlockTimestamp(), time);
        (uint128 a, uint128 b) = context.getL2BlockNumberAndTimestamp();
        assertEq(a, number);
        assertEq(b, time);
        assertEq(context.baseFee(), fee);
        assertEq(context.difficulty(), fee);
        assertEq(context.coinbase(), who);
        assertEq(context.chainId(), block.chainid);
        assertEq(context.blockGasLimit(), block.gaslimit);
        assertEq(context.gasPrice(), tx.gasprice);
        assertEq(context.origin(), tx.origin);
        if (number > 0) assertEq(context.getBlockHashEVM(number - 1), blockhash(number - 1));
        assertEq(context.gasPerPubdataByte() + context.getCurrentPubdataSpent(), 0);
    }

    function test_batches_revertByName() public {
        bytes memory call = abi.encodeWithSignature("getBatchHash(uint256)", 1);
        (bool done, bytes memory answer) = address(context).call(call);
        assertFalse(done);
        assertEq(answer, abi.encodeWithSelector(INotHere.NotHere.selector, bytes4(call)));
    }
}
