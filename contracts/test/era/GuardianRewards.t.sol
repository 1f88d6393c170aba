// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {
    Absences,
    IGuardianRewards,
    UptimeReport
} from "../../src/era/interfaces/IGuardianRewards.sol";
import {
    AbsentMember,
    GuardianSet,
    IRootVerifier,
    QuorumProof
} from "../../src/metalayer/interfaces/IRootVerifier.sol";
import {RegistryFixture} from "./RegistryFixture.sol";

/// @notice A set of four, and reports that all of it signs.
abstract contract RewardsFixture is RegistryFixture {
    uint96 internal constant STAKE = 100_000 ether;
    uint256 internal constant SIZE = 4;

    AbsentMember[] internal members;
    GuardianSet internal set;

    function deployRewards() internal {
        deployRegistry();
        for (uint256 i = 0; i < SIZE; ++i) {
            register(i, STAKE);
        }
        AbsentMember[] memory found = abi.decode(abi.encode(sealMembers()), (AbsentMember[]));
        for (uint256 i = 0; i < SIZE; ++i) {
            members.push(found[i]);
        }
        set = registry.currentSet();
        vm.prank(OWNER);
        verifier.install(NETWORK, set);
        vm.prank(TREASURY);
        era.transfer(address(rewards), 1_000_000 ether);
    }

    function _none() internal pure returns (uint32[] memory) {
        return new uint32[](0);
    }

    function _one(uint32 value) internal pure returns (uint32[] memory list) {
        list = new uint32[](1);
        list[0] = value;
    }

    /// @dev A report on `epochs` certificates from `first` on; `missed[i]` of them without `who[i]`.
    function _make(uint64 first, uint32 epochs, uint32[] memory who, uint32[] memory missed)
        internal
        view
        returns (UptimeReport memory uptime, Absences memory absences)
    {
        uint256 mask = 0;
        for (uint256 i = 0; i < who.length; ++i) {
            mask |= 1 << who[i];
        }
        QuorumProof memory found = proofOf(members, mask);
        absences = Absences(set, found.absent, found.proof, found.proofFlags);
        uptime = UptimeReport(
            set.setId, first, first + epochs - 1, epochs, uint48(block.timestamp), missed
        );
    }

    function _report(uint64 first, uint32 epochs, uint32[] memory who, uint32[] memory missed)
        internal
    {
        (UptimeReport memory uptime, Absences memory absences) = _make(first, epochs, who, missed);
        _take(uptime, absences);
    }

    function _take(UptimeReport memory uptime, Absences memory absences) internal {
        bytes32 digest = rewards.digestOf(uptime, absences.absent);
        rewards.report(uptime, absences, signed(digest, members, 0));
    }

    function _refuse(UptimeReport memory uptime, Absences memory absences, bytes memory why)
        internal
    {
        QuorumProof memory quorum = signed(rewards.digestOf(uptime, absences.absent), members, 0);
        vm.expectRevert(why);
        rewards.report(uptime, absences, quorum);
    }

    function _pay(uint32 index) internal returns (uint256) {
        QuorumProof memory path = proofOf(members, 1 << index);
        return rewards.pay(set, members[index], path.proof);
    }
}

contract GuardianRewardsTest is RewardsFixture {
    function setUp() public {
        deployRewards();
    }

    function payTo(uint32 index) external returns (uint256) {
        return _pay(index);
    }

    function test_report_earnsByStakeAndTime() public {
        skip(365 days);
        _report(1, 100, _none(), _none());
        (uint256 total, uint256 due) = rewards.earned(1, guardianAt(0), STAKE);
        assertEq(total, STAKE / 10);
        assertEq(due, total);
        assertEq(_pay(0), STAKE / 10);
        assertEq(era.balanceOf(guardianAt(0)), STAKE / 10);
        vm.expectRevert(
            abi.encodeWithSelector(IGuardianRewards.NothingToPay.selector, guardianAt(0))
        );
        this.payTo(0);
    }

    function test_report_reducesByAbsence() public {
        skip(365 days);
        _report(1, 100, _one(2), _one(25));
        (uint256 total,) = rewards.earned(1, guardianAt(2), STAKE);
        assertEq(total, uint256(STAKE) / 10 * 75 / 100);
        (total,) = rewards.earned(1, guardianAt(1), STAKE);
        assertEq(total, STAKE / 10);
        assertTrue(registry.guardianOf(guardianAt(2)).active);
    }

    function test_report_jailsWhoIsNotThere() public {
        skip(1 days);
        _report(1, 100, _one(2), _one(51));
        assertFalse(registry.guardianOf(guardianAt(2)).active);
        assertEq(registry.guardianOf(guardianAt(2)).jailedUntil, block.timestamp + 1 hours);
    }

    function test_report_jailsNobodyForFewEpochs() public {
        skip(1 days);
        _report(1, 19, _one(2), _one(19));
        assertTrue(registry.guardianOf(guardianAt(2)).active);
    }

    function test_report_needsAQuorumOfTheCurrentSet() public {
        skip(1 days);
        (UptimeReport memory uptime, Absences memory absences) = _make(1, 100, _none(), _none());
        bytes32 digest = rewards.digestOf(uptime, absences.absent);
        QuorumProof memory quorum = signed(digest, members, 3);
        vm.expectPartialRevert(IRootVerifier.QuorumNotReached.selector);
        rewards.report(uptime, absences, quorum);
        quorum = signed(digest, members, 1);
        ++uptime.epochs;
        vm.expectRevert(IRootVerifier.InvalidSignature.selector);
        rewards.report(uptime, absences, quorum);
        --uptime.epochs;
        rewards.report(uptime, absences, quorum);
    }

    function test_report_countsNoEpochAndNoTimeTwice() public {
        skip(1 days);
        _report(1, 100, _none(), _none());
        (UptimeReport memory uptime, Absences memory absences) = _make(100, 1, _none(), _none());
        bytes memory outOfOrder = abi.encodeWithSelector(
            IGuardianRewards.ReportOutOfOrder.selector, 1, 100, uint48(block.timestamp)
        );
        _refuse(uptime, absences, outOfOrder);
        uptime.firstEpoch = uptime.lastEpoch = 101;
        _refuse(uptime, absences, outOfOrder); // no time has passed
        uptime.until = uint48(block.timestamp + 1);
        _refuse(uptime, absences, outOfOrder); // nor is it paid ahead
        skip(1);
        uptime.until = uint48(block.timestamp);
        _take(uptime, absences);
    }

    function test_report_endsWithTheSet() public {
        skip(1 days);
        vm.prank(guardianAt(3));
        registry.requestExit();
        registry.sealSet();
        uint48 end = uint48(block.timestamp);
        skip(1 days);
        (UptimeReport memory uptime, Absences memory absences) = _make(1, 100, _none(), _none());
        bytes memory outOfOrder = abi.encodeWithSelector(
            IGuardianRewards.ReportOutOfOrder.selector, 1, 0, uint48(end - 1 days)
        );
        _refuse(uptime, absences, outOfOrder);
        uptime.until = end;
        _take(uptime, absences);
    }

    function test_report_revertsWhenItDoesNotFit() public {
        skip(1 days);
        (UptimeReport memory uptime, Absences memory absences) = _make(1, 10, _one(1), _one(11));
        _refuse(uptime, absences, abi.encodeWithSelector(IGuardianRewards.MalformedReport.selector));
        uptime.missed = _one(0);
        _refuse(uptime, absences, abi.encodeWithSelector(IGuardianRewards.MalformedReport.selector));
        uptime.missed = new uint32[](2);
        QuorumProof memory none;
        vm.expectRevert(IGuardianRewards.MalformedReport.selector);
        rewards.report(uptime, absences, none);
        uptime.missed = _one(1);
        ++absences.absent[0].stake;
        _refuse(uptime, absences, abi.encodeWithSelector(IRootVerifier.InvalidSetProof.selector));
        --absences.absent[0].stake;
        ++absences.set.totalStake;
        _refuse(uptime, absences, abi.encodeWithSelector(IGuardianRewards.UnknownSet.selector, 1));
    }

    function test_pay_onlyMembersOfTheSet() public {
        skip(1 days);
        _report(1, 100, _none(), _none());
        AbsentMember memory other = members[0];
        other.guardian = address(this);
        QuorumProof memory path = proofOf(members, 1);
        vm.expectRevert(
            abi.encodeWithSelector(IGuardianRewards.NotInSet.selector, address(this), 1)
        );
        rewards.pay(set, other, path.proof);
    }

    function test_pay_whatThereIs() public {
        skip(365 days);
        _report(1, 100, _none(), _none());
        vm.prank(address(rewards));
        era.transfer(address(1), 1_000_000 ether - 7);
        assertEq(_pay(0), 7);
        vm.prank(TREASURY);
        era.transfer(address(rewards), 1_000_000 ether);
        assertEq(_pay(0), STAKE / 10 - 7);
    }

    function test_setRate_withinBounds() public {
        vm.startPrank(OWNER);
        rewards.setRate(800);
        rewards.setRate(1_500);
        vm.expectRevert(
            abi.encodeWithSelector(IGuardianRewards.RateOutOfBounds.selector, 1_501, 800, 1_500)
        );
        rewards.setRate(1_501);
        vm.expectRevert(
            abi.encodeWithSelector(IGuardianRewards.RateOutOfBounds.selector, 799, 800, 1_500)
        );
        rewards.setRate(799);
        vm.expectRevert(abi.encodeWithSelector(IGuardianRewards.ShareTooHigh.selector, 10_001));
        rewards.setJailRules(10_001, 1, 1);
    }

    /// @dev The sum that the documentation gives, to the wei, over two reports.
    function testFuzz_report_exactToTheWei(
        uint16 rate,
        uint32[2] memory durations,
        uint32[2] memory epochs,
        uint32[2] memory missed
    ) public {
        rate = uint16(bound(rate, 800, 1_500));
        vm.prank(OWNER);
        rewards.setRate(rate);
        uint256 index = 0;
        uint256 reduced = 0;
        uint64 next = 1;
        for (uint256 i = 0; i < 2; ++i) {
            durations[i] = uint32(bound(durations[i], 1, 400 days));
            epochs[i] = uint32(bound(epochs[i], 1, type(uint32).max));
            missed[i] = uint32(bound(missed[i], 1, epochs[i]));
            skip(durations[i]);
            _report(next, epochs[i], _one(1), _one(missed[i]));
            next += epochs[i];
            uint256 perStake = uint256(durations[i]) * rate;
            index += perStake;
            reduced += Math.ceilDiv(
                STAKE * perStake * missed[i], 10_000 * 365 days * uint256(epochs[i])
            );
        }
        uint256 whole = STAKE * index / (10_000 * 365 days);
        (uint256 total,) = rewards.earned(1, guardianAt(0), STAKE);
        assertEq(total, whole);
        (total,) = rewards.earned(1, guardianAt(1), STAKE);
        assertEq(total, whole > reduced ? whole - reduced : 0);
    }
}

/// @notice Reports, payments and gifts in any order.
contract Payments is RewardsFixture {
    uint256 public given = 1_000_000 ether;
    uint256 public paid;
    uint64 private next = 1;

    constructor() {
        deployRewards();
    }

    function give(uint96 amount) external {
        vm.prank(TREASURY);
        era.transfer(address(rewards), bound(amount, 0, 100_000 ether));
        given += bound(amount, 0, 100_000 ether);
    }

    function tell(uint32 time, uint32 epochs, uint32 who, uint32 missed) external {
        skip(bound(time, 1, 30 days));
        epochs = uint32(bound(epochs, 1, 1_000));
        _report(next, epochs, _one(who % 4), _one(uint32(bound(missed, 1, epochs))));
        next += epochs;
    }

    function draw(uint32 who) external {
        paid += _pay(who % 4);
    }

    function balance() external view returns (uint256) {
        return era.balanceOf(address(rewards));
    }

    function paidTo() external view returns (uint256 sum, uint256 owed) {
        for (uint256 i = 0; i < SIZE; ++i) {
            sum += era.balanceOf(guardianAt(i));
            (uint256 total,) = rewards.earned(1, guardianAt(i), STAKE);
            owed += total;
        }
    }
}

contract GuardianRewardsInvariantTest is RegistryFixture {
    Payments private payments;

    function setUp() public {
        payments = new Payments();
        targetContract(address(payments));
        bytes4[] memory calls = new bytes4[](3);
        (calls[0], calls[1], calls[2]) =
        (Payments.give.selector, Payments.tell.selector, Payments.draw.selector);
        targetSelector(FuzzSelector(address(payments), calls));
    }

    /// @dev What was given is what is there and what was paid; nobody gets more than was earned.
    /// forge-config: default.invariant.runs = 8
    /// forge-config: default.invariant.depth = 40
    function invariant_rewardsAreBacked() public view {
        (uint256 sum, uint256 earned) = payments.paidTo();
        assertEq(payments.balance() + payments.paid(), payments.given());
        assertEq(sum, payments.paid());
        assertLe(sum, earned);
    }
}
