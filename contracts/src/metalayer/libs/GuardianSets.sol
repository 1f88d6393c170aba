// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {GuardianSet} from "../interfaces/IRootVerifier.sol";

/// @title GuardianSets
/// @notice Hashes of guardian sets and their members, see docs/formats.md.
library GuardianSets {
    uint8 private constant VERSION = 1;
    uint8 private constant SET_KIND = 2;
    uint8 private constant POSSESSION_KIND = 3;
    uint8 private constant MEMBER_KIND = 5;
    uint8 private constant UPTIME_KIND = 8;

    /// @notice What a member's packed bytes begin with, in a word.
    uint256 internal constant MEMBER_PREFIX = uint256(VERSION) << 248 | uint256(MEMBER_KIND) << 240;

    /// @notice Leaf of the set's tree.
    function memberHash(uint32 index, address guardian, uint96 stake, bytes memory key)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encodePacked(VERSION, MEMBER_KIND, index, guardian, stake, key));
    }

    /// @notice What the outgoing set signs to hand over to `set`.
    function commitment(GuardianSet memory set, bytes32 networkId) internal pure returns (bytes32) {
        return keccak256(
            abi.encodePacked(
                VERSION,
                SET_KIND,
                networkId,
                set.setId,
                set.size,
                set.totalStake,
                set.root,
                set.aggregateKey
            )
        );
    }

    /// @notice What a quorum signs of an uptime report.
    /// @param what Packed: set id, first and last epoch, number of certificates, end of the time.
    /// @param missed Hash of the packed pairs of index and number of absences.
    function uptimeDigest(bytes32 networkId, bytes memory what, bytes32 missed)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encodePacked(VERSION, UPTIME_KIND, networkId, what, missed));
    }

    /// @notice What a proof of possession signs.
    function possessionDigest(address registry, address guardian, bytes memory key)
        internal
        view
        returns (bytes32)
    {
        return keccak256(
            abi.encodePacked(VERSION, POSSESSION_KIND, block.chainid, registry, guardian, key)
        );
    }

    /// @notice Whether more than two thirds of the stake signed; exactly two thirds is not enough.
    function isQuorum(uint256 signedStake, uint256 totalStake) internal pure returns (bool) {
        return 3 * signedStake > 2 * totalStake;
    }

    /// @notice Root of the tree over member hashes in ascending order of their indices.
    /// @dev Complete binary tree in an array of 2n - 1 nodes, leaves at its end in reverse order, as in
    /// OpenZeppelin's merkle-tree library. `leaves` must not be empty.
    function root(bytes32[] memory leaves) internal pure returns (bytes32) {
        uint256 size = leaves.length;
        bytes32[] memory nodes = new bytes32[](2 * size - 1);
        for (uint256 i = 0; i < size; ++i) {
            nodes[nodes.length - 1 - i] = leaves[i];
        }
        for (uint256 i = size - 1; i > 0; --i) {
            nodes[i - 1] = Hashes.commutativeKeccak256(nodes[2 * i - 1], nodes[2 * i]);
        }
        return nodes[0];
    }
}
