// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

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
/// @dev Written out in assembly where it is done for each absent member: a third of 500 may be.
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
        if (members.length + proof.length != proofFlags.length + 1) {
            revert IRootVerifier.InvalidSetProof();
        }
        // the members' hashes, then what becomes of them
        bytes32[] memory queue = new bytes32[](members.length + proofFlags.length);
        (stake, key) = _gather(members, queue);
        if (_rootOf(queue, members.length, proof, proofFlags) != setRoot) {
            revert IRootVerifier.InvalidSetProof();
        }
    }

    /// @dev Fills the queue with the members' hashes; their stake and the sum of their keys.
    function _gather(AbsentMember[] calldata members, bytes32[] memory queue)
        private
        view
        returns (uint256 stake, bytes memory key)
    {
        key = BLS12381.newSum();
        uint256 next = 0;
        for (uint256 i = 0; i < members.length; ++i) {
            (uint256 index, uint256 one, uint256 its, bytes32 hash) = _member(members, i);
            if (index < next) revert IRootVerifier.AbsentNotAscending();
            next = index + 1;
            stake += one;
            assembly ("memory-safe") {
                mstore(add(queue, shl(5, add(i, 1))), hash)
            }
            BLS12381.addToSum(key, its, i == 0);
        }
        BLS12381.closeSum(key);
    }

    /// @dev Reads a member where it lies and hashes it in scratch memory. Offsets are taken as they are: where
    /// they point to nothing, the hash is no member's.
    /// @return index Position in the set.
    /// @return stake ERA in wei.
    /// @return key Where its 128 bytes lie in calldata.
    /// @return hash Leaf of the set's tree.
    function _member(AbsentMember[] calldata members, uint256 at)
        private
        pure
        returns (uint256 index, uint256 stake, uint256 key, bytes32 hash)
    {
        uint256 prefix = GuardianSets.MEMBER_PREFIX;
        bool sound;
        assembly ("memory-safe") {
            let member := add(members.offset, calldataload(add(members.offset, shl(5, at))))
            index := calldataload(member)
            let guardian := calldataload(add(member, 32))
            stake := calldataload(add(member, 64))
            key := add(member, calldataload(add(member, 96)))
            sound := eq(calldataload(key), 128)
            key := add(key, 32)
            // nothing may lie outside of its type, or it would run into its neighbour
            sound := and(sound, iszero(or(or(shr(32, index), shr(160, guardian)), shr(96, stake))))

            let free := mload(0x40)
            mstore(free, or(or(prefix, shl(208, index)), or(shl(48, guardian), shr(48, stake))))
            mstore(add(free, 32), shl(208, stake))
            calldatacopy(add(free, 38), key, 128)
            hash := keccak256(free, 166)
        }
        if (!sound) revert BLS12381.InvalidPoint();
    }

    /// @dev Root of a multi-proof as OpenZeppelin's `MerkleProof` computes it; zero, which is no root, when its
    /// parts do not fit together. The first `leaves` of the queue are filled; it has room for one hash
    /// for each flag after them.
    function _rootOf(
        bytes32[] memory queue,
        uint256 leaves,
        bytes32[] calldata proof,
        bool[] calldata flags
    ) private pure returns (bytes32 root) {
        assembly ("memory-safe") {
            let head := add(queue, 32)
            let tail := add(head, shl(5, leaves))
            let sibling := proof.offset
            let siblings := add(sibling, shl(5, proof.length))
            let flag := flags.offset
            let fits := 1
            for { let end := add(flag, shl(5, flags.length)) } lt(flag, end) {
                flag := add(flag, 32)
            } {
                let a := mload(head)
                let b
                head := add(head, 32)
                switch calldataload(flag)
                case 0 {
                    b := calldataload(sibling)
                    sibling := add(sibling, 32)
                }
                default {
                    b := mload(head)
                    head := add(head, 32)
                }
                // a hash that is not there yet
                if gt(head, tail) {
                    fits := 0
                    break
                }
                // in ascending order
                let place := shl(5, gt(a, b))
                mstore(place, a)
                mstore(xor(place, 32), b)
                mstore(tail, keccak256(0x00, 0x40))
                tail := add(tail, 32)
            }
            // all siblings are used, and one hash is left
            if and(fits, and(eq(sibling, siblings), eq(add(head, 32), tail))) {
                root := mload(head)
            }
        }
    }
}
