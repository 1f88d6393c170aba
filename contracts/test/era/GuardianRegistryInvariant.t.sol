// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {GuardianRegistry} from "../../src/era/GuardianRegistry.sol";
import {IGuardianRegistry} from "../../src/era/interfaces/IGuardianRegistry.sol";
import {AbsentMember, GuardianSet} from "../../src/metalayer/interfaces/IRootVerifier.sol";
import {BlsSigner} from "../utils/BlsSigner.sol";
import {RegistryFixture} from "./RegistryFixture.sol";

/// @notice Accounts that come, add to their stakes, leave and come again, in any order.
contract Guardians is RegistryFixture {
    uint256 public constant ACCOUNTS = 6;

    /// @notice ERA that each account put in and has not got back.
    mapping(address account => uint256) public bonds;
    uint256 private keys;

    constructor() {
        deployRegistry();
        for (uint256 i = 0; i < ACCOUNTS; ++i) {
            fund(guardianAt(i), 1_000_000 ether);
        }
    }

    function getRegistry() external view returns (GuardianRegistry) {
        return registry;
    }

    function balanceOfRegistry() external view returns (uint256) {
        return era.balanceOf(address(registry));
    }

    function join(uint256 who, uint96 amount) external {
        address account = _pick(who);
        amount = uint96(bound(amount, MIN_STAKE, 10_000 ether));
        uint256 secret = BlsSigner.secretOf("invariant", keys);
        bytes memory key = BlsSigner.publicKey(secret);
        bytes memory proof = possession(secret, account);
        vm.prank(account);
        registry.register(key, proof, amount);
        ++keys;
        bonds[account] += amount;
    }

    function joinWithTheKeyOf(uint256 who, uint256 other) external {
        bytes memory key = registry.guardianOf(_pick(other)).key;
        bytes memory proof = possession(BlsSigner.secretOf("invariant", keys - 1), _pick(who));
        vm.prank(_pick(who));
        registry.register(key, proof, MIN_STAKE);
        bonds[_pick(who)] = type(uint256).max;
    }

    function add(uint256 who, uint96 amount) external {
        amount = uint96(bound(amount, 0, 1000 ether));
        vm.prank(_pick(who));
        registry.increaseStake(amount);
        bonds[_pick(who)] += amount;
    }

    function quit(uint256 who) external {
        vm.prank(_pick(who));
        registry.requestExit();
    }

    function take(uint256 who) external {
        uint256 before = era.balanceOf(_pick(who));
        vm.prank(_pick(who));
        registry.completeExit();
        bonds[_pick(who)] -= era.balanceOf(_pick(who)) - before;
    }

    function seal() external {
        registry.sealSet();
    }

    function wait(uint256 time) external {
        skip(bound(time, 1 hours, 5 days));
    }

    function accountAt(uint256 index) external pure returns (address) {
        return guardianAt(index);
    }

    function _pick(uint256 who) private pure returns (address) {
        return guardianAt(who % ACCOUNTS);
    }
}

contract GuardianRegistryInvariantTest is RegistryFixture {
    Guardians private guardians;

    function setUp() public {
        guardians = new Guardians();
        registry = guardians.getRegistry();
        targetContract(address(guardians));
        excludeSender(address(registry));
    }

    /// @dev The registry's ERA is the sum of what is staked and what is unbonding, and each account's is
    /// what it put in; who is in the current set has at least the stake that counts there; the
    /// set is what its members make.
    /// forge-config: default.invariant.depth = 100
    function invariant_stakesAreBacked() public view {
        uint256 sum = 0;
        for (uint256 i = 0; i < guardians.ACCOUNTS(); ++i) {
            address account = guardians.accountAt(i);
            uint256 stake = registry.guardianOf(account).stake;
            assertEq(stake, guardians.bonds(account));
            sum += stake;
        }
        assertEq(guardians.balanceOfRegistry(), sum);

        GuardianSet memory set = registry.currentSet();
        if (set.setId == 0) return;
        IGuardianRegistry.SetMember[] memory seats = registry.currentMembers();
        for (uint256 i = 0; i < seats.length; ++i) {
            assertGe(registry.guardianOf(seats[i].guardian).stake, seats[i].stake);
        }
        AbsentMember[] memory members = abi.decode(abi.encode(seats), (AbsentMember[]));
        assertEq(abi.encode(setOf(set.setId, members)), abi.encode(set));
    }
}
