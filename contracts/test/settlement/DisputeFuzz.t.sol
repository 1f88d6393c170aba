// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {IDisputeGame} from "../../src/settlement/interfaces/IDisputeGame.sol";
import {DisputeFixture} from "./DisputeFixture.sol";

/// @notice Whole games over chains of up to 1,000 blocks: who is honest wins, whatever the other one does.
contract DisputeFuzzTest is DisputeFixture {
    /// @dev What a hostile player's next move is drawn from.
    bytes32 private chance;

    function _draw(uint256 most) private returns (uint256) {
        chance = keccak256(abi.encode(chance));
        return uint256(chance) % most;
    }

    /// forge-config: default.fuzz.runs = 100
    function testFuzz_honestChallengerWins(
        bytes32 seed,
        uint64 last,
        uint64 first,
        uint8 kind,
        uint64 prior
    ) public {
        last = uint64(bound(last, 1, 1000));
        first = uint64(bound(first, 1, last));
        Lie lie = Lie(bound(kind, 1, uint256(type(Lie).max)));
        // the last block's number is what the oracle reads in its header
        if (lie == Lie.NUMBER && first == last) lie = Lie.RECEIPTS;
        prior = uint64(bound(prior, 0, first - 1));
        World memory world = worldOf(seed, last, lie, first, prior);
        uint256 index = settleWorld(world);
        chance = seed;

        uint256 id = challenge(index);
        _check(id, _playHostileProposer(world, id), last - prior);
        assertEq(uint8(phaseOf(id)), uint8(IDisputeGame.Phase.CHALLENGER_WON));
        assertEq(oracle.nextOutputIndex(), index);
        assertEq(disputes.credits(challenger), BOND);
        assertEq(challenger.balance, 1000 ether); // the output's bond in place of its own
        assertEq(address(disputes).balance, BOND);
        disputes.withdraw(payable(challenger));
        assertEq(challenger.balance, 1001 ether);
        assertEq(address(disputes).balance, 0);
    }

    /// forge-config: default.fuzz.runs = 100
    function testFuzz_honestProposerWins(bytes32 seed, uint64 last, uint64 prior) public {
        last = uint64(bound(last, 1, 1000));
        prior = uint64(bound(prior, 0, last - 1));
        World memory world = worldOf(seed, last, Lie.NONE, 0, prior);
        uint256 index = settleWorld(world);
        chance = seed;

        uint256 id = challenge(index);
        _check(id, _playHostileChallenger(world, id), last - prior);
        assertEq(uint8(phaseOf(id)), uint8(IDisputeGame.Phase.PROPOSER_WON));
        assertEq(oracle.nextOutputIndex(), index + 1);
        assertEq(oracle.locks(index), 0);
        assertEq(disputes.credits(proposer), BOND);
        assertEq(challenger.balance, 999 ether);
        assertEq(address(disputes).balance, BOND);
        vm.warp(block.timestamp + WINDOW);
        assertTrue(oracle.isFinal(index));
    }

    /// @dev As many rounds as halving takes, of blocks and then of transactions.
    function _check(uint256 id, uint256 rounds, uint256 blocks) private view {
        uint256 most = 0;
        while (1 << most < blocks) ++most;
        uint256 points = uint256(disputes.game(id).transactions) + 2;
        for (uint256 step = 1; step < points; step *= 2) {
            ++most;
        }
        assertLe(rounds, most);
    }

    function _playHostileProposer(World memory world, uint256 id) private returns (uint256 rounds) {
        while (true) {
            IDisputeGame.Game memory found = disputes.game(id);
            IDisputeGame.Phase phase = found.phase;
            if (phase == IDisputeGame.Phase.BLOCK_CLAIM || phase == IDisputeGame.Phase.STEP_CLAIM) {
                if (_draw(32) == 0) {
                    miss(id);
                    return rounds;
                }
                claim(id, _lieFor(world, found));
                ++rounds;
            } else if (phase == IDisputeGame.Phase.REVEAL) {
                if (!_tryReveal(world, found, id)) {
                    miss(id);
                    return rounds;
                }
            } else if (phase == IDisputeGame.Phase.STEP_VERDICT) {
                decideHonestly(world, id);
                return rounds;
            } else {
                answerHonestly(world, id);
            }
        }
    }

    /// @dev The tale that the output belongs to, most of the time; else the truth, or anything.
    function _lieFor(World memory world, IDisputeGame.Game memory found)
        private
        returns (bytes32 value)
    {
        uint256 choice = _draw(8);
        if (choice > 1 && found.blockNumber == 0) return world.told[(found.low + found.high) / 2];
        if (choice != 0) value = truthFor(world, found);
        if (choice == 0 || value == 0) value = keccak256(abi.encode(chance));
    }

    function _tryReveal(World memory world, IDisputeGame.Game memory found, uint256 id)
        private
        returns (bool)
    {
        uint32 transactions = countOf(world, found.high);
        if (_draw(4) == 0) transactions = uint32(_draw(100));
        bytes memory header = headerTold(world, found.high);
        vm.prank(proposer);
        try disputes.reveal(id, header, transactions) {
            return true;
        } catch {
            return false;
        }
    }

    function _playHostileChallenger(World memory world, uint256 id)
        private
        returns (uint256 rounds)
    {
        while (true) {
            IDisputeGame.Game memory found = disputes.game(id);
            IDisputeGame.Phase phase = found.phase;
            if (phase == IDisputeGame.Phase.BLOCK_CLAIM || phase == IDisputeGame.Phase.STEP_CLAIM) {
                claim(id, truthFor(world, found));
                ++rounds;
            } else if (phase == IDisputeGame.Phase.REVEAL) {
                revealTold(world, id, countOf(world, found.high));
            } else if (phase == IDisputeGame.Phase.STEP_VERDICT) {
                decideHonestly(world, id);
                return rounds;
            } else if (_draw(32) == 0) {
                miss(id);
                return rounds;
            } else {
                answer(id, _draw(2) == 0);
            }
        }
    }
}
