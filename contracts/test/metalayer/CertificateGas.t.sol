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
import {BLS12381} from "../../src/metalayer/libs/BLS12381.sol";
import {EpochHeaders} from "../../src/metalayer/libs/EpochHeaders.sol";
import {BlsSigner} from "../utils/BlsSigner.sol";
import {GuardianFixture} from "../utils/GuardianFixture.sol";

/// @notice What a certificate costs as a transaction of its own: how little the size of the set matters, and how
/// much those that are absent do. Two prices are given where they differ: EIP-7623 sets a floor of ten gas a
/// token of calldata (four for a byte that is not zero), which a transaction pays that does little else.
contract CertificateGasTest is GuardianFixture {
    using EpochHeaders for EpochHeader;

    uint256 private constant FEW = 4;
    uint256 private constant MANY = 500;

    RootVerifier private few;
    RootVerifier private many;
    AbsentMember[] private fewMembers;
    AbsentMember[] private manyMembers;
    uint256[MANY] private secrets;
    uint64 private epoch = 1;

    function setUp() public {
        for (uint256 i = 0; i < MANY; ++i) {
            secrets[i] = secretOf(i);
        }
        few = _install(FEW, fewMembers);
        many = _install(MANY, manyMembers);
        // the slots that every certificate changes have something in them
        _submit(few, fewMembers, new bool[](FEW));
        _submit(many, manyMembers, new bool[](MANY));
    }

    function test_gas_sameForFewAndManyGuardians() public {
        uint256 small = _submit(few, fewMembers, new bool[](FEW));
        uint256 large = _submit(many, manyMembers, new bool[](MANY));
        emit log_named_uint("4 guardians", small);
        emit log_named_uint("500 guardians", large);
        assertApproxEqRel(large, small, 0.02e18);
    }

    function test_gas_ofAbsence() public {
        uint256 none = _submit(many, manyMembers, new bool[](MANY));
        bool[] memory absent = new bool[](MANY);
        absent[137] = true;
        uint256 one = _submit(many, manyMembers, absent);
        emit log_named_uint("one absent of 500, more by", one - none);

        uint256 count = 0;
        for (uint256 i = 0; i < MANY; i += 3) {
            absent[i] = count < 166;
            if (absent[i]) ++count;
        }
        absent[137] = false;
        (uint256 third, uint256 tokens) = _cost(many, manyMembers, absent);
        uint256 floor = 21_000 + 10 * tokens;
        emit log_named_uint("a third absent of 500, each", (third - none) / count);
        emit log_named_uint("the same, at the floor of EIP-7623, each", (floor - none) / count);
        // the goal is 5,000 and 9,000: calldata alone takes 3,200 and 8,600 of it
        assertLe((third - none) / count, 6_000);
        assertLe(one - none, 15_000);
    }

    function test_gas_ofAbsenceOfFew() public {
        uint256 none = _submit(few, fewMembers, new bool[](FEW));
        bool[] memory absent = new bool[](FEW);
        absent[2] = true;
        uint256 one = _submit(few, fewMembers, absent);
        emit log_named_uint("one absent of 4, more by", one - none);
        assertLe(one - none, 9_000);
    }

    // ------------------------------------------------------------ helpers

    function _install(uint256 size, AbsentMember[] storage members)
        private
        returns (RootVerifier made)
    {
        made = deployVerifier();
        AbsentMember[] memory all = membersOf(equalStakes(size));
        for (uint256 i = 0; i < size; ++i) {
            members.push(all[i]);
        }
        GuardianSet memory set = setOf(1, all);
        vm.prank(OWNER);
        made.install(NETWORK, set);
    }

    function _submit(RootVerifier to, AbsentMember[] memory members, bool[] memory absent)
        private
        returns (uint256 gas)
    {
        (gas,) = _cost(to, members, absent);
    }

    /// @dev Gas of a transaction with this certificate but for the floor, and the tokens of its calldata.
    function _cost(RootVerifier to, AbsentMember[] memory members, bool[] memory absent)
        private
        returns (uint256 gas, uint256 tokens)
    {
        EpochHeader memory header = headerOf(1, epoch++);
        Certificate memory certificate = Certificate(header, _prove(members, absent));
        uint256 sum = 0;
        for (uint256 i = 0; i < members.length; ++i) {
            if (!absent[i]) sum = addmod(sum, secrets[i], BlsSigner.ORDER);
        }
        certificate.quorum.signature = BlsSigner.sign(sum, header.hash(NETWORK));
        bytes memory data = abi.encodeCall(to.submit, (certificate));
        for (uint256 i = 0; i < data.length; ++i) {
            tokens += data[i] == 0 ? 1 : 4;
        }
        vm.cool(address(to));
        (bool success,) = address(to).call(data);
        assertTrue(success);
        gas = vm.lastCallGas().gasTotalUsed + 21_000 + 4 * tokens;
    }

    function _prove(AbsentMember[] memory members, bool[] memory absent)
        private
        pure
        returns (QuorumProof memory quorum)
    {
        uint256 count = 0;
        for (uint256 i = 0; i < members.length; ++i) {
            if (absent[i]) ++count;
        }
        quorum.absent = new AbsentMember[](count);
        uint256[] memory queue = new uint256[](2 * members.length);
        count = 0;
        for (uint256 i = 0; i < members.length; ++i) {
            if (!absent[i]) continue;
            quorum.absent[count] = members[i];
            queue[count++] = 2 * members.length - 2 - i;
        }
        if (count != 0) {
            (quorum.proof, quorum.proofFlags) = multiProof(treeOf(members), queue, count);
        }
    }
}
