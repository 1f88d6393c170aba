// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {
    OwnableUpgradeable
} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {IL2OutputOracle} from "../../src/settlement/interfaces/IL2OutputOracle.sol";
import {IProofVerifier, PublicInputs} from "../../src/settlement/interfaces/IProofVerifier.sol";
import {OutputFixture} from "./OutputFixture.sol";

/// @dev Takes a proof that names the block before.
contract Follows is IProofVerifier {
    function verify(PublicInputs calldata inputs, bytes calldata proof)
        external
        pure
        override
        returns (bool)
    {
        return proof.length == 32 && bytes32(proof) == inputs.previousBlockHash;
    }
}

/// @notice A rollup changes its proof system.
contract ProofSystemTest is OutputFixture {
    Follows internal follows;

    function setUp() public override {
        super.setUp();
        follows = new Follows();
        vm.warp(1000);
    }

    function prove(uint64 number, bytes32 previous) internal returns (uint256) {
        post(number);
        Block memory made = blockAt(number, 0);
        vm.prank(proposer);
        return oracle.propose{value: 1 ether}(made.header, made.proof, abi.encode(previous));
    }

    function test_theFirstAfterStandsOnTheLastBefore() public {
        settle(3);
        bytes32 last = oracle.output(0).blockHash;
        vm.expectEmit(address(oracle));
        emit IL2OutputOracle.ProofSystemSet(address(follows), 0, 1);
        oracle.setProofSystem(follows, 0);
        post(5);
        Block memory made = blockAt(5, 0);
        vm.prank(proposer);
        vm.expectRevert(IL2OutputOracle.InvalidProof.selector);
        oracle.propose{value: 1 ether}(made.header, made.proof, abi.encode(GENESIS));
        vm.prank(proposer);
        oracle.propose{value: 1 ether}(made.header, made.proof, abi.encode(last));
        (bytes32 parent,, uint64 number) = oracle.parentOf(1);
        assertEq(parent, last);
        assertEq(number, 3);
    }

    function test_aProvenOutputWaitsForThoseItStandsOn() public {
        settle(3);
        vm.warp(1004);
        oracle.setProofSystem(follows, 0);
        prove(5, oracle.output(0).blockHash);
        vm.warp(1000 + WINDOW - 1);
        assertFalse(oracle.isFinal(0));
        assertFalse(oracle.isFinal(1));
        vm.warp(1000 + WINDOW);
        assertTrue(oracle.isFinal(1));
        (, uint256 latest) = oracle.latestFinalIndex();
        assertEq(latest, 1);
        prove(7, oracle.output(1).blockHash);
        assertTrue(oracle.isFinal(2));
    }

    function test_aWrongOutputTakesTheProvenOnesAlong() public {
        settle(3);
        oracle.setProofSystem(follows, 0);
        prove(5, oracle.output(0).blockHash);
        vm.startPrank(game);
        oracle.lock(0);
        vm.warp(2000);
        assertFalse(oracle.isFinal(1));
        oracle.remove(0, game);
        vm.stopPrank();
        assertEq(oracle.nextOutputIndex(), 0);
    }

    function test_earlierOutputsKeepTheirWindow() public {
        settle(3);
        oracle.setProofSystem(IProofVerifier(address(0)), 100);
        settle(5);
        vm.warp(1000 + WINDOW);
        assertTrue(oracle.isFinal(0));
        assertFalse(oracle.isFinal(1));
        vm.warp(1099);
        assertFalse(oracle.isFinal(1));
        vm.warp(1100);
        assertTrue(oracle.isFinal(1));
        assertEq(oracle.finalizationPeriodSeconds(), 100);
    }

    /// @dev Whatever is chosen when: nothing is final before all that it stands on.
    function testFuzz_finalityNeverLeavesAGap(uint256 seed) public {
        uint64 number = 0;
        for (uint256 step = 0; step < 12; ++step) {
            seed = uint256(keccak256(abi.encode(seed)));
            vm.warp(block.timestamp + (seed >> 8) % 15);
            if (seed % 3 == 0) {
                bool proven = (seed >> 64) % 2 == 0;
                uint64 window = proven ? 0 : uint64(1 + (seed >> 128) % 30);
                oracle.setProofSystem(
                    proven ? IProofVerifier(follows) : IProofVerifier(address(0)), window
                );
            } else {
                (bytes32 parent,,) = oracle.parentOf(oracle.nextOutputIndex());
                number += 2;
                prove(number, parent);
            }
            bool open = false;
            for (uint256 index = 0; index < oracle.nextOutputIndex(); ++index) {
                if (!oracle.isFinal(index)) open = true;
                else assertFalse(open);
            }
        }
    }

    function test_isTheGovernorsAlone() public {
        vm.prank(proposer);
        vm.expectRevert(
            abi.encodeWithSelector(OwnableUpgradeable.OwnableUnauthorizedAccount.selector, proposer)
        );
        oracle.setProofSystem(follows, 0);
        vm.expectRevert(IL2OutputOracle.WindowWithVerifier.selector);
        oracle.setProofSystem(follows, 1);
        vm.expectRevert(IL2OutputOracle.WindowWithVerifier.selector);
        oracle.setProofSystem(IProofVerifier(address(0)), 0);
    }
}
