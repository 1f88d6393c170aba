// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {GasTokens} from "../../src/rollup/libs/GasTokens.sol";
import {Predeploys} from "../../src/rollup/libs/Predeploys.sol";
import {L1Block} from "../../src/rollup/predeploys/L1Block.sol";
import {L2ToL1MessagePasser} from "../../src/rollup/predeploys/L2ToL1MessagePasser.sol";
import {
    IL2ToL1MessagePasser
} from "../../src/rollup/predeploys/interfaces/IL2ToL1MessagePasser.sol";

contract L2ToL1MessagePasserTest is Test {
    uint256 internal constant FIRST = uint256(1) << 240;

    L2ToL1MessagePasser internal passer;

    function setUp() public {
        passer = new L2ToL1MessagePasser();
        vm.etch(Predeploys.L1_BLOCK, address(new L1Block()).code);
    }

    function testFuzz_initiateWithdrawal(
        address sender,
        address target,
        uint128 value,
        uint256 gasLimit,
        bytes calldata data
    ) public {
        vm.assume(sender != address(passer));
        vm.deal(sender, value);
        bytes32 hash = keccak256(abi.encode(FIRST, sender, target, value, gasLimit, data));
        assertFalse(passer.sentMessages(hash));

        vm.expectEmit(address(passer));
        emit IL2ToL1MessagePasser.MessagePassed(FIRST, sender, target, value, gasLimit, data, hash);
        vm.prank(sender);
        passer.initiateWithdrawal{value: value}(target, gasLimit, data);

        assertTrue(passer.sentMessages(hash));
        assertEq(passer.messageNonce(), FIRST + 1);
        assertEq(address(passer).balance, value);
    }

    function test_receive_withdrawsToTheSender() public {
        address alice = makeAddr("alice");
        vm.deal(alice, 5);
        vm.prank(alice);
        (bool success,) = address(passer).call{value: 5}("");
        assertTrue(success);
        assertTrue(passer.sentMessages(keccak256(abi.encode(FIRST, alice, alice, 5, 100_000, ""))));
    }

    /// @dev The mapping lies in slot 0: proofs of withdrawals rely on it.
    function test_sentMessages_lieInSlotZero() public {
        passer.initiateWithdrawal(address(1), 2, "3");
        bytes32 hash = keccak256(abi.encode(FIRST, address(this), address(1), 0, 2, "3"));
        bytes32 slot = keccak256(abi.encode(hash, uint256(0)));
        assertEq(uint256(vm.load(address(passer), slot)), 1);
    }

    /// @dev Of a token with fewer decimals only whole units leave.
    function testFuzz_initiateWithdrawal_revertsWithDust(uint8 decimals, uint128 value) public {
        decimals = uint8(bound(decimals, 0, 18));
        uint256 unit = 10 ** (18 - decimals);
        uint256 word = uint256(decimals) << 160 | uint160(address(0xdead));
        vm.store(Predeploys.L1_BLOCK, GasTokens.TOKEN_SLOT, bytes32(word));
        vm.deal(address(this), value);
        if (value % unit != 0) {
            vm.expectRevert(
                abi.encodeWithSelector(
                    IL2ToL1MessagePasser.DustNotWithdrawable.selector, value, unit
                )
            );
        }
        passer.initiateWithdrawal{value: value}(address(1), 2, "");
        passer.initiateWithdrawal{value: value / unit * unit - address(passer).balance}(
            address(1), 2, ""
        );
        assertEq(address(passer).balance, value / unit * unit);
    }

    function test_burn_destroysTheCoins() public {
        passer.initiateWithdrawal{value: 7}(address(1), 2, "");
        vm.expectEmit(address(passer));
        emit IL2ToL1MessagePasser.WithdrawerBalanceBurnt(7);
        passer.burn();
        assertEq(address(passer).balance, 0);
    }
}
