// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {Test} from "forge-std/Test.sol";
import {AttestationVerifier} from "../../src/settlement/AttestationVerifier.sol";
import {L2OutputOracle} from "../../src/settlement/L2OutputOracle.sol";
import {IL2OutputOracle} from "../../src/settlement/interfaces/IL2OutputOracle.sol";
import {IProofVerifier, PublicInputs} from "../../src/settlement/interfaces/IProofVerifier.sol";
import {OutputFixture} from "./OutputFixture.sol";

/// @notice What the prover's program signs is what the contract asks for.
contract ProofVectorsTest is Test {
    function test_vectors() public {
        string memory json = vm.readFile("../tests/vectors/proofs.json");
        vm.chainId(vm.parseJsonUint(json, ".l1ChainId"));
        address where = vm.parseJsonAddress(json, ".verifier");
        bytes memory call = abi.encodeCall(AttestationVerifier.initialize, (address(this)));
        bytes memory arguments = abi.encode(new AttestationVerifier(), call);
        deployCodeTo("ERC1967Proxy.sol:ERC1967Proxy", arguments, where);
        AttestationVerifier verifier = AttestationVerifier(where);
        for (uint256 i = 0; i < 3; ++i) {
            string memory one = string.concat(".proofs[", vm.toString(i), "]");
            PublicInputs memory inputs =
                abi.decode(vm.parseJsonBytes(json, string.concat(one, ".inputs")), (PublicInputs));
            bytes memory proof = vm.parseJsonBytes(json, string.concat(one, ".proof"));
            assertEq(
                keccak256(abi.encode(inputs)),
                vm.parseJsonBytes32(json, string.concat(one, ".hash"))
            );
            assertEq(
                verifier.digest(inputs), vm.parseJsonBytes32(json, string.concat(one, ".digest"))
            );
            assertFalse(verifier.verify(inputs, proof));
            verifier.setProver(inputs.chainId, vm.parseJsonAddress(json, ".prover"));
            assertTrue(verifier.verify(inputs, proof));
        }
    }
}

/// @notice What a zkVM's verifier on a chain looks like: succinct proofs of one program, whose public
/// values are bytes. It reverts for whatever is no proof.
interface IProgramVerifier {
    function verifyProof(bytes32 program, bytes calldata publicValues, bytes calldata proof)
        external
        view;
}

/// @notice Stands for one: a proof is a hash that a real one would make hard to find.
contract FakeProgramVerifier is IProgramVerifier {
    error NotProven();

    function verifyProof(bytes32 program, bytes calldata publicValues, bytes calldata proof)
        external
        pure
    {
        if (keccak256(proof) != keccak256(abi.encode(program, keccak256(publicValues)))) {
            revert NotProven();
        }
    }
}

/// @notice All that it takes to have outputs proven by a zkVM: this contract in the place of
/// {AttestationVerifier}. `program` commits to the derivation that the zkVM ran.
contract ProgramProofs is IProofVerifier {
    IProgramVerifier public immutable gateway;
    bytes32 public immutable program;

    constructor(IProgramVerifier gateway_, bytes32 program_) {
        (gateway, program) = (gateway_, program_);
    }

    function verify(PublicInputs calldata inputs, bytes calldata proof)
        external
        view
        returns (bool)
    {
        bytes memory publicValues = abi.encode(keccak256(abi.encode(inputs)));
        try gateway.verifyProof(program, publicValues, proof) {
            return true;
        } catch {
            return false;
        }
    }
}

/// @notice The oracle takes a zkVM's proofs as it is, and nothing else.
contract ProgramProofsTest is OutputFixture {
    bytes32 internal constant PROGRAM = keccak256("derivation");

    function setUp() public override {
        super.setUp();
        oracle = oracleWith(new ProgramProofs(new FakeProgramVerifier(), PROGRAM));
    }

    function oracleWith(IProofVerifier verifier) internal returns (L2OutputOracle made) {
        made = makeOracle(verifier, 0);
        made.setGenesis(GENESIS, GENESIS_STATE);
    }

    function proofOf(Block memory made, bytes32 program) internal view returns (bytes memory) {
        (bytes32 hash, bytes32 root,) = oracle.parentOf(oracle.nextOutputIndex());
        bytes32 commitment = inbox.rollup(ROLLUP).accumulator;
        PublicInputs memory inputs = PublicInputs(
            ROLLUP, hash, root, keccak256(made.header), made.stateRoot, made.storageRoot, commitment
        );
        bytes memory publicValues = abi.encode(keccak256(abi.encode(inputs)));
        return abi.encode(program, keccak256(publicValues));
    }

    function test_aProvenOutputIsFinalAtOnce() public {
        for (uint64 number = 3; number < 12; number += 4) {
            post(number);
            Block memory made = blockAt(number, 0);
            bytes memory proof = proofOf(made, PROGRAM);
            vm.prank(proposer);
            uint256 index = oracle.propose{value: 1 ether}(made.header, made.proof, proof);
            assertTrue(oracle.isFinal(index));
        }
    }

    function testFuzz_anotherProgramOrBlockIsNotProven(bytes32 program, bytes32 salt) public {
        vm.assume(program != PROGRAM && salt != 0);
        post(3);
        refused(blockAt(3, 0), proofOf(blockAt(3, 0), program));
        refused(blockAt(3, salt), proofOf(blockAt(3, 0), PROGRAM));
        refused(blockAt(3, 0), "");
    }

    function refused(Block memory made, bytes memory proof) internal {
        vm.prank(proposer);
        vm.expectRevert(IL2OutputOracle.InvalidProof.selector);
        oracle.propose{value: 1 ether}(made.header, made.proof, proof);
    }
}
