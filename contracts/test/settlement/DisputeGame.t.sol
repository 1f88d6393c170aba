// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {
    OwnableUpgradeable
} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {IRootVerifier} from "../../src/metalayer/interfaces/IRootVerifier.sol";
import {DisputeGame} from "../../src/settlement/DisputeGame.sol";
import {IDisputeGame} from "../../src/settlement/interfaces/IDisputeGame.sol";
import {IGuardianVerdicts} from "../../src/settlement/interfaces/IGuardianVerdicts.sol";
import {IL2OutputOracle} from "../../src/settlement/interfaces/IL2OutputOracle.sol";
import {
    DataQuestion,
    IDataDecider,
    IStepDecider,
    Step
} from "../../src/settlement/interfaces/IStepDecider.sol";
import {AwkwardChallenger, HostileOracle, OpenDecider} from "../mocks/Disputants.sol";
import {DisputeFixture} from "./DisputeFixture.sol";

contract DisputeGameTest is DisputeFixture {
    /// @dev A chain of eight blocks whose sixth has a false state root; settled as output 0.
    function _lie() private returns (World memory world, uint256 id) {
        world = worldOf("seed", 8, Lie.STATE_ROOT, 6, 0);
        settleWorld(world);
        id = challenge(0);
    }

    function _truth() private returns (World memory world, uint256 id) {
        world = worldOf("seed", 8, Lie.NONE, 0, 0);
        settleWorld(world);
        id = challenge(0);
    }

    /// @dev Both play their tale until the game is in `until`, or over.
    function _play(World memory world, uint256 id, IDisputeGame.Phase until) private {
        while (phaseOf(id) != until) {
            IDisputeGame.Game memory found = disputes.game(id);
            IDisputeGame.Phase phase = found.phase;
            uint64 middle = (found.low + found.high) / 2;
            if (phase == IDisputeGame.Phase.BLOCK_CLAIM) claim(id, world.told[middle]);
            else if (phase == IDisputeGame.Phase.REVEAL) revealTold(world, id, 3);
            else if (phase == IDisputeGame.Phase.STEP_CLAIM) claim(id, keccak256("state"));
            else answerHonestly(world, id);
        }
    }

    function _stepOf(uint256 id) private view returns (Step memory) {
        return disputes.stepOf(id);
    }

    // ------------------------------------------------------------ opening

    function test_challenge_opensAGameAndLocks() public {
        World memory world = worldOf("seed", 8, Lie.STATE_ROOT, 6, 3);
        settleWorld(world);
        uint64 deadline = uint64(block.timestamp) + 60;
        vm.expectEmit();
        emit IDisputeGame.ChallengeOpened(
            1, address(oracle), 1, ROLLUP, proposer, challenger, 3, 8, false, deadline
        );
        assertEq(challenge(1), 1);
        IDisputeGame.Game memory found = disputes.game(1);
        assertEq(uint8(found.phase), uint8(IDisputeGame.Phase.BLOCK_CLAIM));
        assertEq(found.agreed, world.told[3]);
        assertEq(found.disputed, world.told[8]);
        assertEq(found.batchCommitment, oracle.output(1).batchCommitment);
        assertEq(found.serial, 1);
        assertEq(disputes.games(), 1);
        assertEq(oracle.locks(1), 1);
        vm.warp(block.timestamp + 1 days);
        assertTrue(oracle.isFinal(0));
        assertFalse(oracle.isFinal(1));
    }

    function test_challenge_ofASingleBlockBeginsWithItsHeader() public {
        settleWorld(worldOf("seed", 8, Lie.NONE, 0, 7));
        uint256 id = challenge(1);
        assertEq(uint8(phaseOf(id)), uint8(IDisputeGame.Phase.REVEAL));
    }

    function test_challenge_revertsOnAnotherBond() public {
        settleWorld(worldOf("seed", 8, Lie.NONE, 0, 0));
        vm.prank(challenger);
        vm.expectRevert(
            abi.encodeWithSelector(IDisputeGame.WrongBond.selector, BOND - 1, uint256(BOND))
        );
        disputes.challenge{value: BOND - 1}(address(oracle), 0, 0);
    }

    function test_challenge_revertsOnNoSuchOutput() public {
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IL2OutputOracle.NoSuchOutput.selector, 0, 0));
        disputes.challenge{value: BOND}(address(oracle), 0, 0);
    }

    function test_challenge_revertsOnAnotherOutput() public {
        settleWorld(worldOf("seed", 8, Lie.NONE, 0, 3));
        (bytes32 first, bytes32 second) = (hashAt(0), hashAt(1));
        vm.startPrank(challenger);
        bytes memory another =
            abi.encodeWithSelector(IDisputeGame.AnotherOutput.selector, second, first);
        vm.expectRevert(another);
        disputes.challenge{value: BOND}(address(oracle), 1, first);
        vm.expectRevert(another);
        disputes.challengeData{value: BOND}(address(oracle), 1, first);
    }

    function test_challenge_inTheLastSecondAndNotLater() public {
        settleWorld(worldOf("seed", 8, Lie.NONE, 0, 3));
        vm.warp(block.timestamp + WINDOW - 1);
        challenge(1);
        vm.warp(block.timestamp + 1);
        bytes32 blockHash = hashAt(0);
        vm.prank(challenger);
        vm.expectRevert(
            abi.encodeWithSelector(IDisputeGame.OutputFinal.selector, address(oracle), 0)
        );
        disputes.challenge{value: BOND}(address(oracle), 0, blockHash);
        challenge(1); // still locked, so still open to others
    }

    // ------------------------------------------------------------ moves

    function test_claim_onlyTheProposersInTheMiddleInTime() public {
        (World memory world, uint256 id) = _lie();
        vm.expectRevert(
            abi.encodeWithSelector(IDisputeGame.NotYourMove.selector, address(this), proposer)
        );
        disputes.claim(id, 4, world.told[4]);
        vm.startPrank(proposer);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.WrongPosition.selector, 5, 4));
        disputes.claim(id, 5, world.told[5]);
        vm.expectRevert(IDisputeGame.ClaimZero.selector);
        disputes.claim(id, 4, 0);
        vm.expectRevert(
            abi.encodeWithSelector(
                IDisputeGame.WrongPhase.selector, id, IDisputeGame.Phase.BLOCK_CLAIM
            )
        );
        disputes.reveal(id, "", 0);
        uint64 deadline = disputes.game(id).deadline;
        vm.warp(deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.TooLate.selector, deadline));
        disputes.claim(id, 4, world.told[4]);
        vm.warp(deadline);
        vm.expectEmit();
        emit IDisputeGame.Claimed(id, 4, world.told[4], deadline + 60);
        disputes.claim(id, 4, world.told[4]);
        vm.expectRevert(
            abi.encodeWithSelector(
                IDisputeGame.WrongPhase.selector, id, IDisputeGame.Phase.BLOCK_ANSWER
            )
        );
        disputes.claim(id, 4, world.told[4]);
    }

    function test_answer_onlyTheChallengersToThatClaimInTime() public {
        (World memory world, uint256 id) = _lie();
        claim(id, world.told[4]);
        vm.prank(proposer);
        vm.expectRevert(
            abi.encodeWithSelector(IDisputeGame.NotYourMove.selector, proposer, challenger)
        );
        disputes.answer(id, world.told[4], true);
        vm.startPrank(challenger);
        vm.expectRevert(
            abi.encodeWithSelector(IDisputeGame.WrongClaim.selector, world.told[5], world.told[4])
        );
        disputes.answer(id, world.told[5], true);
        uint64 deadline = disputes.game(id).deadline;
        vm.warp(deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.TooLate.selector, deadline));
        disputes.answer(id, world.told[4], true);
        vm.warp(deadline);
        disputes.answer(id, world.told[4], true);
        IDisputeGame.Game memory found = disputes.game(id);
        assertEq(found.low, 4);
        assertEq(found.agreed, world.told[4]);
        assertEq(found.high, 8);
    }

    function test_reveal_mustBeTheDisputedBlock() public {
        (World memory world, uint256 id) = _lie();
        _play(world, id, IDisputeGame.Phase.REVEAL);
        assertEq(disputes.game(id).high, 6);
        bytes memory other = headerTold(world, 5);
        bytes memory header = headerTold(world, 6);
        vm.expectRevert(
            abi.encodeWithSelector(IDisputeGame.NotYourMove.selector, address(this), proposer)
        );
        disputes.reveal(id, header, 3);
        vm.startPrank(proposer);
        vm.expectRevert(
            abi.encodeWithSelector(
                IDisputeGame.NotTheBlock.selector, world.told[6], keccak256(other)
            )
        );
        disputes.reveal(id, other, 3);
        vm.expectRevert(
            abi.encodeWithSelector(IDisputeGame.TooManyTransactions.selector, 1048577, 1048576)
        );
        disputes.reveal(id, header, 1048577);
        disputes.reveal(id, header, 3);
        IDisputeGame.Game memory found = disputes.game(id);
        assertEq(found.blockNumber, 6);
        assertEq(found.low, 0);
        assertEq(found.high, 5);
        assertEq(found.parentHash, world.truth[5]);
        assertEq(found.blockHash, world.told[6]);
    }

    function test_reveal_refusesAnotherParentOrNumber() public {
        World memory world = worldOf("seed", 8, Lie.PARENT, 6, 0);
        settleWorld(world);
        uint256 id = challenge(0);
        _play(world, id, IDisputeGame.Phase.REVEAL);
        bytes memory header = headerTold(world, 6);
        vm.prank(proposer);
        vm.expectRevert(
            abi.encodeWithSelector(
                IDisputeGame.WrongParent.selector, world.truth[5], keccak256("elsewhere")
            )
        );
        disputes.reveal(id, header, 3);
        miss(id);
        assertEq(uint8(phaseOf(id)), uint8(IDisputeGame.Phase.CHALLENGER_WON));

        vm.warp(block.timestamp + 1);
        world = worldOf("seed", 8, Lie.NUMBER, 6, 0);
        proposeTold(world, 8);
        id = challenge(0);
        _play(world, id, IDisputeGame.Phase.REVEAL);
        header = headerTold(world, 6);
        vm.prank(proposer);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.WrongNumber.selector, 6, 7));
        disputes.reveal(id, header, 3);
    }

    // ------------------------------------------------------------ clocks

    function test_timeout_afterTheClockAndNotBefore() public {
        (World memory world, uint256 id) = _lie();
        uint64 deadline = disputes.game(id).deadline;
        vm.warp(deadline);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.TooEarly.selector, deadline));
        disputes.timeout(id);
        claim(id, world.told[4]);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.TooEarly.selector, deadline + 60));
        disputes.timeout(id);
        miss(id); // the challenger's
        assertEq(uint8(phaseOf(id)), uint8(IDisputeGame.Phase.PROPOSER_WON));
        assertEq(disputes.credits(proposer), BOND);
        vm.expectRevert(
            abi.encodeWithSelector(
                IDisputeGame.WrongPhase.selector, id, IDisputeGame.Phase.PROPOSER_WON
            )
        );
        disputes.timeout(id);
    }

    function test_timeout_costsTheProposerOutputAndBond() public {
        (, uint256 id) = _lie();
        vm.warp(disputes.game(id).deadline + 1);
        vm.expectEmit();
        emit IDisputeGame.GameClosed(id, IDisputeGame.Phase.CHALLENGER_WON, challenger, BOND, true);
        disputes.timeout(id);
        assertEq(oracle.nextOutputIndex(), 0);
        assertEq(disputes.credits(challenger), BOND);
        assertEq(challenger.balance, 1000 ether);
    }

    function test_timeout_waitsForAVerdictForever() public {
        (World memory world, uint256 id) = _lie();
        _play(world, id, IDisputeGame.Phase.STEP_VERDICT);
        vm.warp(block.timestamp + 365 days);
        vm.expectRevert(
            abi.encodeWithSelector(
                IDisputeGame.WrongPhase.selector, id, IDisputeGame.Phase.STEP_VERDICT
            )
        );
        disputes.timeout(id);
        assertFalse(oracle.isFinal(0));
    }

    // ------------------------------------------------------------ verdicts

    function test_decide_byAQuorumAlone() public {
        (World memory world, uint256 id) = _lie();
        _play(world, id, IDisputeGame.Phase.STEP_VERDICT);
        bytes32 digest = verdicts.stepDigest(_stepOf(id), false);
        bytes memory proof = abi.encode(signed(digest, members, 3));
        vm.expectPartialRevert(IRootVerifier.QuorumNotReached.selector);
        disputes.decide(id, false, proof);
        proof = abi.encode(signed(digest, members, 1));
        vm.expectRevert(IRootVerifier.InvalidSignature.selector);
        disputes.decide(id, true, proof); // not what they signed
        vm.expectRevert(IGuardianVerdicts.MalformedProof.selector);
        disputes.decide(id, false, "");
        disputes.decide(id, false, proof);
        assertEq(uint8(phaseOf(id)), uint8(IDisputeGame.Phase.CHALLENGER_WON));
        vm.expectRevert(
            abi.encodeWithSelector(
                IDisputeGame.WrongPhase.selector, id, IDisputeGame.Phase.CHALLENGER_WON
            )
        );
        disputes.decide(id, false, proof);
    }

    function test_decide_refusesForeignVerdicts() public {
        (World memory world, uint256 id) = _lie();
        _play(world, id, IDisputeGame.Phase.STEP_VERDICT);
        Step memory step = _stepOf(id);
        _refuseFor(id, step, keccak256(abi.encode("anything")));
        DataQuestion memory question;
        _refuseFor(id, step, verdicts.dataDigest(question, false));
        bytes32 what = keccak256(abi.encode(step));
        bytes32 foreign = keccak256("another network");
        _refuseFor(id, step, keccak256(abi.encodePacked(uint8(1), uint8(9), foreign, what, false)));
        _refuseFor(id, step, keccak256(abi.encodePacked(uint8(2), uint8(9), NETWORK, what, false)));
        step.game = address(makeGame());
        _refuseFor(id, step, verdicts.stepDigest(step, false));
        step = _stepOf(id);
        step.oracle = address(this);
        _refuseFor(id, step, verdicts.stepDigest(step, false));
        step = _stepOf(id);
        ++step.point;
        _refuseFor(id, step, verdicts.stepDigest(step, false));
    }

    function _refuseFor(uint256 id, Step memory, bytes32 digest) private {
        bytes memory proof = abi.encode(signed(digest, members, 0));
        vm.expectRevert(IRootVerifier.InvalidSignature.selector);
        disputes.decide(id, false, proof);
    }

    /// @dev Two games that come to the very same step: the verdict on one is none on the other.
    function test_decide_refusesTheVerdictOfAnotherGame() public {
        (World memory world, uint256 first) = _lie();
        uint256 second = challenge(0);
        _play(world, first, IDisputeGame.Phase.STEP_VERDICT);
        _play(world, second, IDisputeGame.Phase.STEP_VERDICT);
        Step memory step = _stepOf(first);
        Step memory other = _stepOf(second);
        assertEq(step.disputed, other.disputed);
        assertEq(step.point, other.point);
        bytes memory proof = verdictOn(step, false);
        vm.expectRevert(IRootVerifier.InvalidSignature.selector);
        disputes.decide(second, false, proof);
        disputes.decide(first, false, proof);
    }

    function test_decide_bySomethingElseBehindTheSameInterface() public {
        OpenDecider other = new OpenDecider();
        disputes.setDeciders(other, other);
        (World memory world, uint256 id) = _lie();
        _play(world, id, IDisputeGame.Phase.STEP_VERDICT);
        bytes memory guardians = verdictOn(_stepOf(id), false);
        vm.expectRevert(OpenDecider.NotShown.selector);
        disputes.decide(id, false, guardians);
        disputes.decide(id, false, abi.encode(false));
        assertEq(uint8(phaseOf(id)), uint8(IDisputeGame.Phase.CHALLENGER_WON));
    }

    /// @dev A proposer who says a false number of transactions of a false block gains nothing by it.
    function testFuzz_decide_aFalseNumberOfTransactions(uint32 transactions, bytes32 seed) public {
        transactions = uint32(bound(transactions, 0, 1048576));
        World memory world = worldOf(seed, 2, Lie.STATE_ROOT, 2, 1);
        settleWorld(world);
        uint256 id = challenge(1);
        revealTold(world, id, transactions);
        while (phaseOf(id) != IDisputeGame.Phase.STEP_VERDICT) {
            bytes32 value = truthFor(world, disputes.game(id));
            claim(id, value == 0 ? keccak256("made up") : value);
            answerHonestly(world, id);
        }
        decideHonestly(world, id);
        assertEq(uint8(phaseOf(id)), uint8(IDisputeGame.Phase.CHALLENGER_WON));
    }

    // ------------------------------------------------------------ data

    function test_challengeData_shownInTime() public {
        settleWorld(worldOf("seed", 8, Lie.NONE, 0, 3));
        uint256 id = askForData(challenger, 1);
        DataQuestion memory question = disputes.questionOf(id);
        assertEq(question.firstBlock, 4);
        assertEq(question.lastBlock, 8);
        vm.expectEmit();
        emit IDisputeGame.DataShown(id, keccak256("the channel"));
        disputes.showData(id, "the channel");
        bytes memory proof = abi.encode(signed(verdicts.dataDigest(question, true), members, 0));
        disputes.decideData(id, true, proof);
        assertEq(uint8(phaseOf(id)), uint8(IDisputeGame.Phase.PROPOSER_WON));
        assertEq(disputes.credits(proposer), BOND);
        assertEq(oracle.locks(1), 0);
        vm.expectRevert(
            abi.encodeWithSelector(
                IDisputeGame.WrongPhase.selector, id, IDisputeGame.Phase.PROPOSER_WON
            )
        );
        disputes.showData(id, "the channel");
    }

    function test_challengeData_unavailableOnlyAfterTheWindow() public {
        settleWorld(worldOf("seed", 8, Lie.NONE, 0, 3));
        uint256 id = askForData(challenger, 1);
        DataQuestion memory question = disputes.questionOf(id);
        bytes memory proof = abi.encode(signed(verdicts.dataDigest(question, false), members, 0));
        uint64 deadline = disputes.game(id).deadline;
        vm.warp(deadline);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.TooEarly.selector, deadline));
        disputes.decideData(id, false, proof);
        vm.warp(deadline + 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IDisputeGame.WrongPhase.selector, id, IDisputeGame.Phase.DATA_VERDICT
            )
        );
        disputes.timeout(id); // silence is no verdict
        vm.expectRevert(IRootVerifier.InvalidSignature.selector);
        disputes.decideData(id, true, proof);
        disputes.decideData(id, false, proof);
        assertEq(uint8(phaseOf(id)), uint8(IDisputeGame.Phase.CHALLENGER_WON));
        assertEq(oracle.nextOutputIndex(), 1);
        assertEq(challenger.balance, 1000 ether);
        assertEq(disputes.credits(challenger), BOND);
    }

    function test_decideData_isNoVerdictOnASettledGameNorOnASteps() public {
        (, uint256 id) = _lie();
        vm.expectRevert(
            abi.encodeWithSelector(
                IDisputeGame.WrongPhase.selector, id, IDisputeGame.Phase.BLOCK_CLAIM
            )
        );
        disputes.decideData(id, false, "");
        vm.expectRevert(
            abi.encodeWithSelector(
                IDisputeGame.WrongPhase.selector, id, IDisputeGame.Phase.BLOCK_CLAIM
            )
        );
        disputes.questionOf(id);
        vm.expectRevert(
            abi.encodeWithSelector(
                IDisputeGame.WrongPhase.selector, id, IDisputeGame.Phase.BLOCK_CLAIM
            )
        );
        disputes.stepOf(id);
    }

    // ------------------------------------------------------------ several games

    /// @dev A proposer's friend loses on purpose: it takes the output no nearer to being final.
    function test_losingOnPurposeKeepsNobodyOut() public {
        (World memory world, uint256 honest) = _lie();
        address friend = makeAddr("friend");
        vm.deal(friend, BOND);
        uint256 bogus = challengeAs(friend, 0);
        claim(bogus, world.told[4]);
        claim(honest, world.told[4]);
        answer(honest, true);
        miss(bogus);
        assertEq(uint8(phaseOf(bogus)), uint8(IDisputeGame.Phase.PROPOSER_WON));
        assertEq(oracle.locks(0), 1);
        assertFalse(oracle.isFinal(0));
        disputes.timeout(honest); // the proposer missed its move there meanwhile
        assertEq(uint8(phaseOf(honest)), uint8(IDisputeGame.Phase.CHALLENGER_WON));
        assertEq(oracle.nextOutputIndex(), 0);
    }

    function test_close_givesTheBondBackWhenAnotherGameWon() public {
        (, uint256 first) = _lie();
        address other = makeAddr("other");
        vm.deal(other, BOND);
        uint256 second = challengeAs(other, 0);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.OutputStands.selector, second));
        disputes.close(second);
        miss(first);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.OutputGone.selector, second));
        disputes.timeout(second);
        disputes.close(second);
        assertEq(uint8(phaseOf(second)), uint8(IDisputeGame.Phase.VOIDED));
        assertEq(disputes.credits(other), BOND);
        vm.expectRevert(
            abi.encodeWithSelector(
                IDisputeGame.WrongPhase.selector, second, IDisputeGame.Phase.VOIDED
            )
        );
        disputes.close(second);
    }

    /// @dev A game about a later output goes with the earlier one, and never meets what takes its index.
    function test_close_neverMeetsTheNextOutputOfThatIndex() public {
        World memory world = worldOf("seed", 8, Lie.STATE_ROOT, 2, 3);
        settleWorld(world);
        uint256 later = challenge(1);
        uint256 earlier = challenge(0);
        miss(earlier);
        assertEq(oracle.nextOutputIndex(), 0);
        world = worldOf("seed", 8, Lie.NONE, 0, 3);
        proposeTold(world, 3);
        proposeTold(world, 8);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.OutputGone.selector, later));
        disputes.timeout(later);
        disputes.close(later);
        assertEq(oracle.nextOutputIndex(), 2);
        assertEq(disputes.credits(challenger), 2 * BOND);
    }

    // ------------------------------------------------------------ money

    function test_withdraw_onceAndToItsOwner() public {
        (, uint256 id) = _lie();
        miss(id);
        vm.expectEmit();
        emit IDisputeGame.Withdrawn(challenger, BOND);
        disputes.withdraw(payable(challenger));
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.NothingToWithdraw.selector, challenger));
        disputes.withdraw(payable(challenger));
    }

    function test_withdraw_oneWhoTakesNothingStopsNothing() public {
        settleWorld(worldOf("seed", 8, Lie.STATE_ROOT, 6, 0));
        AwkwardChallenger awkward = new AwkwardChallenger{value: BOND}(disputes, false);
        uint256 id = awkward.challenge(address(oracle), 0);
        miss(id);
        assertEq(oracle.nextOutputIndex(), 0);
        assertEq(disputes.credits(address(awkward)), BOND);
        assertEq(oracle.owed(address(awkward)), 1 ether);
        vm.expectRevert(
            abi.encodeWithSelector(IDisputeGame.PaymentFailed.selector, address(awkward))
        );
        disputes.withdraw(payable(address(awkward)));
        assertEq(disputes.credits(address(awkward)), BOND);
    }

    function test_withdraw_oneWhoComesBackGetsItOnce() public {
        settleWorld(worldOf("seed", 8, Lie.STATE_ROOT, 6, 0));
        challenge(0); // money that is not its own
        AwkwardChallenger awkward = new AwkwardChallenger{value: BOND}(disputes, true);
        uint256 id = awkward.challenge(address(oracle), 0);
        miss(id);
        disputes.withdraw(payable(address(awkward)));
        assertEq(awkward.attempts(), 1);
        assertEq(address(awkward).balance, 2 ether);
        assertEq(address(disputes).balance, BOND);
    }

    /// @dev An oracle of somebody's own gets at no money but that of games about it.
    function test_hostileOracle_getsNothing() public {
        _lie();
        HostileOracle hostile = new HostileOracle(disputes);
        bytes[] memory calls = new bytes[](6);
        calls[0] = abi.encodeCall(IDisputeGame.timeout, (2));
        calls[1] = abi.encodeCall(IDisputeGame.close, (2));
        calls[2] = abi.encodeCall(IDisputeGame.withdraw, (payable(address(hostile))));
        calls[3] = abi.encodeCall(IDisputeGame.close, (1));
        calls[4] = abi.encodeCall(IDisputeGame.timeout, (1));
        calls[5] = abi.encodeCall(IDisputeGame.decide, (2, true, ""));
        hostile.arm(calls);
        vm.prank(challenger);
        uint256 id = disputes.challenge{value: BOND}(address(hostile), 0, keccak256("block"));
        assertEq(hostile.succeeded(), 0);
        vm.warp(disputes.game(id).deadline + 1);
        disputes.timeout(id);
        // game 1 ran out of time too: what the hostile one ended there was anybody's to end
        assertEq(hostile.succeeded(), 1);
        assertEq(address(hostile).balance, 0);
        assertEq(disputes.credits(challenger), 2 * BOND);
        assertEq(address(disputes).balance, 2 * BOND);
    }

    // ------------------------------------------------------------ rules

    function test_setRules_ofLaterGamesAlone() public {
        (World memory world, uint256 id) = _lie();
        disputes.setRules(3 ether, 5, 7);
        OpenDecider other = new OpenDecider();
        disputes.setDeciders(other, other);
        assertEq(disputes.game(id).decider, address(verdicts));
        claim(id, world.told[4]);
        assertEq(disputes.game(id).deadline, block.timestamp + 60);
        uint256 later = challenge(0);
        assertEq(disputes.game(later).deadline, block.timestamp + 5);
        miss(id);
        assertEq(disputes.credits(proposer), BOND);
    }

    function test_setRules_areTheOwnersAndNotZero() public {
        vm.startPrank(challenger);
        bytes memory unauthorised = abi.encodeWithSelector(
            OwnableUpgradeable.OwnableUnauthorizedAccount.selector, challenger
        );
        vm.expectRevert(unauthorised);
        disputes.setRules(1, 1, 1);
        vm.expectRevert(unauthorised);
        disputes.setDeciders(verdicts, verdicts);
        vm.stopPrank();
        vm.expectRevert(IDisputeGame.RuleZero.selector);
        disputes.setRules(0, 1, 1);
        vm.expectRevert(IDisputeGame.RuleZero.selector);
        disputes.setRules(1, 0, 1);
        vm.expectRevert(IDisputeGame.RuleZero.selector);
        disputes.setRules(1, 1, 0);
        vm.expectRevert(IDisputeGame.RuleZero.selector);
        disputes.setDeciders(IStepDecider(address(0)), IDataDecider(address(verdicts)));
        vm.expectRevert(IDisputeGame.RuleZero.selector);
        disputes.setDeciders(IStepDecider(address(verdicts)), IDataDecider(address(0)));
    }

    function test_stateClaim_isAsTheFormatsSay() public view {
        assertEq(
            disputes.stateClaim(keccak256("root"), 21_000, keccak256("logs")),
            keccak256(abi.encodePacked(keccak256("root"), uint256(21_000), keccak256("logs")))
        );
    }
}
