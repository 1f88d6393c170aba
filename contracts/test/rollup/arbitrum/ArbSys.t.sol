// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test, Vm} from "forge-std/Test.sol";
import {ArbSys} from "../../../src/rollup/arbitrum/ArbSys.sol";
import {IArbSys} from "../../../src/rollup/arbitrum/interfaces/IArbSys.sol";
import {INitroBridge, Sent} from "../../../src/rollup/arbitrum/interfaces/INitroBridge.sol";
import {INotHere} from "../../../src/rollup/interfaces/INotHere.sol";
import {Predeploys} from "../../../src/rollup/libs/Predeploys.sol";
import {L1Block} from "../../../src/rollup/predeploys/L1Block.sol";
import {L2ToL1MessagePasser} from "../../../src/rollup/predeploys/L2ToL1MessagePasser.sol";
import {
    IL2ToL1MessagePasser
} from "../../../src/rollup/predeploys/interfaces/IL2ToL1MessagePasser.sol";

contract ArbSysTest is Test {
    uint256 internal constant FIRST = uint256(1) << 240;
    address internal constant BRIDGE = address(0xB41D6E);

    ArbSys internal arbSys = ArbSys(payable(address(0x64)));
    L2ToL1MessagePasser internal passer =
        L2ToL1MessagePasser(payable(Predeploys.L2_TO_L1_MESSAGE_PASSER));

    function setUp() public {
        vm.etch(address(arbSys), address(new ArbSys()).code);
        // as the genesis sets it
        vm.store(address(arbSys), 0, bytes32(uint256(uint160(BRIDGE))));
        vm.etch(address(passer), address(new L2ToL1MessagePasser()).code);
        vm.etch(Predeploys.L1_BLOCK, address(new L1Block()).code);
    }

    function testFuzz_sendTxToL1_isAWithdrawalForTheBridge(
        address caller,
        address destination,
        uint128 value,
        bytes calldata data
    ) public {
        vm.assume(caller != address(passer));
        vm.deal(caller, value);
        vm.deal(address(passer), 0);
        bytes32 item = keccak256(
            abi.encodePacked(
                caller, destination, block.number, uint256(0), block.timestamp, uint256(value), data
            )
        );
        vm.expectEmit(address(arbSys));
        emit IArbSys.L2ToL1Tx(
            caller, destination, uint256(item), 0, block.number, 0, block.timestamp, value, data
        );
        vm.recordLogs();
        vm.prank(caller);
        assertEq(arbSys.sendTxToL1{value: value}(destination, data), 0);

        Vm.Log memory log = vm.getRecordedLogs()[1];
        assertEq(log.topics[0], IL2ToL1MessagePasser.MessagePassed.selector);
        assertEq(uint256(log.topics[1]), FIRST);
        assertEq(address(uint160(uint256(log.topics[2]))), address(arbSys));
        assertEq(address(uint160(uint256(log.topics[3]))), BRIDGE);
        (uint256 passed, uint256 gasLimit, bytes memory call, bytes32 hash) =
            abi.decode(log.data, (uint256, uint256, bytes, bytes32));
        assertEq(passed, value);
        assertGt(gasLimit, arbSys.CALL_GAS_LIMIT());
        assertEq(call, _call(caller, destination, value, data));
        assertTrue(passer.sentMessages(hash));
        assertEq(address(passer).balance, value);
        assertEq(address(arbSys).balance, 0);
    }

    function test_withdrawEth_countsPositions() public {
        assertEq(arbSys.withdrawEth{value: 1}(address(this)), 0);
        passer.initiateWithdrawal(address(this), 0, "");
        assertEq(arbSys.withdrawEth{value: 1}(address(this)), 1);
        assertEq(address(passer).balance, 2);
    }

    function testFuzz_arbBlockHash_ofTheLast256(uint64 current, uint64 wanted) public {
        vm.roll(bound(current, 1, type(uint64).max));
        uint256 block_ = vm.getBlockNumber();
        if (wanted >= block_ || block_ - wanted > 256) {
            vm.expectRevert(
                abi.encodeWithSelector(IArbSys.InvalidBlockNumber.selector, wanted, block_)
            );
            arbSys.arbBlockHash(wanted);
        } else {
            assertEq(arbSys.arbBlockHash(wanted), blockhash(wanted));
        }
    }

    function test_chain() public {
        vm.roll(7);
        assertEq(arbSys.arbBlockNumber(), 7);
        assertEq(arbSys.arbChainID(), block.chainid);
        assertEq(arbSys.arbOSVersion(), 55);
        assertEq(arbSys.getStorageGasAvailable(), 0);
    }

    function test_isTopLevelCall_onlyAccountsKnow() public {
        address account = makeAddr("account");
        vm.prank(account, account);
        assertTrue(arbSys.isTopLevelCall());
        vm.expectRevert(IArbSys.CallersCallerUnknown.selector);
        arbSys.isTopLevelCall();
        vm.etch(account, abi.encodePacked(hex"ef0100", address(this)));
        vm.prank(account, account);
        vm.expectRevert(IArbSys.CallersCallerUnknown.selector);
        arbSys.isTopLevelCall();
    }

    function test_aliases() public {
        vm.txGasPrice(1);
        assertFalse(arbSys.wasMyCallersAddressAliased());
        vm.txGasPrice(0);
        vm.expectRevert(IArbSys.CallersCallerUnknown.selector);
        arbSys.wasMyCallersAddressAliased();
        vm.expectRevert(IArbSys.CallersCallerUnknown.selector);
        arbSys.myCallersAddressWithoutAliasing();
        assertEq(
            arbSys.mapL1SenderContractAddressToL2Alias(address(1), address(0)),
            0x1111000000000000000000000000000000001112
        );
        assertEq(
            arbSys.mapL1SenderContractAddressToL2Alias(address(type(uint160).max), address(0)),
            0x1111000000000000000000000000000000001110
        );
    }

    function test_sendMerkleTreeState_revertsByName() public {
        bytes memory call = abi.encodeWithSignature("sendMerkleTreeState()");
        (bool done, bytes memory answer) = address(arbSys).call(call);
        assertFalse(done);
        assertEq(answer, abi.encodeWithSelector(INotHere.NotHere.selector, bytes4(call)));
        (done, answer) = address(arbSys).call{value: 1}("");
        assertFalse(done);
    }

    function _call(address caller, address destination, uint256 value, bytes calldata data)
        private
        view
        returns (bytes memory)
    {
        Sent memory sent =
            Sent(0, caller, destination, block.number, 0, block.timestamp, value, data);
        return abi.encodeCall(INitroBridge.receiveFromRollup, (sent));
    }
}
