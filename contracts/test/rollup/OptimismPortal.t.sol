// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {Test} from "forge-std/Test.sol";
import {OptimismPortal} from "../../src/rollup/OptimismPortal.sol";
import {IOptimismPortal} from "../../src/rollup/interfaces/IOptimismPortal.sol";

contract OptimismPortalTest is Test {
    uint160 internal constant OFFSET = uint160(0x1111000000000000000000000000000000001111);

    OptimismPortal internal portal;
    address internal governor = makeAddr("governor");
    address internal alice = makeAddr("alice");

    function setUp() public {
        bytes memory call =
            abi.encodeCall(OptimismPortal.initialize, (governor, 901, address(0), address(0)));
        portal = OptimismPortal(payable(new ERC1967Proxy(address(new OptimismPortal()), call)));
    }

    function testFuzz_depositTransaction_emitsTheDeposit(
        address to,
        uint128 mint,
        uint256 value,
        uint64 gasLimit,
        bytes calldata data
    ) public {
        gasLimit = _gas(gasLimit, data.length);
        bytes memory opaque = abi.encodePacked(uint256(mint), value, gasLimit, false, data);
        vm.deal(alice, mint);
        vm.expectEmit(address(portal));
        emit IOptimismPortal.TransactionDeposited(alice, to, 0, opaque);
        vm.prank(alice, alice);
        portal.depositTransaction{value: mint}(to, value, gasLimit, false, data);
        assertEq(address(portal).balance, mint);
    }

    function testFuzz_depositTransaction_createsContracts(bytes calldata data) public {
        uint64 gasLimit = _gas(0, data.length);
        vm.expectEmit(address(portal));
        emit IOptimismPortal.TransactionDeposited(
            alice, address(0), 0, abi.encodePacked(uint256(0), uint256(0), gasLimit, true, data)
        );
        vm.prank(alice, alice);
        portal.depositTransaction(address(0), 0, gasLimit, true, data);
    }

    function testFuzz_depositTransaction_shiftsContracts(address caller) public {
        vm.assume(caller != tx.origin && caller.code.length == 0);
        address shifted;
        unchecked {
            shifted = address(uint160(caller) + OFFSET);
        }
        vm.expectEmit(address(portal));
        emit IOptimismPortal.TransactionDeposited(shifted, alice, 0, _opaque(0, 0, 21_000));
        vm.prank(caller);
        portal.depositTransaction(alice, 0, 21_000, false, "");
    }

    function test_depositTransaction_leavesDelegatedAccountsAsTheyAre() public {
        vm.etch(alice, abi.encodePacked(hex"ef0100", address(this)));
        vm.expectEmit(address(portal));
        emit IOptimismPortal.TransactionDeposited(alice, alice, 0, _opaque(0, 0, 21_000));
        vm.prank(alice);
        portal.depositTransaction(alice, 0, 21_000, false, "");
    }

    function testFuzz_receive_depositsToTheSender(uint128 value) public {
        vm.deal(alice, value);
        vm.expectEmit(address(portal));
        emit IOptimismPortal.TransactionDeposited(alice, alice, 0, _opaque(value, value, 100_000));
        vm.prank(alice, alice);
        (bool success,) = address(portal).call{value: value}("");
        assertTrue(success);
        assertEq(address(portal).balance, value);
    }

    function test_donateETH_depositsNothing() public {
        vm.deal(alice, 5);
        vm.recordLogs();
        vm.prank(alice);
        portal.donateETH{value: 5}();
        assertEq(vm.getRecordedLogs().length, 0);
        assertEq(address(portal).balance, 5);
    }

    function testFuzz_depositTransaction_revertsWithBadTarget(address to) public {
        vm.assume(to != address(0));
        vm.expectRevert(abi.encodeWithSelector(IOptimismPortal.BadTarget.selector, to));
        portal.depositTransaction(to, 0, 100_000, true, "");
    }

    function testFuzz_depositTransaction_revertsWithGasLimitTooLow(uint64 gasLimit, uint16 size)
        public
    {
        uint64 minimum = 21_000 + 40 * uint64(size);
        gasLimit = uint64(bound(gasLimit, 0, minimum - 1));
        vm.expectRevert(
            abi.encodeWithSelector(IOptimismPortal.GasLimitTooLow.selector, gasLimit, minimum)
        );
        portal.depositTransaction(alice, 0, gasLimit, false, new bytes(size));
    }

    function test_depositTransaction_revertsWithCalldataTooLarge() public {
        vm.expectRevert(abi.encodeWithSelector(IOptimismPortal.CalldataTooLarge.selector, 120_001));
        portal.depositTransaction(alice, 0, 10_000_000, false, new bytes(120_001));
    }

    /// @dev What an L1 block buys is bounded, whoever buys it; the next block starts anew.
    function testFuzz_depositTransaction_revertsWithOutOfGas(uint64 first, uint64 second) public {
        first = uint64(bound(first, 21_000, 20_000_000));
        second = uint64(bound(second, 21_000, 20_000_000));
        portal.depositTransaction(alice, 0, first, false, "");
        uint64 left = 20_000_000 - first;
        if (second > left) {
            vm.expectRevert(abi.encodeWithSelector(IOptimismPortal.OutOfGas.selector, second, left));
        }
        portal.depositTransaction(alice, 0, second, false, "");
        vm.roll(block.number + 1);
        portal.depositTransaction(alice, 0, 20_000_000, false, "");
    }

    function test_initialize_onlyOnce() public {
        assertEq(portal.rollupChainId(), 901);
        assertEq(portal.owner(), governor);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        portal.initialize(alice, 902, address(0), address(0));
    }

    function test_upgrade_onlyByTheGovernor() public {
        address next = address(new OptimismPortal());
        vm.prank(alice);
        vm.expectRevert();
        portal.upgradeToAndCall(next, "");
        vm.prank(governor);
        portal.upgradeToAndCall(next, "");
    }

    function _gas(uint64 wanted, uint256 length) private pure returns (uint64) {
        return uint64(bound(wanted, 21_000 + 40 * length, 20_000_000));
    }

    function _opaque(uint256 mint, uint256 value, uint64 gasLimit)
        private
        pure
        returns (bytes memory)
    {
        return abi.encodePacked(mint, value, gasLimit, false);
    }
}
