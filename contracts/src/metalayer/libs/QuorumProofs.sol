// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {
    AbsentMember,
    GuardianSet,
    IRootVerifier,
    QuorumProof
} from "../interfaces/IRootVerifier.sol";
import {BLS12381} from "./BLS12381.sol";
import {GuardianSets} from "./GuardianSets.sol";

/// @title QuorumProofs
/// @notice Who signed, by who did not: docs/formats.md, "Quorum proof". Errors are those of `IRootVerifier`.
library QuorumProofs {
    /// @notice Sum of the keys of all members but the absent, who are at least one.
    /// @param setRoot Root of the set's members.
    /// @param aggregateKey Sum of all members' keys.
    /// @return key Infinity when all are absent.
    /// @return absentStake ERA in wei.
    function signers(QuorumProof calldata quorum, bytes32 setRoot, bytes memory aggregateKey)
        internal
        view
        returns (bytes memory key, uint256 absentStake)
    {
        (absentStake, key) = checkMembers(quorum.absent, quorum.proof, quorum.proofFlags, setRoot);
        BLS12381.negateG1(key);
        key = BLS12381.addG1(aggregateKey, key);
    }

    /// @notice Reverts unless a quorum of `set` signed `message`.
    function check(QuorumProof calldata quorum, bytes32 message, GuardianSet memory set)
        internal
        view
    {
        bytes memory key = set.aggregateKey;
        uint256 totalStake = set.totalStake;
        if (totalStake == 0) revert IRootVerifier.NotInstalled();
        if (quorum.absent.length != 0) {
            uint256 absentStake;
            (key, absentStake) = signers(quorum, set.root, key);
            uint256 signedStake = totalStake - absentStake;
            if (!GuardianSets.isQuorum(signedStake, totalStake)) {
                revert IRootVerifier.QuorumNotReached(signedStake, totalStake);
            }
        }
        bool signed =
            BLS12381.verify(key, abi.encode(message), BLS12381.SIGNATURE_TAG, quorum.signature);
        if (!signed) revert IRootVerifier.InvalidSignature();
    }

    /// @notice Reverts unless all are members of the set, each named once; their stake and the sum of their
    /// keys. There is at least one.
    function checkMembers(
        AbsentMember[] calldata members,
        bytes32[] calldata proof,
        bool[] calldata proofFlags,
        bytes32 setRoot
    ) internal view returns (uint256 stake, bytes memory key) {
        bytes32[] memory hashes = new bytes32[](members.length);
        uint256 next = 0;
        for (uint256 i = 0; i < hashes.length; ++i) {
            AbsentMember memory member = members[i];
            if (member.index < next) revert IRootVerifier.AbsentNotAscending();
            next = uint256(member.index) + 1;
            hashes[i] =
                GuardianSets.memberHash(member.index, member.guardian, member.stake, member.key);
            stake += member.stake;
            key = i == 0 ? member.key : BLS12381.addG1(key, member.key);
        }
        if (_rootOf(hashes, proof, proofFlags) != setRoot) {
            revert IRootVerifier.InvalidSetProof();
        }
    }

    /// @dev Root of a multi-proof. Reverts where the library would with an error of its own: when the
    /// parts do not fit together.
    function _rootOf(bytes32[] memory leaves, bytes32[] calldata proof, bool[] calldata flags)
        private
        pure
        returns (bytes32)
    {
        uint256 siblings = 0;
        for (uint256 i = 0; i < flags.length; ++i) {
            if (!flags[i]) ++siblings;
        }
        if (siblings != proof.length || leaves.length + siblings != flags.length + 1) {
            revert IRootVerifier.InvalidSetProof();
        }
        // of one leaf every flag is false: a plain proof, which is cheaper to follow
        if (leaves.length == 1) return MerkleProof.processProofCalldata(proof, leaves[0]);
        return MerkleProof.processMultiProofCalldata(proof, flags, leaves);
    }
}
