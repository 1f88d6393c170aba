// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {BlockHeader} from "@openzeppelin/contracts/utils/BlockHeader.sol";
import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";
import {Governed} from "../metalayer/Governed.sol";
import {IDisputeGame} from "./interfaces/IDisputeGame.sol";
import {IL2OutputOracle} from "./interfaces/IL2OutputOracle.sol";
import {DataQuestion, IDataDecider, IStepDecider, Step} from "./interfaces/IStepDecider.sol";

/// @title DisputeGame
/// @notice Implements {IDisputeGame}, which documents it.
/// @dev Oracles are not trusted with more than their own outputs: a game's money is this contract's own account,
/// and every call of an oracle that is no view comes last.
contract DisputeGame is IDisputeGame, Governed {
    /// @inheritdoc IDisputeGame
    uint32 public constant override MAX_TRANSACTIONS = 1 << 20;

    /// @inheritdoc IDisputeGame
    uint96 public override bond;
    /// @inheritdoc IDisputeGame
    uint32 public override moveWindow;
    /// @inheritdoc IDisputeGame
    uint32 public override dataWindow;
    /// @inheritdoc IDisputeGame
    IStepDecider public override stepDecider;
    /// @inheritdoc IDisputeGame
    IDataDecider public override dataDecider;
    /// @inheritdoc IDisputeGame
    uint256 public override games;
    /// @inheritdoc IDisputeGame
    mapping(address account => uint256) public override credits;

    mapping(uint256 gameId => Game) private _games;

    /// @param decider_ Decides steps and data, both.
    function initialize(address owner_, address decider_) external initializer {
        __Ownable_init(owner_);
        _setRules(1 ether, 60, 60);
        _setDeciders(IStepDecider(decider_), IDataDecider(decider_));
    }

    // ------------------------------------------------------------ opening

    /// @inheritdoc IDisputeGame
    function challenge(address oracle, uint256 index, bytes32 blockHash)
        external
        payable
        override
        returns (uint256 gameId)
    {
        Game storage found;
        (gameId, found) = _open(oracle, index, blockHash);
        found.decider = address(stepDecider);
        _next(found, Phase.BLOCK_CLAIM, Phase.REVEAL);
        _announce(gameId, found, false);
        IL2OutputOracle(oracle).lock(index);
    }

    /// @inheritdoc IDisputeGame
    function challengeData(address oracle, uint256 index, bytes32 blockHash)
        external
        payable
        override
        returns (uint256 gameId)
    {
        Game storage found;
        (gameId, found) = _open(oracle, index, blockHash);
        found.decider = address(dataDecider);
        found.phase = Phase.DATA_VERDICT;
        found.deadline = uint64(block.timestamp) + dataWindow;
        _announce(gameId, found, true);
        IL2OutputOracle(oracle).lock(index);
    }

    // ------------------------------------------------------------ moves

    /// @inheritdoc IDisputeGame
    function claim(uint256 gameId, uint64 position, bytes32 value) external override {
        Game storage found = _games[gameId];
        Phase phase = found.phase;
        if (phase != Phase.BLOCK_CLAIM && phase != Phase.STEP_CLAIM) {
            revert WrongPhase(gameId, phase);
        }
        _checkMove(found, found.proposer);
        uint64 middle = _middle(found);
        if (position != middle) revert WrongPosition(position, middle);
        if (value == 0) revert ClaimZero();
        found.claimed = value;
        found.phase = phase == Phase.BLOCK_CLAIM ? Phase.BLOCK_ANSWER : Phase.STEP_ANSWER;
        found.deadline = _clock(found);
        emit Claimed(gameId, position, value, found.deadline);
    }

    /// @inheritdoc IDisputeGame
    function answer(uint256 gameId, bytes32 value, bool agrees) external override {
        Game storage found = _games[gameId];
        Phase phase = found.phase;
        if (phase != Phase.BLOCK_ANSWER && phase != Phase.STEP_ANSWER) {
            revert WrongPhase(gameId, phase);
        }
        _checkMove(found, found.challenger);
        if (value != found.claimed) revert WrongClaim(value, found.claimed);
        uint64 middle = _middle(found);
        if (agrees) {
            (found.low, found.agreed) = (middle, value);
        } else {
            (found.high, found.disputed) = (middle, value);
        }
        if (phase == Phase.BLOCK_ANSWER) {
            _next(found, Phase.BLOCK_CLAIM, Phase.REVEAL);
        } else {
            _next(found, Phase.STEP_CLAIM, Phase.STEP_VERDICT);
        }
        emit Answered(gameId, middle, agrees, found.deadline);
        if (found.phase == Phase.STEP_VERDICT) emit VerdictAwaited(gameId, _stepOf(gameId, found));
    }

    /// @inheritdoc IDisputeGame
    function reveal(uint256 gameId, bytes calldata header, uint32 transactions) external override {
        Game storage found = _games[gameId];
        if (found.phase != Phase.REVEAL) revert WrongPhase(gameId, found.phase);
        _checkMove(found, found.proposer);
        if (transactions > MAX_TRANSACTIONS) {
            revert TooManyTransactions(transactions, MAX_TRANSACTIONS);
        }
        uint64 number = found.high;
        _checkHeader(header, found.disputed, found.agreed, number);
        found.blockNumber = number;
        found.transactions = transactions;
        found.parentHash = found.agreed;
        found.blockHash = found.disputed;
        found.low = 0;
        found.high = uint64(transactions) + 2;
        found.phase = Phase.STEP_CLAIM;
        found.deadline = _clock(found);
        emit Revealed(gameId, number, transactions, header, found.deadline);
    }

    // ------------------------------------------------------------ ends

    /// @inheritdoc IDisputeGame
    function decide(uint256 gameId, bool right, bytes calldata proof) external override {
        Game storage found = _games[gameId];
        if (found.phase != Phase.STEP_VERDICT) revert WrongPhase(gameId, found.phase);
        IStepDecider(found.decider).checkStep(_stepOf(gameId, found), right, proof);
        _finish(gameId, found, right, false);
    }

    /// @inheritdoc IDisputeGame
    function decideData(uint256 gameId, bool available, bytes calldata proof) external override {
        Game storage found = _games[gameId];
        if (found.phase != Phase.DATA_VERDICT) revert WrongPhase(gameId, found.phase);
        if (!available && block.timestamp <= found.deadline) revert TooEarly(found.deadline);
        IDataDecider(found.decider).checkData(_questionOf(gameId, found), available, proof);
        _finish(gameId, found, available, false);
    }

    /// @inheritdoc IDisputeGame
    function showData(uint256 gameId, bytes calldata data) external override {
        Phase phase = _games[gameId].phase;
        if (phase != Phase.DATA_VERDICT) revert WrongPhase(gameId, phase);
        emit DataShown(gameId, keccak256(data));
    }

    /// @inheritdoc IDisputeGame
    function timeout(uint256 gameId) external override {
        Game storage found = _games[gameId];
        Phase phase = found.phase;
        bool challengersMove = phase == Phase.BLOCK_ANSWER || phase == Phase.STEP_ANSWER;
        bool proposersMove =
            phase == Phase.BLOCK_CLAIM || phase == Phase.REVEAL || phase == Phase.STEP_CLAIM;
        if (!challengersMove && !proposersMove) revert WrongPhase(gameId, phase);
        if (block.timestamp <= found.deadline) revert TooEarly(found.deadline);
        _finish(gameId, found, challengersMove, true);
    }

    /// @inheritdoc IDisputeGame
    function close(uint256 gameId) external override {
        Game storage found = _games[gameId];
        Phase phase = found.phase;
        if (phase == Phase.NONE || phase >= Phase.PROPOSER_WON) revert WrongPhase(gameId, phase);
        if (_stands(found)) revert OutputStands(gameId);
        _credit(gameId, found, Phase.VOIDED, found.challenger, false);
    }

    /// @inheritdoc IDisputeGame
    function withdraw(address payable account) external override {
        uint256 amount = credits[account];
        if (amount == 0) revert NothingToWithdraw(account);
        credits[account] = 0;
        emit Withdrawn(account, amount);
        // whatever it does with the gas, nothing else waits for it
        (bool paid,) = account.call{value: amount}("");
        if (!paid) revert PaymentFailed(account);
    }

    // ------------------------------------------------------------ rules

    /// @inheritdoc IDisputeGame
    function setRules(uint96 bond_, uint32 moveWindow_, uint32 dataWindow_)
        external
        override
        onlyOwner
    {
        _setRules(bond_, moveWindow_, dataWindow_);
    }

    /// @inheritdoc IDisputeGame
    function setDeciders(IStepDecider stepDecider_, IDataDecider dataDecider_)
        external
        override
        onlyOwner
    {
        _setDeciders(stepDecider_, dataDecider_);
    }

    // ------------------------------------------------------------ views

    /// @inheritdoc IDisputeGame
    function game(uint256 gameId) external view override returns (Game memory) {
        return _games[gameId];
    }

    /// @inheritdoc IDisputeGame
    function stepOf(uint256 gameId) external view override returns (Step memory) {
        Game storage found = _games[gameId];
        if (found.phase != Phase.STEP_VERDICT) revert WrongPhase(gameId, found.phase);
        return _stepOf(gameId, found);
    }

    /// @inheritdoc IDisputeGame
    function questionOf(uint256 gameId) external view override returns (DataQuestion memory) {
        Game storage found = _games[gameId];
        if (found.phase != Phase.DATA_VERDICT) revert WrongPhase(gameId, found.phase);
        return _questionOf(gameId, found);
    }

    /// @inheritdoc IDisputeGame
    function stateClaim(bytes32 stateRoot, uint256 cumulativeGasUsed, bytes32 logsHash)
        external
        pure
        override
        returns (bytes32)
    {
        return keccak256(abi.encode(stateRoot, cumulativeGasUsed, logsHash));
    }

    // ------------------------------------------------------------ parts

    /// @dev A game with all that both kinds have in common; phase and clock are the caller's.
    function _open(address oracle, uint256 index, bytes32 blockHash)
        private
        returns (uint256 gameId, Game storage found)
    {
        if (msg.value != bond) revert WrongBond(msg.value, bond);
        IL2OutputOracle disputed = IL2OutputOracle(oracle);
        IL2OutputOracle.Output memory output = disputed.output(index);
        if (output.blockHash != blockHash) revert AnotherOutput(output.blockHash, blockHash);
        if (disputed.isFinal(index)) revert OutputFinal(oracle, index);
        (bytes32 parentHash,, uint64 parentNumber) = disputed.parentOf(index);
        if (output.l2BlockNumber <= parentNumber) {
            revert NothingToDispute(parentNumber, output.l2BlockNumber);
        }
        gameId = ++games;
        found = _games[gameId];
        found.moveWindow = moveWindow;
        (found.low, found.high) = (parentNumber, output.l2BlockNumber);
        (found.oracle, found.serial, found.index) = (oracle, output.serial, index);
        found.chainId = disputed.chainId();
        found.proposer = output.proposer;
        (found.challenger, found.bond) = (msg.sender, bond);
        (found.agreed, found.disputed) = (parentHash, output.blockHash);
        found.batchCommitment = output.batchCommitment;
    }

    function _announce(uint256 gameId, Game storage found, bool data) private {
        emit ChallengeOpened(
            gameId,
            found.oracle,
            found.index,
            found.chainId,
            found.proposer,
            found.challenger,
            found.low,
            found.high,
            data,
            found.deadline
        );
    }

    /// @dev Goes on to `more` while there is a middle left, else to `last`.
    function _next(Game storage found, Phase more, Phase last) private {
        Phase phase = found.high - found.low > 1 ? more : last;
        found.phase = phase;
        found.deadline = phase == Phase.STEP_VERDICT ? 0 : _clock(found);
    }

    /// @dev Reverts unless it is the sender's move, and in time.
    function _checkMove(Game storage found, address mover) private view {
        if (msg.sender != mover) revert NotYourMove(msg.sender, mover);
        if (block.timestamp > found.deadline) revert TooLate(found.deadline);
    }

    function _checkHeader(bytes memory header, bytes32 hash, bytes32 parentHash, uint64 number)
        private
        pure
    {
        bytes32 given = keccak256(header);
        if (given != hash) revert NotTheBlock(hash, given);
        Memory.Slice[] memory fields = BlockHeader.parseHeader(header);
        bytes32 parent = BlockHeader.getParentHash(fields);
        if (parent != parentHash) revert WrongParent(parentHash, parent);
        uint256 its = BlockHeader.getNumber(fields);
        if (its != number) revert WrongNumber(number, its);
    }

    /// @dev Ends a game about an output that still stands.
    function _finish(uint256 gameId, Game storage found, bool proposerWon, bool byTimeout) private {
        if (!_stands(found)) revert OutputGone(gameId);
        IL2OutputOracle oracle = IL2OutputOracle(found.oracle);
        (uint256 index, address challenger) = (found.index, found.challenger);
        if (proposerWon) {
            _credit(gameId, found, Phase.PROPOSER_WON, found.proposer, byTimeout);
            oracle.unlock(index);
        } else {
            _credit(gameId, found, Phase.CHALLENGER_WON, challenger, byTimeout);
            oracle.remove(index, challenger);
        }
    }

    function _credit(
        uint256 gameId,
        Game storage found,
        Phase phase,
        address winner,
        bool byTimeout
    ) private {
        uint256 amount = found.bond;
        found.phase = phase;
        found.deadline = 0;
        credits[winner] += amount;
        emit GameClosed(gameId, phase, winner, amount, byTimeout);
    }

    /// @dev Whether the output that the game is about is still at its place.
    function _stands(Game storage found) private view returns (bool) {
        IL2OutputOracle oracle = IL2OutputOracle(found.oracle);
        uint256 index = found.index;
        return index < oracle.nextOutputIndex() && oracle.output(index).serial == found.serial;
    }

    function _stepOf(uint256 gameId, Game storage found) private view returns (Step memory) {
        return Step({
            game: address(this),
            gameId: gameId,
            oracle: found.oracle,
            chainId: found.chainId,
            batchCommitment: found.batchCommitment,
            blockNumber: found.blockNumber,
            parentHash: found.parentHash,
            blockHash: found.blockHash,
            transactions: found.transactions,
            // forge-lint: disable-next-line(unsafe-typecast)
            point: uint32(found.high), // at most MAX_TRANSACTIONS + 2
            agreed: found.agreed,
            disputed: found.disputed
        });
    }

    function _questionOf(uint256 gameId, Game storage found)
        private
        view
        returns (DataQuestion memory)
    {
        return DataQuestion({
            game: address(this),
            gameId: gameId,
            oracle: found.oracle,
            chainId: found.chainId,
            batchCommitment: found.batchCommitment,
            firstBlock: found.low + 1,
            lastBlock: found.high
        });
    }

    function _middle(Game storage found) private view returns (uint64) {
        return found.low + (found.high - found.low) / 2;
    }

    function _clock(Game storage found) private view returns (uint64) {
        return uint64(block.timestamp) + found.moveWindow;
    }

    function _setRules(uint96 bond_, uint32 moveWindow_, uint32 dataWindow_) private {
        if (bond_ == 0 || moveWindow_ == 0 || dataWindow_ == 0) revert RuleZero();
        (bond, moveWindow, dataWindow) = (bond_, moveWindow_, dataWindow_);
        emit RulesChanged(bond_, moveWindow_, dataWindow_);
    }

    function _setDeciders(IStepDecider stepDecider_, IDataDecider dataDecider_) private {
        if (address(stepDecider_) == address(0) || address(dataDecider_) == address(0)) {
            revert RuleZero();
        }
        (stepDecider, dataDecider) = (stepDecider_, dataDecider_);
        emit DecidersChanged(stepDecider_, dataDecider_);
    }
}
