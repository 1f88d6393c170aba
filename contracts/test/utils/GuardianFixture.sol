// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {Test} from "forge-std/Test.sol";
import {RootVerifier} from "../../src/metalayer/RootVerifier.sol";
import {
    AbsentMember,
    Certificate,
    EpochHeader,
    GuardianSet,
    QuorumProof
} from "../../src/metalayer/interfaces/IRootVerifier.sol";
import {BLS12381} from "../../src/metalayer/libs/BLS12381.sol";
import {EpochHeaders} from "../../src/metalayer/libs/EpochHeaders.sol";
import {GuardianSets} from "../../src/metalayer/libs/GuardianSets.sol";
import {BlsSigner} from "./BlsSigner.sol";

/// @notice Guardian sets whose secrets are known, and what they sign. Who is absent is given as a mask:
/// bit i is set when member i did not sign.
abstract contract GuardianFixture is Test {
    using EpochHeaders for EpochHeader;
    using GuardianSets for GuardianSet;

    bytes32 internal constant NETWORK = keccak256("network");
    address internal constant OWNER = address(0xA11CE);

    function deployVerifier() internal returns (RootVerifier) {
        bytes memory call = abi.encodeCall(RootVerifier.initialize, (OWNER));
        return RootVerifier(address(new ERC1967Proxy(address(new RootVerifier()), call)));
    }

    function secretOf(uint256 index) internal pure returns (uint256) {
        return BlsSigner.secretOf("guardian", index);
    }

    function equalStakes(uint256 size) internal pure returns (uint96[] memory stakes) {
        stakes = new uint96[](size);
        for (uint256 i = 0; i < size; ++i) {
            stakes[i] = 100_000 ether;
        }
    }

    function membersOf(uint96[] memory stakes)
        internal
        view
        returns (AbsentMember[] memory members)
    {
        members = new AbsentMember[](stakes.length);
        for (uint32 i = 0; i < members.length; ++i) {
            bytes memory key = BlsSigner.publicKey(secretOf(i));
            members[i] = AbsentMember(i, address(uint160(0x6000 + i)), stakes[i], key);
        }
    }

    function setOf(uint64 setId, AbsentMember[] memory members)
        internal
        view
        returns (GuardianSet memory set)
    {
        set.setId = setId;
        set.size = uint32(members.length);
        set.aggregateKey = new bytes(128);
        for (uint256 i = 0; i < members.length; ++i) {
            set.totalStake += members[i].stake;
            set.aggregateKey = BLS12381.addG1(set.aggregateKey, members[i].key);
        }
        set.root = treeOf(members)[0];
    }

    function headerOf(uint64 setId, uint64 epoch) internal view returns (EpochHeader memory) {
        return EpochHeader({
            setId: setId,
            epoch: epoch,
            timestamp: uint64(block.timestamp),
            parentHash: keccak256(abi.encode("parent", epoch)),
            aggregateRoot: keccak256(abi.encode("root", epoch))
        });
    }

    /// @notice The header, signed by all but the absent.
    function certify(EpochHeader memory header, AbsentMember[] memory members, uint256 absent)
        internal
        view
        returns (Certificate memory)
    {
        return Certificate(header, signed(header.hash(NETWORK), members, absent));
    }

    /// @notice `digest`, signed by all but the absent.
    function signed(bytes32 digest, AbsentMember[] memory members, uint256 absent)
        internal
        view
        returns (QuorumProof memory quorum)
    {
        quorum = proofOf(members, absent);
        uint256 sum = 0;
        for (uint256 i = 0; i < members.length; ++i) {
            if (absent >> i & 1 == 0) sum = addmod(sum, secretOf(i), BlsSigner.ORDER);
        }
        quorum.signature = BlsSigner.sign(sum, digest);
    }

    /// @notice Who is absent, with the multi-proof; without a signature.
    function proofOf(AbsentMember[] memory members, uint256 absent)
        internal
        pure
        returns (QuorumProof memory quorum)
    {
        uint256 count = 0;
        for (uint256 i = 0; i < members.length; ++i) {
            count += absent >> i & 1;
        }
        quorum.absent = new AbsentMember[](count);
        if (count == 0) return quorum;
        uint256[] memory queue = new uint256[](2 * members.length);
        uint256 tail = 0;
        for (uint256 i = 0; i < members.length; ++i) {
            if (absent >> i & 1 == 0) continue;
            quorum.absent[tail] = members[i];
            queue[tail++] = 2 * members.length - 2 - i;
        }
        (quorum.proof, quorum.proofFlags) = multiProof(treeOf(members), queue, tail);
    }

    function treeOf(AbsentMember[] memory members) internal pure returns (bytes32[] memory nodes) {
        uint256 size = members.length;
        nodes = new bytes32[](2 * size - 1);
        for (uint256 i = 0; i < size; ++i) {
            AbsentMember memory one = members[i];
            nodes[2 * size - 2 - i] =
                GuardianSets.memberHash(one.index, one.guardian, one.stake, one.key);
        }
        for (uint256 i = size - 1; i > 0; --i) {
            nodes[i - 1] = Hashes.commutativeKeccak256(nodes[2 * i - 1], nodes[2 * i]);
        }
    }

    /// @notice A multi-proof. `queue` holds the positions of the leaves, descending, up to `tail`.
    function multiProof(bytes32[] memory nodes, uint256[] memory queue, uint256 tail)
        internal
        pure
        returns (bytes32[] memory proof, bool[] memory flags)
    {
        proof = new bytes32[](nodes.length);
        flags = new bool[](nodes.length);
        uint256 siblings = 0;
        uint256 steps = 0;
        for (uint256 head = 0; queue[head] != 0; ++steps) {
            uint256 position = queue[head++];
            uint256 sibling = position % 2 == 0 ? position - 1 : position + 1;
            flags[steps] = head < tail && queue[head] == sibling;
            if (flags[steps]) ++head;
            else proof[siblings++] = nodes[sibling];
            queue[tail++] = (position - 1) / 2;
        }
        assembly ("memory-safe") {
            mstore(proof, siblings)
            mstore(flags, steps)
        }
    }
}
