// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {RootVerifier} from "../../src/metalayer/RootVerifier.sol";
import {
    AbsentMember,
    Certificate,
    EpochHeader,
    GuardianSet,
    IRootVerifier,
    QuorumProof
} from "../../src/metalayer/interfaces/IRootVerifier.sol";
import {BLS12381} from "../../src/metalayer/libs/BLS12381.sol";
import {GuardianSets} from "../../src/metalayer/libs/GuardianSets.sol";
import {GuardianFixture} from "../utils/GuardianFixture.sol";

/// @notice Sets of any size and stakes, any absent members, and certificates that were tampered with.
contract RootVerifierFuzzTest is GuardianFixture {
    uint256 private constant MOST = 9;

    function testFuzz_submit_needsMoreThanTwoThirds(
        uint96[9] memory given,
        uint8 size,
        uint256 absent
    ) public {
        AbsentMember[] memory members = membersOf(_stakes(given, size));
        absent = bound(absent, 0, (1 << members.length) - 1);
        GuardianSet memory set = setOf(1, members);
        RootVerifier verifier = _installed(set);
        uint256 signedStake = _signedStake(members, absent);
        Certificate memory certificate = certify(headerOf(1, 1), members, absent);

        bool reached = signedStake > set.totalStake * uint256(2) / 3;
        if (!reached) {
            vm.expectRevert(
                abi.encodeWithSelector(
                    IRootVerifier.QuorumNotReached.selector, signedStake, set.totalStake
                )
            );
        }
        verifier.submit(certificate);
        assertEq(verifier.latestEpoch(), reached ? 1 : 0);
    }

    function testFuzz_isQuorum_aroundTwoThirds(uint96 third) public pure {
        third = uint96(bound(third, 1, type(uint96).max / 3));
        uint256 total = uint256(third) * 3;
        assertFalse(GuardianSets.isQuorum(2 * uint256(third), total));
        assertTrue(GuardianSets.isQuorum(2 * uint256(third) + 1, total));
        // of a total that three does not divide, the next wei above two thirds is enough
        assertFalse(GuardianSets.isQuorum((2 * (total + 1)) / 3, total + 1));
        assertTrue(GuardianSets.isQuorum((2 * (total + 1)) / 3 + 1, total + 1));
    }

    /// forge-config: default.fuzz.runs = 96
    function testFuzz_submit_aroundTwoThirds(uint96 third, int8 off) public {
        third = uint96(bound(third, 1 ether, 300_000_000 ether));
        off = int8(bound(off, -2, 2));
        uint96[] memory stakes = new uint96[](2);
        stakes[0] = uint96(uint256(int256(2 * uint256(third)) + off));
        stakes[1] = third;
        AbsentMember[] memory members = membersOf(stakes);
        RootVerifier verifier = _installed(setOf(1, members));
        Certificate memory certificate = certify(headerOf(1, 1), members, 2);
        if (off <= 0) vm.expectPartialRevert(IRootVerifier.QuorumNotReached.selector);
        verifier.submit(certificate);
    }

    /// forge-config: default.fuzz.runs = 96
    function testFuzz_submit_bindsTheHeader(EpochHeader memory header, uint8 field, uint256 change)
        public
    {
        AbsentMember[] memory members = membersOf(equalStakes(3));
        RootVerifier verifier = _installed(setOf(1, members));
        header.setId = 1;
        header.epoch = uint64(bound(header.epoch, 1, type(uint64).max - 1));
        vm.assume(header.aggregateRoot != 0);
        Certificate memory certificate = certify(header, members, 0);
        _tamper(certificate.header, field % 4, change);
        vm.expectRevert(IRootVerifier.InvalidSignature.selector);
        verifier.submit(certificate);
    }

    /// forge-config: default.fuzz.runs = 96
    function testFuzz_submit_bindsTheAbsent(uint8 field, uint256 change) public {
        AbsentMember[] memory members = membersOf(equalStakes(7));
        RootVerifier verifier = _installed(setOf(1, members));
        Certificate memory certificate = certify(headerOf(1, 1), members, 1 << 3 | 1 << 4);
        AbsentMember memory one = certificate.quorum.absent[change % 2];
        field = field % 4;
        if (field == 0) {
            one.index = uint32(bound(change, 7, type(uint32).max - 1)) + uint32(change % 2);
        }
        if (field == 1) one.guardian = address(uint160(one.guardian) ^ uint160(1 << change % 160));
        if (field == 2) one.stake ^= uint96(1 << change % 96);
        if (field == 3) one.key[change % 128] ^= 0x01;
        (bool success, bytes memory reason) =
            address(verifier).call(abi.encodeCall(IRootVerifier.submit, (certificate)));
        assertFalse(success);
        assertTrue(_isOneOf(bytes4(reason)), "an error of another name");
    }

    /// forge-config: default.fuzz.runs = 96
    function testFuzz_submit_isTheSameForEveryCaller(address caller, uint64 epoch) public {
        vm.assume(caller != address(0));
        epoch = uint64(bound(epoch, 1, type(uint64).max));
        AbsentMember[] memory members = membersOf(equalStakes(2));
        RootVerifier verifier = _installed(setOf(1, members));
        Certificate memory certificate = certify(headerOf(1, epoch), members, 0);
        // a proxy's admin slot is nobody's here: no caller is special
        vm.prank(caller);
        assertEq(verifier.submit(certificate), certificate.header.aggregateRoot);
    }

    /// forge-config: default.fuzz.runs = 32
    function testFuzz_rotate_chain(uint8[5] memory sizes) public {
        AbsentMember[] memory current = membersOf(equalStakes(4));
        RootVerifier verifier = _installed(setOf(1, current));
        for (uint64 i = 0; i < sizes.length; ++i) {
            AbsentMember[] memory next = membersOf(equalStakes(1 + sizes[i] % MOST));
            GuardianSet memory set = setOf(i + 2, next);
            verifier.rotate(set, signed(GuardianSets.commitment(set, NETWORK), current, 0));
            assertEq(abi.encode(verifier.guardianSet()), abi.encode(set));
            current = next;
        }
    }

    function testFuzz_root_ofAnySizeProvesEachMember(uint8 size, uint256 index) public view {
        AbsentMember[] memory members = membersOf(equalStakes(1 + size % 20));
        index = bound(index, 0, members.length - 1);
        assertEq(setOf(1, members).root, _rootOf(members));
        QuorumProof memory quorum = proofOf(members, 1 << index);
        assertEq(quorum.absent[0].index, index);
    }

    function _rootOf(AbsentMember[] memory members) private pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](members.length);
        for (uint256 i = 0; i < hashes.length; ++i) {
            AbsentMember memory one = members[i];
            hashes[i] = GuardianSets.memberHash(one.index, one.guardian, one.stake, one.key);
        }
        return GuardianSets.root(hashes);
    }

    function _tamper(EpochHeader memory header, uint256 field, uint256 change) private pure {
        if (field == 0) header.epoch += 1;
        if (field == 1) header.timestamp ^= uint64(1 << change % 64);
        if (field == 2) header.parentHash ^= bytes32(1 << change % 256);
        if (field == 3) {
            header.aggregateRoot ^= bytes32(1 << change % 256);
            vm.assume(header.aggregateRoot != 0);
        }
    }

    function _isOneOf(bytes4 reason) private pure returns (bool) {
        return reason == IRootVerifier.InvalidSetProof.selector
            || reason == IRootVerifier.AbsentNotAscending.selector
            || reason == BLS12381.InvalidPoint.selector;
    }

    function _installed(GuardianSet memory set) private returns (RootVerifier verifier) {
        verifier = deployVerifier();
        vm.prank(OWNER);
        verifier.install(NETWORK, set);
    }

    function _stakes(uint96[9] memory given, uint8 size)
        private
        pure
        returns (uint96[] memory stakes)
    {
        stakes = new uint96[](1 + size % MOST);
        for (uint256 i = 0; i < stakes.length; ++i) {
            stakes[i] = uint96(bound(given[i], 1, 1_000_000_000 ether / MOST));
        }
    }

    function _signedStake(AbsentMember[] memory members, uint256 absent)
        private
        pure
        returns (uint256 stake)
    {
        for (uint256 i = 0; i < members.length; ++i) {
            if (absent >> i & 1 == 0) stake += members[i].stake;
        }
    }
}
