// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {AttestationVerifier} from "../../src/settlement/AttestationVerifier.sol";
import {FinalOutputs} from "../../src/settlement/FinalOutputs.sol";
import {IAttestationVerifier} from "../../src/settlement/interfaces/IAttestationVerifier.sol";
import {IL2OutputOracle} from "../../src/settlement/interfaces/IL2OutputOracle.sol";
import {IOutputRegistry} from "../../src/settlement/interfaces/IOutputRegistry.sol";
import {PublicInputs} from "../../src/settlement/interfaces/IProofVerifier.sol";
import {OutputFixture} from "./OutputFixture.sol";

contract AttestationVerifierTest is OutputFixture {
    AttestationVerifier internal verifier;
    uint256 internal key = 0xa77e57;

    function setUp() public override {
        super.setUp();
        bytes memory call = abi.encodeCall(AttestationVerifier.initialize, (address(this)));
        verifier = AttestationVerifier(
            address(new ERC1967Proxy(address(new AttestationVerifier()), call))
        );
        verifier.setProver(ROLLUP, vm.addr(key));
        oracle = makeOracle(verifier, 0);
        oracle.setGenesis(GENESIS, GENESIS_STATE);
    }

    function attest(PublicInputs memory inputs, uint256 by) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(by, verifier.digest(inputs));
        return abi.encodePacked(r, s, v);
    }

    function inputsOf(Block memory made) internal view returns (PublicInputs memory) {
        (bytes32 hash, bytes32 root,) = oracle.parentOf(oracle.nextOutputIndex());
        return PublicInputs(
            ROLLUP,
            hash,
            root,
            keccak256(made.header),
            made.stateRoot,
            made.storageRoot,
            inbox.rollup(ROLLUP).accumulator
        );
    }

    function test_aProvenOutputIsFinalAtOnce() public {
        for (uint64 number = 2; number < 8; number += 2) {
            post(number);
            Block memory made = blockAt(number, 0);
            bytes memory proof = attest(inputsOf(made), key);
            vm.prank(proposer);
            uint256 index = oracle.propose{value: 1 ether}(made.header, made.proof, proof);
            assertTrue(oracle.isFinal(index));
        }
    }

    function testFuzz_anotherKeyProvesNothing(uint256 other) public {
        other = boundPrivateKey(other);
        vm.assume(other != key);
        post(3);
        Block memory made = blockAt(3, 0);
        bytes memory proof = attest(inputsOf(made), other);
        vm.prank(proposer);
        vm.expectRevert(IL2OutputOracle.InvalidProof.selector);
        oracle.propose{value: 1 ether}(made.header, made.proof, proof);
    }

    function testFuzz_aProofIsOfItsInputsAlone(uint256 field, bytes32 change) public view {
        vm.assume(change != 0);
        PublicInputs memory inputs = PublicInputs(ROLLUP, "a", "b", "c", "d", "e", "f");
        bytes memory proof = attest(inputs, key);
        assertTrue(verifier.verify(inputs, proof));
        bytes32[] memory words = new bytes32[](7);
        bytes memory encoded = abi.encode(inputs);
        for (uint256 i = 0; i < 7; ++i) {
            assembly {
                mstore(add(add(words, 32), mul(i, 32)), mload(add(add(encoded, 32), mul(i, 32))))
            }
        }
        words[field % 7] ^= change;
        inputs = abi.decode(abi.encodePacked(words), (PublicInputs));
        assertFalse(verifier.verify(inputs, proof));
    }

    function testFuzz_verify_neverReverts(bytes calldata proof) public view {
        assertFalse(verifier.verify(PublicInputs(ROLLUP, "a", "b", "c", "d", "e", "f"), proof));
        assertFalse(verifier.verify(PublicInputs(1, "a", "b", "c", "d", "e", "f"), proof));
    }

    function test_setProver_refusesNobody() public {
        vm.expectRevert(IAttestationVerifier.ProverZero.selector);
        verifier.setProver(ROLLUP, address(0));
    }
}

contract FinalOutputsTest is OutputFixture {
    FinalOutputs internal outputs;

    function setUp() public override {
        super.setUp();
        bytes memory call = abi.encodeCall(FinalOutputs.initialize, (address(this)));
        outputs = FinalOutputs(address(new ERC1967Proxy(address(new FinalOutputs()), call)));
        vm.expectEmit();
        emit IOutputRegistry.OracleSet(uint32(ROLLUP), address(oracle));
        outputs.setOracle(uint32(ROLLUP), oracle);
    }

    function known(uint32 domain, uint64 number) internal view returns (bool found) {
        (found,,) = outputs.finalBlock(domain, number);
    }

    function test_finalBlock_knowsFinalOutputsAlone() public {
        assertFalse(known(uint32(ROLLUP), 0));
        settle(2);
        vm.warp(block.timestamp + WINDOW - 1);
        settle(5);
        assertFalse(known(uint32(ROLLUP), 2));
        vm.warp(block.timestamp + 1);
        (bool found, bytes32 hash, bytes32 root) = outputs.finalBlock(uint32(ROLLUP), 2);
        assertTrue(found);
        assertEq(hash, oracle.output(0).blockHash);
        assertEq(root, oracle.output(0).stateRoot);
        assertFalse(known(uint32(ROLLUP), 1)); // between two
        assertFalse(known(uint32(ROLLUP), 5)); // not final yet
        assertFalse(known(uint32(ROLLUP), 6)); // not proposed yet
        assertFalse(known(902, 2));
    }
}
