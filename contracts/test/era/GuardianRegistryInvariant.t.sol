// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {GuardianRegistry} from "../../src/era/GuardianRegistry.sol";
import {IGuardianRegistry} from "../../src/era/interfaces/IGuardianRegistry.sol";
import {Vote} from "../../src/era/interfaces/ISlasher.sol";
import {
    AbsentMember,
    EpochHeader,
    GuardianSet
} from "../../src/metalayer/interfaces/IRootVerifier.sol";
import {EpochHeaders} from "../../src/metalayer/libs/EpochHeaders.sol";
import {BlsSigner} from "../utils/BlsSigner.sol";
import {RegistryFixture} from "./RegistryFixture.sol";

/// @notice Accounts that come, change their stakes, are jailed, leave, come again and sign one epoch number
/// twice, in any order; and somebody who reports whatever is at hand.
contract Guardians is RegistryFixture {
    using EpochHeaders for EpochHeader;

    uint256 public constant ACCOUNTS = 6;

    /// @notice ERA that each account put in and has not got back.
    mapping(address account => uint256) public bonds;
    /// @notice ERA that each account lost by slashing.
    mapping(address account => uint256) public lost;
    /// @notice Whether it ever signed two headers of one epoch number.
    mapping(address account => bool) public guilty;
    mapping(address account => uint256) private secrets;
    IGuardianRegistry.SetMember[] private seats;
    uint256 private keys;
    uint64 private epoch;

    constructor() {
        deployRegistry();
        GuardianSet memory set = setOf(1, membersOf(equalStakes(1)));
        vm.startPrank(OWNER);
        verifier.install(NETWORK, set);
        slasher.setShares(6_000, 1_000, 1_000);
        vm.stopPrank();
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

    function balanceOfSlasher() external view returns (uint256) {
        return era.balanceOf(address(slasher));
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
        secrets[account] = secret;
        bonds[account] += amount;
    }

    /// @notice Signs two headers of a new epoch number, and is reported.
    function equivocate(uint256 who) external {
        address account = _pick(who);
        if (secrets[account] == 0) return;
        ++epoch;
        guilty[account] = true;
        _report(account, _vote(account, epoch, 1), _vote(account, epoch, 2));
    }

    /// @notice Signs one header of each epoch number, and is reported for it in any way.
    function accuse(uint256 who, uint256 other, bool sameEpoch) external {
        address account = _pick(who);
        ++epoch;
        Vote memory first = _vote(account, epoch, 1);
        if (!sameEpoch) ++epoch;
        // its own second header would be evidence
        uint256 salt = _pick(other) == account ? 1 : 2;
        _report(account, first, _vote(_pick(other), epoch, salt));
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
        registry.withdraw();
        bonds[_pick(who)] -= era.balanceOf(_pick(who)) - before;
    }

    function reduce(uint256 who, uint96 amount) external {
        vm.prank(_pick(who));
        registry.decreaseStake(uint96(bound(amount, 0, 10_000 ether)));
    }

    function jail(uint256 who) external {
        vm.prank(address(rewards));
        registry.jail(_pick(who), uint48(block.timestamp + 1 days));
    }

    function unjail(uint256 who) external {
        vm.prank(_pick(who));
        registry.unjail();
    }

    function seal() external {
        delete seats;
        IGuardianRegistry.SetMember[] memory members = sealMembers();
        for (uint256 i = 0; i < members.length; ++i) {
            seats.push(members[i]);
        }
    }

    function currentSeats() external view returns (IGuardianRegistry.SetMember[] memory) {
        return seats;
    }

    function bond(address account) external view returns (uint256) {
        return bondOf(account);
    }

    function wait(uint256 time) external {
        skip(bound(time, 1 hours, 5 days));
    }

    function _report(address account, Vote memory first, Vote memory second) private {
        uint256 before = bondOf(account);
        vm.prank(address(0xBEEF));
        try slasher.reportEquivocation(account, first, second) {
            uint256 amount = before - bondOf(account);
            assertEq(amount, before * 6_000 / 10_000);
            bonds[account] -= amount;
            lost[account] += amount;
        } catch {}
    }

    function _vote(address account, uint64 number, uint256 salt)
        private
        view
        returns (Vote memory vote)
    {
        vote.signed.header = headerOf(1, number);
        vote.signed.header.aggregateRoot = keccak256(abi.encode(salt));
        uint256 secret = secrets[account] == 0 ? 1 : secrets[account];
        vote.signed.quorum.signature = BlsSigner.sign(secret, vote.signed.header.hash(NETWORK));
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
    /// what it put in; who is in the current set holds at least the stake that counts there, staked or unbonding; the
    /// set is what its members make. Nobody loses stake who did not sign two headers of one epoch number;
    /// the slasher keeps nothing.
    /// forge-config: default.invariant.runs = 16
    /// forge-config: default.invariant.depth = 80
    function invariant_stakesAreBacked() public view {
        uint256 sum = 0;
        for (uint256 i = 0; i < guardians.ACCOUNTS(); ++i) {
            address account = guardians.accountAt(i);
            uint256 stake = guardians.bond(account);
            assertEq(stake, guardians.bonds(account));
            if (!guardians.guilty(account)) assertEq(guardians.lost(account), 0);
            sum += stake;
        }
        assertEq(guardians.balanceOfRegistry(), sum);
        assertEq(guardians.balanceOfSlasher(), 0);

        GuardianSet memory set = registry.currentSet();
        if (set.setId == 0) return;
        IGuardianRegistry.SetMember[] memory seats = guardians.currentSeats();
        for (uint256 i = 0; i < seats.length; ++i) {
            address seated = seats[i].guardian;
            assertGe(guardians.bond(seated) + guardians.lost(seated), seats[i].stake);
        }
        AbsentMember[] memory members = abi.decode(abi.encode(seats), (AbsentMember[]));
        assertEq(abi.encode(setOf(set.setId, members)), abi.encode(set));
    }
}
