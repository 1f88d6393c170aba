// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {
    OwnableUpgradeable
} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
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
import {EpochHeaders} from "../../src/metalayer/libs/EpochHeaders.sol";
import {GuardianSets} from "../../src/metalayer/libs/GuardianSets.sol";
import {BlsSigner} from "../utils/BlsSigner.sol";
import {GuardianFixture} from "../utils/GuardianFixture.sol";

/// @notice Each error, each state change and the gas of the verifier.
contract RootVerifierTest is GuardianFixture {
    using EpochHeaders for EpochHeader;
    using GuardianSets for GuardianSet;

    RootVerifier private verifier;
    AbsentMember[] private members;
    GuardianSet private set;

    function setUp() public {
        verifier = deployVerifier();
        AbsentMember[] memory four = membersOf(equalStakes(4));
        for (uint256 i = 0; i < four.length; ++i) {
            members.push(four[i]);
        }
        set = setOf(1, four);
        vm.prank(OWNER);
        verifier.install(NETWORK, set);
    }

    // ------------------------------------------------------------ submit

    function test_submit_storesTheRoot() public {
        EpochHeader memory header = headerOf(1, 3);
        bytes32 hash = header.hash(NETWORK);
        vm.expectEmit(address(verifier));
        emit IRootVerifier.EpochCertified(3, header.aggregateRoot, hash);
        assertEq(verifier.submit(certify(header, members, 0)), header.aggregateRoot);

        assertEq(verifier.aggregateRoots(3), header.aggregateRoot);
        assertEq(verifier.latestEpoch(), 3);
        assertEq(verifier.latestHeaderHash(), hash);
    }

    function test_submit_acceptsOneAbsentOfFour() public {
        for (uint64 i = 0; i < 4; ++i) {
            verifier.submit(certify(headerOf(1, i + 1), members, 1 << i));
            assertNotEq(verifier.aggregateRoots(i + 1), 0);
        }
    }

    function test_submit_againChangesNothing() public {
        Certificate memory certificate = certify(headerOf(1, 3), members, 0);
        verifier.submit(certificate);
        certificate.quorum.signature = "";
        vm.recordLogs();
        assertEq(verifier.submit(certificate), certificate.header.aggregateRoot);
        assertEq(vm.getRecordedLogs().length, 0);
    }

    function test_submit_acceptsOlderEpochs() public {
        verifier.submit(certify(headerOf(1, 9), members, 0));
        bytes32 latest = verifier.latestHeaderHash();
        verifier.submit(certify(headerOf(1, 4), members, 0));

        assertEq(verifier.aggregateRoots(4), headerOf(1, 4).aggregateRoot);
        assertEq(verifier.latestEpoch(), 9);
        assertEq(verifier.latestHeaderHash(), latest);
    }

    function test_submit_revertsForAnotherRootOfTheEpoch() public {
        EpochHeader memory header = headerOf(1, 3);
        verifier.submit(certify(header, members, 0));
        bytes32 known = header.aggregateRoot;
        header.aggregateRoot = keccak256("another");
        Certificate memory certificate = certify(header, members, 0);
        vm.expectRevert(
            abi.encodeWithSelector(IRootVerifier.EpochAlreadyCertified.selector, 3, known)
        );
        verifier.submit(certificate);
    }

    function test_submit_revertsBeforeInstall() public {
        RootVerifier fresh = deployVerifier();
        Certificate memory certificate = certify(headerOf(1, 3), members, 0);
        vm.expectRevert(IRootVerifier.NotInstalled.selector);
        fresh.submit(certificate);
    }

    function test_submit_revertsForEpochZero() public {
        Certificate memory certificate = certify(headerOf(1, 0), members, 0);
        vm.expectRevert(IRootVerifier.EpochZero.selector);
        verifier.submit(certificate);
    }

    function test_submit_revertsForRootZero() public {
        EpochHeader memory header = headerOf(1, 1);
        header.aggregateRoot = 0;
        Certificate memory certificate = certify(header, members, 0);
        vm.expectRevert(IRootVerifier.AggregateRootZero.selector);
        verifier.submit(certificate);
    }

    function test_submit_revertsForAnotherSet() public {
        Certificate memory certificate = certify(headerOf(2, 3), members, 0);
        vm.expectRevert(abi.encodeWithSelector(IRootVerifier.UnknownGuardianSet.selector, 2, 1));
        verifier.submit(certificate);
    }

    function test_submit_revertsForTwoAbsentOfFour() public {
        Certificate memory certificate = certify(headerOf(1, 3), members, 3);
        _expectQuorumNotReached(200_000 ether, 400_000 ether);
        verifier.submit(certificate);
    }

    function test_submit_revertsForExactlyTwoThirds() public {
        AbsentMember[] memory three = membersOf(equalStakes(3));
        _install(setOf(2, three));
        Certificate memory certificate = certify(headerOf(2, 3), three, 1);
        _expectQuorumNotReached(200_000 ether, 300_000 ether);
        verifier.submit(certificate);
    }

    function test_submit_acceptsOneWeiMoreThanTwoThirds() public {
        uint96[] memory stakes = equalStakes(3);
        stakes[2] += 1;
        AbsentMember[] memory three = membersOf(stakes);
        _install(setOf(2, three));
        verifier.submit(certify(headerOf(2, 3), three, 1));
        assertEq(verifier.latestEpoch(), 3);
    }

    function test_submit_revertsWhenNobodySigned() public {
        Certificate memory certificate = certify(headerOf(1, 3), members, 15);
        _expectQuorumNotReached(0, 400_000 ether);
        verifier.submit(certificate);
    }

    function test_submit_revertsForAnAbsentNotNamed() public {
        Certificate memory certificate = certify(headerOf(1, 3), members, 1);
        certificate.quorum = _withSignature(proofOf(members, 0), certificate.quorum.signature);
        vm.expectRevert(IRootVerifier.InvalidSignature.selector);
        verifier.submit(certificate);
    }

    function test_submit_revertsForASignerNamedAbsent() public {
        Certificate memory certificate = certify(headerOf(1, 3), members, 0);
        certificate.quorum = _withSignature(proofOf(members, 1), certificate.quorum.signature);
        vm.expectRevert(IRootVerifier.InvalidSignature.selector);
        verifier.submit(certificate);
    }

    function test_submit_revertsForAbsentNamedTwice() public {
        Certificate memory certificate = certify(headerOf(1, 3), members, 3);
        certificate.quorum.absent[1] = certificate.quorum.absent[0];
        vm.expectRevert(IRootVerifier.AbsentNotAscending.selector);
        verifier.submit(certificate);
    }

    function test_submit_revertsForAbsentInWrongOrder() public {
        Certificate memory certificate = certify(headerOf(1, 3), members, 3);
        AbsentMember[] memory absent = certificate.quorum.absent;
        (absent[0], absent[1]) = (absent[1], absent[0]);
        vm.expectRevert(IRootVerifier.AbsentNotAscending.selector);
        verifier.submit(certificate);
    }

    function test_submit_revertsForUnderstatedStake() public {
        Certificate memory certificate = certify(headerOf(1, 3), members, 3);
        certificate.quorum.absent[0].stake = 1;
        vm.expectRevert(IRootVerifier.InvalidSetProof.selector);
        verifier.submit(certificate);
    }

    function test_submit_revertsForAnotherKeyOfAnAbsent() public {
        Certificate memory certificate = certify(headerOf(1, 3), members, 1);
        certificate.quorum.absent[0].key = members[1].key;
        vm.expectRevert(IRootVerifier.InvalidSetProof.selector);
        verifier.submit(certificate);
    }

    function test_submit_revertsForAnotherSetsProof() public {
        Certificate memory certificate = certify(headerOf(1, 3), members, 1);
        certificate.quorum.proof[0] = keccak256("another");
        vm.expectRevert(IRootVerifier.InvalidSetProof.selector);
        verifier.submit(certificate);
    }

    function test_submit_revertsForProofWithoutFlags() public {
        Certificate memory certificate = certify(headerOf(1, 3), members, 1);
        certificate.quorum.proofFlags = new bool[](0);
        vm.expectRevert(IRootVerifier.InvalidSetProof.selector);
        verifier.submit(certificate);
    }

    function test_submit_revertsForFlagsThatAskForMoreNodes() public {
        Certificate memory certificate = certify(headerOf(1, 3), members, 3);
        for (uint256 i = 0; i < certificate.quorum.proofFlags.length; ++i) {
            certificate.quorum.proofFlags[i] = true;
        }
        vm.expectRevert(IRootVerifier.InvalidSetProof.selector);
        verifier.submit(certificate);
    }

    function test_submit_revertsForSignatureOfAnotherEpoch() public {
        Certificate memory certificate = certify(headerOf(1, 3), members, 0);
        certificate.header.epoch = 4;
        vm.expectRevert(IRootVerifier.InvalidSignature.selector);
        verifier.submit(certificate);
    }

    function test_submit_revertsForSignatureOfAnotherNetwork() public {
        RootVerifier other = deployVerifier();
        vm.prank(OWNER);
        other.install(keccak256("another network"), set);
        Certificate memory certificate = certify(headerOf(1, 3), members, 0);
        vm.expectRevert(IRootVerifier.InvalidSignature.selector);
        other.submit(certificate);
    }

    function test_submit_revertsForSignatureThatIsNoPoint() public {
        Certificate memory certificate = certify(headerOf(1, 3), members, 0);
        certificate.quorum.signature[20] ^= 0x01;
        vm.expectRevert(BLS12381.InvalidPoint.selector);
        verifier.submit(certificate);
    }

    function test_submit_revertsForSignatureOfWrongLength() public {
        Certificate memory certificate = certify(headerOf(1, 3), members, 0);
        certificate.quorum.signature = bytes.concat(certificate.quorum.signature, hex"00");
        vm.expectRevert(BLS12381.InvalidPoint.selector);
        verifier.submit(certificate);
    }

    function test_submit_revertsForSignatureAtInfinity() public {
        Certificate memory certificate = certify(headerOf(1, 3), members, 0);
        certificate.quorum.signature = new bytes(256);
        vm.expectRevert(IRootVerifier.InvalidSignature.selector);
        verifier.submit(certificate);
    }

    /// @dev Two signers with the quorum between them, whose keys are each other's inverse: their sum is
    /// the point at infinity, under which the point at infinity would sign everything.
    function test_submit_revertsForSignersWhoseKeysCancelOut() public {
        uint96[] memory stakes = equalStakes(3);
        stakes[2] = 1;
        AbsentMember[] memory three = membersOf(stakes);
        three[1].key = BlsSigner.publicKey(BlsSigner.ORDER - secretOf(0));
        _install(setOf(2, three));
        Certificate memory certificate = Certificate(headerOf(2, 1), proofOf(three, 1 << 2));
        certificate.quorum.signature = new bytes(256);
        vm.expectRevert(BLS12381.InvalidPoint.selector);
        verifier.submit(certificate);
    }

    // ------------------------------------------------------------ install

    function test_install_storesTheSet() public view {
        GuardianSet memory stored = verifier.guardianSet();
        assertEq(abi.encode(stored), abi.encode(set));
        assertEq(verifier.networkId(), NETWORK);
    }

    function test_install_tells() public {
        GuardianSet memory next = setOf(7, membersOf(equalStakes(2)));
        vm.expectEmit(address(verifier));
        emit IRootVerifier.GuardianSetInstalled(7, NETWORK, next.commitment(NETWORK), next);
        _install(next);
    }

    function test_install_keepsCertifiedRoots() public {
        verifier.submit(certify(headerOf(1, 3), members, 0));
        _install(setOf(2, membersOf(equalStakes(2))));
        assertEq(verifier.aggregateRoots(3), headerOf(1, 3).aggregateRoot);
        assertEq(verifier.latestEpoch(), 3);
    }

    function test_install_revertsForOthersThanTheOwner() public {
        GuardianSet memory next = set;
        next.setId = 2;
        vm.expectRevert(
            abi.encodeWithSelector(
                OwnableUpgradeable.OwnableUnauthorizedAccount.selector, address(this)
            )
        );
        verifier.install(NETWORK, next);
    }

    function test_install_revertsForAnotherNetwork() public {
        GuardianSet memory next = set;
        next.setId = 2;
        vm.expectRevert(abi.encodeWithSelector(IRootVerifier.NetworkIdFixed.selector, NETWORK));
        vm.prank(OWNER);
        verifier.install(keccak256("another network"), next);
    }

    function test_install_revertsForNetworkZero() public {
        RootVerifier fresh = deployVerifier();
        vm.expectRevert(IRootVerifier.NetworkIdZero.selector);
        vm.prank(OWNER);
        fresh.install(0, set);
    }

    function test_install_revertsForAnOldSet() public {
        vm.expectRevert(abi.encodeWithSelector(IRootVerifier.GuardianSetNotNewer.selector, 1, 1));
        vm.prank(OWNER);
        verifier.install(NETWORK, set);
    }

    function test_install_revertsForAnEmptySet() public {
        GuardianSet memory next = set;
        next.setId = 2;
        next.size = 0;
        vm.expectRevert(IRootVerifier.GuardianSetEmpty.selector);
        vm.prank(OWNER);
        verifier.install(NETWORK, next);

        next.size = 4;
        next.totalStake = 0;
        vm.expectRevert(IRootVerifier.GuardianSetEmpty.selector);
        vm.prank(OWNER);
        verifier.install(NETWORK, next);
    }

    function test_install_revertsForAKeyThatIsNoPoint() public {
        GuardianSet memory next = set;
        next.setId = 2;
        next.aggregateKey = new bytes(128);
        vm.expectRevert(BLS12381.InvalidPoint.selector);
        vm.prank(OWNER);
        verifier.install(NETWORK, next);
    }

    // ------------------------------------------------------------ rotate

    function test_rotate_handsOver() public {
        GuardianSet memory next = setOf(2, membersOf(equalStakes(7)));
        bytes32 commitment = next.commitment(NETWORK);
        QuorumProof memory quorum = signed(commitment, members, 2);
        vm.expectEmit(address(verifier));
        emit IRootVerifier.GuardianSetRotated(2, 1, commitment, next);
        verifier.rotate(next, quorum);

        assertEq(abi.encode(verifier.guardianSet()), abi.encode(next));
        verifier.submit(certify(headerOf(2, 3), membersOf(equalStakes(7)), 1));
        Certificate memory old = certify(headerOf(1, 4), members, 0);
        vm.expectRevert(abi.encodeWithSelector(IRootVerifier.UnknownGuardianSet.selector, 1, 2));
        verifier.submit(old);
    }

    function test_rotate_keepsOldEpochsSubmittable() public {
        Certificate memory certificate = certify(headerOf(1, 3), members, 0);
        verifier.submit(certificate);
        GuardianSet memory next = setOf(2, membersOf(equalStakes(7)));
        verifier.rotate(next, signed(next.commitment(NETWORK), members, 0));
        assertEq(verifier.submit(certificate), certificate.header.aggregateRoot);
    }

    function test_rotate_revertsBeforeInstall() public {
        RootVerifier fresh = deployVerifier();
        GuardianSet memory next = setOf(2, membersOf(equalStakes(2)));
        QuorumProof memory quorum = signed(next.commitment(NETWORK), members, 0);
        vm.expectRevert(IRootVerifier.NotInstalled.selector);
        fresh.rotate(next, quorum);
    }

    function test_rotate_revertsWithoutQuorum() public {
        GuardianSet memory next = setOf(2, membersOf(equalStakes(2)));
        QuorumProof memory quorum = signed(next.commitment(NETWORK), members, 3);
        _expectQuorumNotReached(200_000 ether, 400_000 ether);
        verifier.rotate(next, quorum);
    }

    function test_rotate_revertsForAnotherSetThanSigned() public {
        GuardianSet memory next = setOf(2, membersOf(equalStakes(2)));
        QuorumProof memory quorum = signed(next.commitment(NETWORK), members, 0);
        next.totalStake += 1;
        vm.expectRevert(IRootVerifier.InvalidSignature.selector);
        verifier.rotate(next, quorum);
    }

    function test_rotate_revertsWhenReplayed() public {
        GuardianSet memory next = setOf(2, membersOf(equalStakes(4)));
        QuorumProof memory quorum = signed(next.commitment(NETWORK), members, 0);
        verifier.rotate(next, quorum);
        vm.expectRevert(abi.encodeWithSelector(IRootVerifier.GuardianSetNotNewer.selector, 2, 2));
        verifier.rotate(next, quorum);
    }

    // ------------------------------------------------------------ proxy

    function test_initialize_revertsTheSecondTime() public {
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        verifier.initialize(address(this));
        RootVerifier implementation = new RootVerifier();
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        implementation.initialize(address(this));
    }

    function test_upgrade_revertsForOthersThanTheOwner() public {
        address next = address(new RootVerifier());
        vm.expectRevert(
            abi.encodeWithSelector(
                OwnableUpgradeable.OwnableUnauthorizedAccount.selector, address(this)
            )
        );
        verifier.upgradeToAndCall(next, "");
        vm.prank(OWNER);
        verifier.upgradeToAndCall(next, "");
        assertEq(verifier.networkId(), NETWORK);
    }

    function test_guardianSet_isZeroBeforeInstall() public {
        GuardianSet memory nothing;
        nothing.aggregateKey = new bytes(128);
        assertEq(abi.encode(deployVerifier().guardianSet()), abi.encode(nothing));
    }

    // ------------------------------------------------------------ gas

    function test_submit_costDoesNotDependOnTheSize() public {
        uint256 four = _costOfSecond(4, 0);
        uint256 thirtyTwo = _costOfSecond(32, 0);
        emit log_named_uint("submit, all of 4", four);
        emit log_named_uint("submit, all of 32", thirtyTwo);
        assertEq(four, thirtyTwo);
        assertLt(four, 220_000);
    }

    function test_submit_costOfTheAbsentIsSmall() public {
        uint256 all = _costOfSecond(4, 0);
        uint256 one = _costOfSecond(4, 1);
        emit log_named_uint("submit, one absent of 4, more", one - all);
        assertLt(one - all, 9000);
        emit log_named_uint("submit, two absent of 7, more", _costOfSecond(7, 3) - all);
        emit log_named_uint("submit, ten absent of 32, more", _costOfSecond(32, 1023) - all);
    }

    function test_submit_againIsCheap() public {
        Certificate memory certificate = certify(headerOf(1, 3), members, 0);
        verifier.submit(certificate);
        vm.cool(address(verifier));
        uint256 before = gasleft();
        verifier.submit(certificate);
        uint256 cost = before - gasleft();
        emit log_named_uint("submit, again", cost);
        assertLt(cost, 30_000);
    }

    /// @dev Gas of the call, of a certificate that is not the first.
    function _costOfSecond(uint256 size, uint256 absent) private returns (uint256) {
        AbsentMember[] memory all = membersOf(equalStakes(size));
        GuardianSet memory theirs = setOf(1, all);
        RootVerifier fresh = deployVerifier();
        vm.prank(OWNER);
        fresh.install(NETWORK, theirs);
        fresh.submit(certify(headerOf(1, 1), all, 0));
        bytes memory data =
            abi.encodeCall(IRootVerifier.submit, (certify(headerOf(1, 2), all, absent)));
        vm.cool(address(fresh));
        uint256 before = gasleft();
        bool success;
        // without copying the answer, whose cost depends on how much memory this test uses
        assembly ("memory-safe") {
            success := call(gas(), fresh, 0, add(data, 32), mload(data), 0, 0)
        }
        uint256 cost = before - gasleft();
        assertTrue(success);
        return cost;
    }

    function _install(GuardianSet memory next) private {
        vm.prank(OWNER);
        verifier.install(NETWORK, next);
    }

    function _expectQuorumNotReached(uint256 signedStake, uint256 total) private {
        vm.expectRevert(
            abi.encodeWithSelector(IRootVerifier.QuorumNotReached.selector, signedStake, total)
        );
    }

    function _withSignature(QuorumProof memory quorum, bytes memory signature)
        private
        pure
        returns (QuorumProof memory)
    {
        quorum.signature = signature;
        return quorum;
    }
}
