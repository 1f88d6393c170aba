// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {INotHere} from "../../../src/rollup/interfaces/INotHere.sol";
import {GasTokens} from "../../../src/rollup/libs/GasTokens.sol";
import {Predeploys} from "../../../src/rollup/libs/Predeploys.sol";
import {L1Block} from "../../../src/rollup/predeploys/L1Block.sol";
import {L2ToL1MessagePasser} from "../../../src/rollup/predeploys/L2ToL1MessagePasser.sol";
import {L1Messenger} from "../../../src/rollup/zksync/L1Messenger.sol";
import {L2BaseToken} from "../../../src/rollup/zksync/L2BaseToken.sol";
import {IL1Messenger} from "../../../src/rollup/zksync/interfaces/IL1Messenger.sol";
import {IL2BaseToken} from "../../../src/rollup/zksync/interfaces/IL2BaseToken.sol";
import {L2Messages} from "../../../src/rollup/zksync/libs/L2Messages.sol";

contract L2BaseTokenTest is Test {
    L2BaseToken internal token = new L2BaseToken();
    L2ToL1MessagePasser internal passer =
        L2ToL1MessagePasser(payable(Predeploys.L2_TO_L1_MESSAGE_PASSER));

    function setUp() public {
        vm.etch(address(passer), address(new L2ToL1MessagePasser()).code);
        vm.etch(Predeploys.L1_BLOCK, address(new L1Block()).code);
        vm.etch(L2Messages.L1_MESSENGER, address(new L1Messenger()).code);
    }

    function testFuzz_withdraw_isOneOfThePassers(address caller, address receiver, uint128 value)
        public
    {
        vm.assume(caller != address(passer));
        vm.deal(caller, value);
        bytes32 hash = keccak256(
            abi.encode(
                uint256(1) << 240,
                address(token),
                receiver,
                value,
                token.WITHDRAW_GAS_LIMIT(),
                bytes("")
            )
        );
        vm.expectEmit(address(token));
        emit IL2BaseToken.Withdrawal(caller, receiver, value);
        vm.prank(caller);
        token.withdraw{value: value}(receiver);
        assertTrue(passer.sentMessages(hash));
        assertEq(address(passer).balance, value);
    }

    function testFuzz_balanceOf(address account, uint128 value) public {
        vm.deal(account, value);
        assertEq(token.balanceOf(uint160(account)), value);
        assertEq(token.name(), "Ether");
        assertEq(token.symbol(), "ETH");
        assertEq(token.decimals(), 18);
    }

    function test_name_isThatOfTheGasToken() public {
        bytes32 word = bytes32(uint256(6) << 160 | uint160(address(0xdead)));
        vm.store(Predeploys.L1_BLOCK, GasTokens.TOKEN_SLOT, word);
        vm.store(Predeploys.L1_BLOCK, GasTokens.NAME_SLOT, "USD Coin");
        vm.store(Predeploys.L1_BLOCK, GasTokens.SYMBOL_SLOT, "USDC");
        assertEq(token.name(), "USD Coin");
        assertEq(token.symbol(), "USDC");
        assertEq(token.decimals(), 18);
    }

    function testFuzz_withdrawWithMessage_tellsWho(
        address caller,
        address receiver,
        uint128 value,
        bytes calldata data
    ) public {
        vm.assume(caller != address(passer));
        vm.deal(caller, value);
        bytes memory message =
            abi.encodePacked(hex"6c0960f9", receiver, uint256(value), caller, data);
        vm.expectEmit(address(token));
        emit IL2BaseToken.WithdrawalWithMessage(caller, receiver, value, data);
        vm.expectEmit(L2Messages.L1_MESSENGER);
        emit IL1Messenger.L1MessageSent(address(token), keccak256(message), message);
        vm.prank(caller);
        token.withdrawWithMessage{value: value}(receiver, data);
        assertEq(address(passer).balance, value);
        assertEq(passer.messageNonce(), (uint256(1) << 240) + 1);
    }

    function test_mint_revertsByName() public {
        bytes memory call = abi.encodeWithSignature("mint(address,uint256)", address(1), 1);
        (bool done, bytes memory answer) = address(token).call(call);
        assertFalse(done);
        assertEq(answer, abi.encodeWithSelector(INotHere.NotHere.selector, bytes4(call)));
    }
}
