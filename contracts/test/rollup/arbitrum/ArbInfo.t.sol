// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {ArbGasInfo} from "../../../src/rollup/arbitrum/ArbGasInfo.sol";
import {ArbInfo} from "../../../src/rollup/arbitrum/ArbInfo.sol";
import {NodeInterface} from "../../../src/rollup/arbitrum/NodeInterface.sol";
import {NotHere} from "../../../src/rollup/libs/NotHere.sol";
import {INodeInterface} from "../../../src/rollup/arbitrum/interfaces/INodeInterface.sol";
import {INotHere} from "../../../src/rollup/interfaces/INotHere.sol";

/// @notice What Nitro's contracts tell: of gas, of accounts, of what only a node knows.
contract ArbInfoTest is Test {
    ArbGasInfo internal gasInfo = new ArbGasInfo();
    ArbInfo internal info = new ArbInfo();
    NodeInterface internal node = new NodeInterface();

    function testFuzz_prices_areTheBlocks(uint64 fee, address aggregator) public {
        vm.fee(fee);
        (uint256 perTx, uint256 perByte, uint256 perWord, uint256 base, uint256 more, uint256 all) =
            gasInfo.getPricesInWei();
        assertEq(perTx + perByte + more, 0);
        assertEq(perWord, 20_000 * uint256(fee));
        assertEq(base, fee);
        assertEq(all, fee);
        assertEq(gasInfo.getMinimumGasPrice(), fee);
        (,, perWord, base,, all) = gasInfo.getPricesInWeiWithAggregator(aggregator);
        assertEq(perWord + base + all, 20_002 * uint256(fee));
    }

    function test_dataCostNothing() public view {
        (uint256 perTx, uint256 perByte, uint256 perWord) = gasInfo.getPricesInArbGas();
        assertEq(perTx + perByte, 0);
        assertEq(perWord, 20_000);
        (perTx, perByte, perWord) = gasInfo.getPricesInArbGasWithAggregator(address(1));
        assertEq(perTx + perByte, 0);
        assertEq(perWord, 20_000);
        assertEq(gasInfo.getL1BaseFeeEstimate(), 0);
        assertEq(gasInfo.getL1GasPriceEstimate(), 0);
        assertEq(gasInfo.getCurrentTxL1GasFees(), 0);
    }

    function testFuzz_accounts(address account, uint128 wei_) public {
        vm.deal(account, wei_);
        assertEq(info.getBalance(account), wei_);
        assertEq(info.getCode(account), account.code);
        assertEq(info.getCode(address(info)), address(info).code);
    }

    function testFuzz_gasEstimateL1Component_isNothing(
        address to,
        bool creates,
        bytes calldata data
    ) public {
        vm.fee(7);
        (uint64 forL1, uint256 fee, uint256 l1Fee) = node.gasEstimateL1Component(to, creates, data);
        assertEq(forL1, 0);
        assertEq(fee, 7);
        assertEq(l1Fee, 0);
        assertEq(node.nitroGenesisBlock(), 0);
    }

    function test_whatOnlyANodeKnows_revertsByName() public {
        vm.expectRevert(INodeInterface.UseEthEstimateGas.selector);
        node.gasEstimateComponents(address(1), false, "");
        vm.expectRevert(INodeInterface.NoRetryableTickets.selector);
        node.estimateRetryableTicket(address(1), 1, address(1), 1, address(1), address(1), "");
    }

    function testFuzz_whatIsNotThere_revertsByName(bytes4 selector, bytes calldata data) public {
        (bool done, bytes memory answer) =
            address(new NotHere()).call(abi.encodePacked(selector, data));
        assertFalse(done);
        assertEq(answer, abi.encodeWithSelector(INotHere.NotHere.selector, selector));
    }

    function test_l2BlockRangeForL1_revertsByName() public {
        bytes memory call = abi.encodeWithSignature("l2BlockRangeForL1(uint64)", 1);
        (bool done, bytes memory answer) = address(node).call(call);
        assertFalse(done);
        assertEq(answer, abi.encodeWithSelector(INotHere.NotHere.selector, bytes4(call)));
    }
}
