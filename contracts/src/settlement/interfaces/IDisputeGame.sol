// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {DataQuestion, IDataDecider, IStepDecider, Step} from "./IStepDecider.sol";

/// @title Disputes about outputs of rollups
/// @notice A challenger says that an output is none of the chain that the inbox's data give. Proposer and challenger
/// then halve what they disagree on, block hashes first, transactions of one block afterwards, each within a clock;
/// a decider has the last word on a single step. Who misses a move or is wrong loses the bond to the other one
/// (docs/concepts/disputes.md).
/// @dev Games on the same output go on side by side, so that nobody can keep an honest challenger out by losing
/// a game on purpose; the output stays locked until the last one ends. What is won is drawn with {withdraw}: no
/// receiver can stop a game. The bonds of proposers lie with the oracle.
interface IDisputeGame {
    /// @notice Where a game stands, and whose move it is.
    /// @dev NONE: no such game. BLOCK_CLAIM: the proposer's {claim} of the hash of block `(low + high) / 2`.
    /// BLOCK_ANSWER: the challenger's {answer} to it. REVEAL: the proposer's {reveal} of block `high`. STEP_CLAIM,
    /// STEP_ANSWER: as before, of points of that block. STEP_VERDICT: anybody's {decide}. DATA_VERDICT: anybody's
    /// {decideData}. The others are ends; VOIDED when the output went away by another game.
    enum Phase {
        NONE,
        BLOCK_CLAIM,
        BLOCK_ANSWER,
        REVEAL,
        STEP_CLAIM,
        STEP_ANSWER,
        STEP_VERDICT,
        DATA_VERDICT,
        PROPOSER_WON,
        CHALLENGER_WON,
        VOIDED
    }

    /// @notice A game.
    /// @param phase Where it stands.
    /// @param deadline Last second, of the L1's time, for the move that is due; in DATA_VERDICT until when the
    /// verdict can't be "not available"; 0 when no clock runs.
    /// @param moveWindow Seconds for each move, as they were when the game was opened.
    /// @param low Block, or point of the block, that both agree on.
    /// @param high Block, or point of the block, that they disagree on.
    /// @param oracle Whose output is disputed.
    /// @param serial Of the output, by which it is known again.
    /// @param index Of the output.
    /// @param chainId Of the rollup.
    /// @param proposer Who proposed the output.
    /// @param blockNumber The single block that remained; 0 before {reveal}.
    /// @param transactions How many it has, by the proposer's word.
    /// @param challenger Who opened the game.
    /// @param bond The challenger's, in wei.
    /// @param decider {IStepDecider} or {IDataDecider} of this game.
    /// @param agreed Value at `low`: a block hash, or a claim of a state.
    /// @param disputed Value at `high`.
    /// @param claimed The last value that was claimed in between; in an ANSWER phase it waits for one.
    /// @param batchCommitment Of the output.
    /// @param parentHash Of the single block.
    /// @param blockHash Of the single block.
    struct Game {
        Phase phase;
        uint64 deadline;
        uint32 moveWindow;
        uint64 low;
        uint64 high;
        address oracle;
        uint64 serial;
        uint256 index;
        uint256 chainId;
        address proposer;
        uint64 blockNumber;
        uint32 transactions;
        address challenger;
        uint96 bond;
        address decider;
        bytes32 agreed;
        bytes32 disputed;
        bytes32 claimed;
        bytes32 batchCommitment;
        bytes32 parentHash;
        bytes32 blockHash;
    }

    /// @notice A game was opened. `low` is the block of the output before, `high` that of the disputed one.
    /// @param data Whether it is about data ({challengeData}).
    event ChallengeOpened(
        uint256 indexed gameId,
        address indexed oracle,
        uint256 indexed index,
        uint256 chainId,
        address proposer,
        address challenger,
        uint64 low,
        uint64 high,
        bool data,
        uint64 deadline
    );

    /// @notice The proposer claimed a value at `position`: a block's number, or a point once the block is revealed.
    event Claimed(uint256 indexed gameId, uint64 position, bytes32 value, uint64 deadline);

    /// @notice The challenger answered the claim at `position`.
    event Answered(uint256 indexed gameId, uint64 position, bool agrees, uint64 deadline);

    /// @notice The proposer showed the header of the single block that remained.
    event Revealed(
        uint256 indexed gameId,
        uint64 blockNumber,
        uint32 transactions,
        bytes header,
        uint64 deadline
    );

    /// @notice A single step remained: a decider has to say whether `disputed` is right.
    event VerdictAwaited(uint256 indexed gameId, Step step);

    /// @notice Somebody showed data that were asked for; they are in the transaction's calldata.
    event DataShown(uint256 indexed gameId, bytes32 dataHash);

    /// @notice A game ended. `winner` is credited with `amount` wei; of a VOIDED one that is the challenger.
    /// @param byTimeout Whether it ended because a move was missed.
    event GameClosed(
        uint256 indexed gameId, Phase phase, address indexed winner, uint256 amount, bool byTimeout
    );

    /// @notice Somebody drew what was credited.
    event Withdrawn(address indexed account, uint256 amount);

    /// @notice The rules of games opened from now on.
    event RulesChanged(uint96 bond, uint32 moveWindow, uint32 dataWindow);

    /// @notice The deciders of games opened from now on.
    event DecidersChanged(IStepDecider stepDecider, IDataDecider dataDecider);

    /// @notice Exactly the bond must be sent.
    error WrongBond(uint256 sent, uint256 bond);
    /// @notice The output is final: no game can take it away.
    error OutputFinal(address oracle, uint256 index);
    /// @notice Another output stands at this index than the one that was meant.
    error AnotherOutput(bytes32 blockHash, bytes32 given);
    /// @notice The output does not follow on the one before.
    error NothingToDispute(uint64 low, uint64 high);
    /// @notice The game is not in a phase in which this can be done.
    error WrongPhase(uint256 gameId, Phase phase);
    /// @notice It is somebody else's move.
    error NotYourMove(address sender, address expected);
    /// @notice The move comes after its clock ran out.
    error TooLate(uint64 deadline);
    /// @notice The clock still runs.
    error TooEarly(uint64 deadline);
    /// @notice Not the middle, which is the only place where a claim can be made.
    error WrongPosition(uint64 given, uint64 expected);
    /// @notice A claim is never zero.
    error ClaimZero();
    /// @notice Another claim stands than the one that was answered.
    error WrongClaim(bytes32 given, bytes32 claimed);
    /// @notice The header is not that of the disputed block.
    error NotTheBlock(bytes32 expected, bytes32 given);
    /// @notice The block's parent is not the agreed one.
    error WrongParent(bytes32 expected, bytes32 given);
    /// @notice The block's number does not follow on the agreed one's.
    error WrongNumber(uint256 expected, uint256 given);
    /// @notice More transactions than any block has.
    error TooManyTransactions(uint32 given, uint32 most);
    /// @notice The output is still there.
    error OutputStands(uint256 gameId);
    /// @notice The output went away; all that can be done is {close}.
    error OutputGone(uint256 gameId);
    /// @notice Nothing is credited.
    error NothingToWithdraw(address account);
    /// @notice The receiver did not take the coin.
    error PaymentFailed(address account);
    /// @notice A bond, a window or a decider of zero.
    error RuleZero();

    /// @notice Disputes output `index` of `oracle`: opens a game. Send exactly {bond}. It can be done as long as
    /// the output is not final, whatever other games go on about it.
    /// @dev By it the challenger agrees with the output before: of several false outputs the first is to be disputed.
    /// @param blockHash Of the output, so that no challenge ever meets another one that took its index.
    function challenge(address oracle, uint256 index, bytes32 blockHash)
        external
        payable
        returns (uint256 gameId);

    /// @notice Says that data of the blocks between the output before and output `index` can't be had. Send
    /// exactly {bond}. Verdict "available": the bond is the proposer's; "not available", which can't be given
    /// before {dataWindow} ended: the output goes.
    function challengeData(address oracle, uint256 index, bytes32 blockHash)
        external
        payable
        returns (uint256 gameId);

    /// @notice The proposer's move: the value at the middle between `low` and `high`.
    /// @param position That middle, rounded down.
    /// @param value A block's hash; once the block is revealed, a {stateClaim}.
    function claim(uint256 gameId, uint64 position, bytes32 value) external;

    /// @notice The challenger's move: whether the value that was claimed is right.
    /// @param value The claim that is answered, so that no answer ever meets another one.
    function answer(uint256 gameId, bytes32 value, bool agrees) external;

    /// @notice The proposer's move when a single block remains: shows its header.
    /// @param header RLP; its hash must be the disputed one, its parent the agreed block, its number the next.
    /// @param transactions How many transactions the block has. A false number wins nothing: see {Step}.
    function reveal(uint256 gameId, bytes calldata header, uint32 transactions) external;

    /// @notice Ends a game by the decider's word on its last step. Anybody's.
    /// @param right Whether the disputed value is right: the proposer wins.
    function decide(uint256 gameId, bool right, bytes calldata proof) external;

    /// @notice Ends a game about data by the decider's word. Anybody's.
    function decideData(uint256 gameId, bool available, bytes calldata proof) external;

    /// @notice Puts data that somebody asks for onto the L1, where everybody can read them. Anybody's; whether
    /// they are what the inbox committed to the decider looks at.
    function showData(uint256 gameId, bytes calldata data) external;

    /// @notice Ends a game whose move was not made in time: who had to make it loses. Anybody's.
    function timeout(uint256 gameId) external;

    /// @notice Ends a game whose output another game took away: the challenger's bond goes back. Anybody's.
    function close(uint256 gameId) external;

    /// @notice Sends `account` what is credited to it. Anybody's.
    function withdraw(address payable account) external;

    /// @notice Rules of games opened from now on. Only the owner's.
    /// @param bond Wei. @param moveWindow Seconds for a move. @param dataWindow Seconds to show data.
    function setRules(uint96 bond, uint32 moveWindow, uint32 dataWindow) external;

    /// @notice Deciders of games opened from now on. Only the owner's.
    function setDeciders(IStepDecider stepDecider, IDataDecider dataDecider) external;

    /// @notice A game; all zero when there is none with this id.
    function game(uint256 gameId) external view returns (Game memory);

    /// @notice How many games were opened. Their ids are 1 to this.
    function games() external view returns (uint256);

    /// @notice What the decider is asked in STEP_VERDICT.
    function stepOf(uint256 gameId) external view returns (Step memory);

    /// @notice What the decider is asked in DATA_VERDICT.
    function questionOf(uint256 gameId) external view returns (DataQuestion memory);

    /// @notice A claim between two transactions: `keccak(abi.encode(stateRoot, cumulativeGasUsed, logsHash))`.
    /// @param stateRoot After the transactions so far; before the first one, after what begins the block.
    /// @param cumulativeGasUsed Of the transactions so far.
    /// @param logsHash 0 before the first transaction, then `keccak(logsHash ‖ keccak(RLP of its list of logs))`.
    function stateClaim(bytes32 stateRoot, uint256 cumulativeGasUsed, bytes32 logsHash)
        external
        pure
        returns (bytes32);

    /// @notice Wei credited to `account`.
    function credits(address account) external view returns (uint256);

    /// @notice Bond of a challenger, in wei.
    function bond() external view returns (uint96);

    /// @notice Seconds for a move.
    function moveWindow() external view returns (uint32);

    /// @notice Seconds to show data.
    function dataWindow() external view returns (uint32);

    /// @notice Most transactions that a block can be said to have.
    function MAX_TRANSACTIONS() external view returns (uint32);

    function stepDecider() external view returns (IStepDecider);

    function dataDecider() external view returns (IDataDecider);
}
