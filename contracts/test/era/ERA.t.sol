// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {
    OwnableUpgradeable
} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {
    ERC20PermitUpgradeable
} from "@openzeppelin/contracts-upgradeable/token/ERC20/extensions/ERC20PermitUpgradeable.sol";
import {Test} from "forge-std/Test.sol";
import {ERA} from "../../src/era/ERA.sol";

contract ERATest is Test {
    address private constant OWNER = address(0xA11CE);
    address private constant TREASURY = address(0x7EA);
    address private constant BOB = address(0xB0B);
    bytes32 private constant PERMIT_TYPE = keccak256(
        "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
    );

    ERA private era;

    function setUp() public {
        bytes memory call = abi.encodeCall(ERA.initialize, (OWNER, TREASURY));
        era = ERA(address(new ERC1967Proxy(address(new ERA()), call)));
    }

    function test_initialize_mintsTheSupplyToTheTreasury() public view {
        assertEq(era.totalSupply(), 1e9 * 1e18);
        assertEq(era.balanceOf(TREASURY), era.SUPPLY());
        assertEq(era.name(), "Caldera");
        assertEq(era.symbol(), "ERA");
        assertEq(era.decimals(), 18);
        assertEq(era.owner(), OWNER);
    }

    function test_initialize_revertsTheSecondTime() public {
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        era.initialize(OWNER, TREASURY);
    }

    function test_clock_countsSeconds() public {
        vm.warp(1_800_000_000);
        assertEq(era.clock(), 1_800_000_000);
        assertEq(era.CLOCK_MODE(), "mode=timestamp");
    }

    function test_votes_countOnceDelegated() public {
        uint256 start = block.timestamp;
        assertEq(era.getVotes(TREASURY), 0);
        vm.prank(TREASURY);
        era.delegate(TREASURY);
        vm.warp(start + 10);
        vm.prank(TREASURY);
        era.transfer(BOB, 100 ether);
        vm.warp(start + 20);

        assertEq(era.getPastVotes(TREASURY, start + 9), era.SUPPLY());
        assertEq(era.getPastVotes(TREASURY, start + 10), era.SUPPLY() - 100 ether);
        assertEq(era.getVotes(BOB), 0);
        assertEq(era.getPastTotalSupply(start + 10), era.SUPPLY());
    }

    function testFuzz_permit_allows(uint256 secret, uint256 value) public {
        secret = bound(secret, 1, type(uint128).max);
        address holder = vm.addr(secret);
        (uint8 v, bytes32 r, bytes32 s) = _signPermit(secret, value, block.timestamp);
        era.permit(holder, BOB, value, block.timestamp, v, r, s);
        assertEq(era.allowance(holder, BOB), value);
        assertEq(era.nonces(holder), 1);
    }

    function test_permit_revertsWhenReplayed() public {
        (uint8 v, bytes32 r, bytes32 s) = _signPermit(7, 5, block.timestamp);
        era.permit(vm.addr(7), BOB, 5, block.timestamp, v, r, s);
        vm.expectPartialRevert(ERC20PermitUpgradeable.ERC2612InvalidSigner.selector);
        era.permit(vm.addr(7), BOB, 5, block.timestamp, v, r, s);
    }

    function test_permit_revertsTooLate() public {
        uint256 deadline = block.timestamp;
        (uint8 v, bytes32 r, bytes32 s) = _signPermit(7, 5, deadline);
        vm.warp(deadline + 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                ERC20PermitUpgradeable.ERC2612ExpiredSignature.selector, deadline
            )
        );
        era.permit(vm.addr(7), BOB, 5, deadline, v, r, s);
    }

    function test_upgrade_revertsForOthersThanTheOwner() public {
        address next = address(new ERA());
        vm.expectRevert(
            abi.encodeWithSelector(
                OwnableUpgradeable.OwnableUnauthorizedAccount.selector, address(this)
            )
        );
        era.upgradeToAndCall(next, "");
        vm.prank(OWNER);
        era.upgradeToAndCall(next, "");
        assertEq(era.balanceOf(TREASURY), era.SUPPLY());
    }

    function testFuzz_transfers_keepTheSupply(address to, uint256 amount) public {
        vm.assume(to != address(0) && to != TREASURY);
        amount = bound(amount, 0, era.SUPPLY());
        vm.prank(TREASURY);
        era.transfer(to, amount);
        assertEq(era.balanceOf(to) + era.balanceOf(TREASURY), era.SUPPLY());
    }

    function _signPermit(uint256 secret, uint256 value, uint256 deadline)
        private
        view
        returns (uint8 v, bytes32 r, bytes32 s)
    {
        bytes32 content = keccak256(
            abi.encode(
                PERMIT_TYPE, vm.addr(secret), BOB, value, era.nonces(vm.addr(secret)), deadline
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", era.DOMAIN_SEPARATOR(), content));
        return vm.sign(secret, digest);
    }
}
