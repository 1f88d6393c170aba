// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {RootVerifier} from "../../src/metalayer/RootVerifier.sol";
import {
    AbsentMember,
    Certificate,
    EpochHeader,
    GuardianSet,
    QuorumProof
} from "../../src/metalayer/interfaces/IRootVerifier.sol";
import {EpochHeaders} from "../../src/metalayer/libs/EpochHeaders.sol";
import {GuardianSets} from "../../src/metalayer/libs/GuardianSets.sol";
import {BlsSigner} from "../utils/BlsSigner.sol";
import {GuardianFixture} from "../utils/GuardianFixture.sol";

/// @notice An honest network, and a coalition that holds the keys of two of its six guardians (exactly
/// one third of the stake) and of as many keys of its own as it likes. The honest sign one root an
/// epoch; the coalition sees all they sign and sends whatever it can think of.
contract Network is GuardianFixture {
    using EpochHeaders for EpochHeader;
    using GuardianSets for GuardianSet;

    uint256 private constant COALITION = 2;
    uint64 private constant EPOCHS = 40;

    RootVerifier public immutable verifier;
    AbsentMember[] private members;
    /// @notice What the honest signed, by epoch.
    mapping(uint64 epoch => bytes32) public honestRoots;
    uint64 public setId = 1;
    uint256 public honestCertificates;
    uint256 public refused;
    bytes private seen;

    constructor() {
        AbsentMember[] memory six = membersOf(equalStakes(6));
        for (uint256 i = 0; i < six.length; ++i) {
            members.push(six[i]);
        }
        GuardianSet memory set = setOf(1, six);
        verifier = deployVerifier();
        vm.prank(OWNER);
        verifier.install(NETWORK, set);
    }

    /// @notice An epoch as it should be, with at most one honest guardian absent.
    function certifyHonestly(uint64 epoch, uint8 absent) external {
        EpochHeader memory header = _honestHeader(epoch);
        uint256 mask = absent % 7 == 6 ? 0 : 1 << absent % 7;
        Certificate memory certificate = certify(header, members, mask);
        honestRoots[header.epoch] = header.aggregateRoot;
        seen = abi.encode(certificate.quorum);
        verifier.submit(certificate);
        ++honestCertificates;
    }

    /// @notice Signed by the coalition alone; the others named absent, or not.
    function forgeAlone(uint64 epoch, uint8 named) external {
        EpochHeader memory header = _falseHeader(epoch);
        QuorumProof memory quorum = proofOf(members, uint256(named) % 64);
        quorum.signature = _coalitionSignature(header.hash(NETWORK));
        _send(Certificate(header, quorum));
    }

    /// @notice An honest certificate's signature, on another header.
    function forgeFromSeen(uint64 epoch) external {
        if (seen.length == 0) return;
        _send(Certificate(_falseHeader(epoch), abi.decode(seen, (QuorumProof))));
    }

    /// @notice Honest signatures, the absent's stakes told smaller than they are.
    function forgeStakes(uint64 epoch, uint8 absent, uint96 stake) external {
        EpochHeader memory header = _falseHeader(epoch);
        uint256 mask = uint256(absent) % 64 & ~uint256(3);
        QuorumProof memory quorum = proofOf(members, mask);
        for (uint256 i = 0; i < quorum.absent.length; ++i) {
            quorum.absent[i].stake = stake;
        }
        quorum.signature = _coalitionSignature(header.hash(NETWORK));
        _send(Certificate(header, quorum));
    }

    /// @notice A rogue key: an absent member made up so that the rest of the keys is the coalition's.
    function forgeRogueKey(uint64 epoch, uint256 secret) external {
        EpochHeader memory header = _falseHeader(epoch);
        uint256 rogue = bound(secret, 1, BlsSigner.ORDER - 1);
        QuorumProof memory quorum = proofOf(members, 1 << 5);
        quorum.absent[0].key = BlsSigner.publicKey(rogue);
        quorum.signature = BlsSigner.sign(rogue, header.hash(NETWORK));
        _send(Certificate(header, quorum));
    }

    /// @notice A set of the coalition's own.
    function forgeRotation(uint64 id, uint8 named) external {
        GuardianSet memory set = setOf(setId + 1 + id % 3, membersOf(equalStakes(COALITION)));
        QuorumProof memory quorum = proofOf(members, uint256(named) % 64);
        quorum.signature = _coalitionSignature(set.commitment(NETWORK));
        try verifier.rotate(set, quorum) {
            setId = type(uint64).max;
        } catch {
            ++refused;
        }
    }

    /// @notice The honest hand over to the same members under the next id.
    function rotateHonestly() external {
        GuardianSet memory set = setOf(setId + 1, members);
        verifier.rotate(set, signed(set.commitment(NETWORK), members, 0));
        ++setId;
    }

    function epochs() external pure returns (uint64) {
        return EPOCHS;
    }

    function _send(Certificate memory certificate) private {
        try verifier.submit(certificate) {
            honestRoots[certificate.header.epoch] = keccak256("forged");
        } catch {
            ++refused;
        }
    }

    function _honestHeader(uint64 epoch) private view returns (EpochHeader memory) {
        return headerOf(setId, 1 + epoch % EPOCHS);
    }

    function _falseHeader(uint64 epoch) private view returns (EpochHeader memory header) {
        header = _honestHeader(epoch);
        header.aggregateRoot = keccak256(abi.encode("false", epoch));
    }

    function _coalitionSignature(bytes32 digest) private view returns (bytes memory) {
        return BlsSigner.sign(addmod(secretOf(0), secretOf(1), BlsSigner.ORDER), digest);
    }
}

/// @notice No certificate below the quorum is ever accepted.
contract RootVerifierInvariantTest is GuardianFixture {
    Network private network;

    function setUp() public {
        network = new Network();
        targetContract(address(network));
    }

    function invariant_onlyTheHonestCertifyAndRotate() public view {
        RootVerifier verifier = network.verifier();
        for (uint64 epoch = 1; epoch <= network.epochs(); ++epoch) {
            assertEq(verifier.aggregateRoots(epoch), network.honestRoots(epoch));
        }
        uint64 latest = verifier.latestEpoch();
        if (latest != 0) assertNotEq(verifier.aggregateRoots(latest), 0);

        GuardianSet memory set = verifier.guardianSet();
        assertEq(set.setId, network.setId());
        assertEq(set.size, 6);
    }
}
