// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {GasTokens} from "../../src/rollup/libs/GasTokens.sol";
import {Predeploys} from "../../src/rollup/libs/Predeploys.sol";
import {FeeVault} from "../../src/rollup/predeploys/FeeVault.sol";
import {L1Block} from "../../src/rollup/predeploys/L1Block.sol";
import {L2ToL1MessagePasser} from "../../src/rollup/predeploys/L2ToL1MessagePasser.sol";
import {IFeeVault} from "../../src/rollup/predeploys/interfaces/IFeeVault.sol";

/// @dev Calls the vault again when it is paid.
contract Greedy {
    IFeeVault private immutable vault;
    bool private hasCalled;

    constructor(IFeeVault vault_) {
        vault = vault_;
    }

    receive() external payable {
        if (hasCalled) return;
        hasCalled = true;
        vault.withdraw();
    }
}

contract Refusing {}

contract FeeVaultTest is Test {
    IFeeVault internal vault;
    L2ToL1MessagePasser internal passer =
        L2ToL1MessagePasser(payable(Predeploys.L2_TO_L1_MESSAGE_PASSER));
    address internal owner = makeAddr("owner");
    address internal wallet = makeAddr("wallet");

    function setUp() public {
        vm.etch(address(passer), address(new L2ToL1MessagePasser()).code);
        vm.etch(Predeploys.L1_BLOCK, type(L1Block).runtimeCode);
        vault = new FeeVault();
        _genesis(wallet, IFeeVault.WithdrawalNetwork.L2);
    }

    /// @dev As control_plane/domain/settlement/predeploys.py has it.
    function _genesis(address recipient, IFeeVault.WithdrawalNetwork network) private {
        uint256 route = uint256(network) << 160 | uint160(recipient);
        vm.store(address(vault), bytes32(uint256(2)), bytes32(route));
        vm.store(address(vault), bytes32(uint256(3)), bytes32(uint256(uint160(owner))));
    }

    function testFuzz_withdraw_paysOnTheRollup(address caller, uint128[4] calldata fees) public {
        uint256 total = 0;
        for (uint256 i = 0; i < fees.length; ++i) {
            vm.deal(address(vault), fees[i]); // by the engine: no call
            vm.expectEmit(address(vault));
            emit IFeeVault.Withdrawal(fees[i], wallet, caller);
            vm.expectEmit(address(vault));
            emit IFeeVault.Withdrawal(fees[i], wallet, caller, IFeeVault.WithdrawalNetwork.L2);
            vm.prank(caller);
            assertEq(vault.withdraw(), fees[i]);
            total += fees[i];
            assertEq(vault.totalProcessed(), total);
            assertEq(wallet.balance, total);
            assertEq(address(vault).balance, 0);
        }
    }

    function testFuzz_withdraw_goesToTheL1(address caller, uint128 fees) public {
        vm.prank(owner);
        vault.setWithdrawalNetwork(IFeeVault.WithdrawalNetwork.L1);
        vm.deal(address(vault), fees);
        bytes memory withdrawal =
            abi.encode(uint256(1) << 240, vault, wallet, fees, uint256(400_000), bytes(""));
        vm.prank(caller);
        assertEq(vault.withdraw(), fees);
        assertTrue(passer.sentMessages(keccak256(withdrawal)));
        assertEq(address(passer).balance, fees);
        assertEq(vault.totalProcessed(), fees);
    }

    function testFuzz_withdraw_leavesWhatIsNoUnit(uint128 fees, uint8 decimals) public {
        decimals = uint8(bound(decimals, 0, 18));
        uint256 token = uint256(decimals) << 160 | uint160(makeAddr("token"));
        vm.store(Predeploys.L1_BLOCK, GasTokens.TOKEN_SLOT, bytes32(token));
        vm.prank(owner);
        vault.setWithdrawalNetwork(IFeeVault.WithdrawalNetwork.L1);
        vm.deal(address(vault), fees);
        uint256 dust = fees % 10 ** (18 - decimals);
        assertEq(vault.withdraw(), fees - dust);
        assertEq(address(vault).balance, dust);
        assertEq(address(passer).balance, fees - dust);
    }

    function test_receive_takesCoins() public {
        vm.deal(address(this), 1 ether);
        (bool taken,) = address(vault).call{value: 1 ether}("");
        assertTrue(taken);
        assertEq(address(vault).balance, 1 ether);
    }

    function test_withdraw_reentered_paysOnce() public {
        address greedy = address(new Greedy(vault));
        _genesis(greedy, IFeeVault.WithdrawalNetwork.L2);
        vm.deal(address(vault), 1 ether);
        assertEq(vault.withdraw(), 1 ether);
        assertEq(greedy.balance, 1 ether);
        assertEq(vault.totalProcessed(), 1 ether);
    }

    function test_withdraw_revertsWithNotTaken() public {
        address refusing = address(new Refusing());
        _genesis(refusing, IFeeVault.WithdrawalNetwork.L2);
        vm.deal(address(vault), 1 ether);
        vm.expectRevert(abi.encodeWithSelector(IFeeVault.NotTaken.selector, refusing));
        vault.withdraw();
    }

    function test_withdraw_revertsWithNoRecipient() public {
        _genesis(address(0), IFeeVault.WithdrawalNetwork.L2);
        vm.expectRevert(IFeeVault.NoRecipient.selector);
        vault.withdraw();
    }

    function testFuzz_withdraw_revertsWithBelowMinimum(uint128 fees, uint256 minimum) public {
        vm.assume(minimum > fees);
        vm.prank(owner);
        vault.setMinWithdrawalAmount(minimum);
        vm.deal(address(vault), fees);
        vm.expectRevert(abi.encodeWithSelector(IFeeVault.BelowMinimum.selector, fees, minimum));
        vault.withdraw();
    }

    function test_settings_areTheOwners() public {
        address other = makeAddr("other");
        vm.startPrank(owner);
        vm.expectEmit(address(vault));
        emit IFeeVault.MinWithdrawalAmountUpdated(0, 5);
        vault.setMinWithdrawalAmount(5);
        vm.expectEmit(address(vault));
        emit IFeeVault.RecipientUpdated(wallet, other);
        vm.expectEmit(address(vault));
        emit IFeeVault.WithdrawalNetworkUpdated(
            IFeeVault.WithdrawalNetwork.L2, IFeeVault.WithdrawalNetwork.L1
        );
        vault.setWithdrawalRoute(other, IFeeVault.WithdrawalNetwork.L1);
        vm.expectRevert(IFeeVault.NoRecipient.selector);
        vault.setRecipient(address(0));
        vm.stopPrank();
        assertEq(vault.MIN_WITHDRAWAL_AMOUNT(), vault.minWithdrawalAmount());
        assertEq(vault.minWithdrawalAmount(), 5);
        assertEq(vault.RECIPIENT(), other);
        assertEq(vault.recipient(), other);
        assertEq(vault.l1FeeWallet(), other);
        assertEq(uint8(vault.WITHDRAWAL_NETWORK()), 0);
        assertEq(uint8(vault.withdrawalNetwork()), 0);
        assertEq(vault.proxyAdminOwner(), owner);
    }

    function testFuzz_settings_revertWithNotProxyAdminOwner(address caller) public {
        vm.assume(caller != owner);
        bytes memory refusal = abi.encodeWithSelector(IFeeVault.NotProxyAdminOwner.selector, caller);
        vm.startPrank(caller);
        vm.expectRevert(refusal);
        vault.setMinWithdrawalAmount(1);
        vm.expectRevert(refusal);
        vault.setRecipient(caller);
        vm.expectRevert(refusal);
        vault.setWithdrawalNetwork(IFeeVault.WithdrawalNetwork.L1);
        vm.expectRevert(refusal);
        vault.setWithdrawalRoute(caller, IFeeVault.WithdrawalNetwork.L1);
    }
}
