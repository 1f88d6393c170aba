// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {GuardianVerdicts} from "../../src/settlement/GuardianVerdicts.sol";
import {IRootVerifier} from "../../src/metalayer/interfaces/IRootVerifier.sol";
import {GuardianSet} from "../../src/metalayer/interfaces/IRootVerifier.sol";
import {RootVerifier} from "../../src/metalayer/RootVerifier.sol";
import {DataQuestion, Step} from "../../src/settlement/interfaces/IStepDecider.sol";
import {GuardianFixture} from "../utils/GuardianFixture.sol";

/// @notice Verdicts as Python made them: tests/vectors/metalayer.json.
contract VerdictVectorsTest is GuardianFixture {
    string private json;
    GuardianVerdicts private verdicts;

    function setUp() public {
        json = vm.readFile("../tests/vectors/metalayer.json");
        RootVerifier verifier = deployVerifier();
        // the vectors' quorums are of the set of seven, which is the fifth of them
        GuardianSet memory set = abi.decode(vm.parseJsonBytes(json, ".sets[4].abi"), (GuardianSet));
        assertEq(set.size, 7);
        bytes32 networkId = vm.parseJsonBytes32(json, ".network.networkId");
        vm.prank(OWNER);
        verifier.install(networkId, set);
        verdicts = new GuardianVerdicts(address(verifier));
    }

    function test_verdicts() public {
        uint256 i = 0;
        for (; vm.keyExistsJson(json, _at(i, "")); ++i) {
            bytes memory question = vm.parseJsonBytes(json, _at(i, ".question"));
            bytes32 digest = vm.parseJsonBytes32(json, _at(i, ".digest"));
            bytes memory proof = vm.parseJsonBytes(json, _at(i, ".proof"));
            bool verdict = vm.parseJsonBool(json, _at(i, ".verdict"));
            if (keccak256(bytes(vm.parseJsonString(json, _at(i, ".kind")))) == keccak256("step")) {
                _checkStep(abi.decode(question, (Step)), verdict, digest, proof);
            } else {
                _checkData(abi.decode(question, (DataQuestion)), verdict, digest, proof);
            }
        }
        assertEq(i, 12);
    }

    function _checkStep(Step memory step, bool right, bytes32 digest, bytes memory proof) private {
        assertEq(verdicts.stepDigest(step, right), digest);
        verdicts.checkStep(step, right, proof);
        vm.expectRevert(IRootVerifier.InvalidSignature.selector);
        verdicts.checkStep(step, !right, proof);
        ++step.gameId;
        vm.expectRevert(IRootVerifier.InvalidSignature.selector);
        verdicts.checkStep(step, right, proof);
    }

    function _checkData(
        DataQuestion memory question,
        bool available,
        bytes32 digest,
        bytes memory proof
    ) private {
        assertEq(verdicts.dataDigest(question, available), digest);
        verdicts.checkData(question, available, proof);
        vm.expectRevert(IRootVerifier.InvalidSignature.selector);
        verdicts.checkData(question, !available, proof);
        --question.firstBlock;
        vm.expectRevert(IRootVerifier.InvalidSignature.selector);
        verdicts.checkData(question, available, proof);
    }

    function _at(uint256 index, string memory key) private pure returns (string memory) {
        return string.concat(".verdicts[", vm.toString(index), "]", key);
    }
}
