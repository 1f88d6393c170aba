// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {console} from "forge-std/console.sol";
import {IDisputeGame} from "../../src/settlement/interfaces/IDisputeGame.sol";
import {Step} from "../../src/settlement/interfaces/IStepDecider.sol";
import {DisputeFixture} from "./DisputeFixture.sol";

/// @notice What a dispute over 1,000 blocks and a block with 100 transactions costs, everything included: each call
/// is a transaction of its own, from cold storage. The bounds leave a little room.
/// forge-config: default.isolate = true
contract DisputeGasTest is DisputeFixture {
    uint32 private constant TRANSACTIONS = 100;

    uint256 private proposers;
    uint256 private challengers;
    uint256 private moves;

    function test_gas_ofAWholeDispute() public {
        World memory world = worldOf("gas", 1000, Lie.STATE_ROOT, 617, 0);
        settleWorld(world);
        uint256 id = challenge(0);
        _atMost("challenge", 390_000);
        challengers += _last();
        while (phaseOf(id) != IDisputeGame.Phase.STEP_VERDICT) _move(world, id);
        assertEq(moves, 2 * (10 + 7) + 1);
        Step memory step = disputes.stepOf(id);
        disputes.decide(id, false, abi.encode(signed(verdicts.stepDigest(step, false), members, 1)));
        _atMost("decide, one guardian of four absent", 350_000);
        console.log("moves", moves);
        console.log("proposer, all moves", proposers);
        console.log("challenger, all moves and the challenge", challengers);
        assertLe(proposers, 920_000);
        assertLe(challengers, 1_220_000);
    }

    function test_gas_ofData() public {
        settleWorld(worldOf("gas", 1000, Lie.NONE, 0, 0));
        uint256 id = askForData(challenger, 0);
        _atMost("challengeData", 390_000);
        bytes memory proof =
            abi.encode(signed(verdicts.dataDigest(disputes.questionOf(id), true), members, 0));
        disputes.decideData(id, true, proof);
        _atMost("decideData, nobody absent", 320_000);
        disputes.withdraw(payable(proposer));
        _atMost("withdraw", 40_000);
    }

    /// @dev The disputed state is that after the first transactions, so that the first claims are right.
    function _move(World memory world, uint256 id) private {
        IDisputeGame.Game memory found = disputes.game(id);
        IDisputeGame.Phase phase = found.phase;
        uint64 middle = (found.low + found.high) / 2;
        ++moves;
        if (phase == IDisputeGame.Phase.BLOCK_CLAIM) {
            claim(id, world.told[middle]);
        } else if (phase == IDisputeGame.Phase.STEP_CLAIM) {
            claim(id, keccak256(abi.encode("state", middle)));
        } else if (phase == IDisputeGame.Phase.REVEAL) {
            revealTold(world, id, TRANSACTIONS);
            console.log("reveal", _last());
        } else {
            bool agrees = phase == IDisputeGame.Phase.BLOCK_ANSWER
                ? found.claimed == world.truth[middle]
                : middle < 73;
            answer(id, agrees);
            challengers += _last();
            return;
        }
        proposers += _last();
    }

    function _last() private view returns (uint256) {
        return vm.lastCallGas().gasTotalUsed;
    }

    function _atMost(string memory what, uint256 most) private {
        uint256 used = _last();
        console.log(what, used);
        assertLe(used, most, what);
    }
}
