// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @notice The one step that a bisection came to: does the chain that the inbox's data give have `disputed` at
/// `point` of this block?
/// @dev Points of a block with `transactions` transactions: 0 is its parent (the value is the parent's hash), 1 the
/// state in which its first transaction runs, `1 + k` the state after `k` transactions, `transactions + 2` the block
/// itself (the value is its hash). Values between the first and the last are {IDisputeGame-stateClaim}s.
/// @param game The {IDisputeGame} that asks.
/// @param gameId Of the game.
/// @param oracle Whose output is disputed.
/// @param chainId Of the rollup.
/// @param batchCommitment The inbox's accumulator: the data that the chain follows from.
/// @param blockNumber Number of the block.
/// @param parentHash Hash of the block before, which both agree on.
/// @param blockHash Hash of the block.
/// @param transactions How many transactions the block has, by the proposer's word.
/// @param point The disputed point, 1 to `transactions + 2`; the one before is agreed.
/// @param agreed Value at the point before.
/// @param disputed Value at the point.
struct Step {
    address game;
    uint256 gameId;
    address oracle;
    uint256 chainId;
    bytes32 batchCommitment;
    uint64 blockNumber;
    bytes32 parentHash;
    bytes32 blockHash;
    uint32 transactions;
    uint32 point;
    bytes32 agreed;
    bytes32 disputed;
}

/// @notice A question about data: can those be had that the inbox committed to for these blocks?
/// @param firstBlock First block of the question, `lastBlock` its last one; both are channels' ends.
struct DataQuestion {
    address game;
    uint256 gameId;
    address oracle;
    uint256 chainId;
    bytes32 batchCommitment;
    uint64 firstBlock;
    uint64 lastBlock;
}

/// @title Decides the last step of a dispute
/// @notice Today the guardians' certificate stands behind it ({GuardianVerdicts}); a one-step prover (MIPS, WASM, a
/// validity proof of one transaction) takes its place with another `proof`, and the game stays as it is.
interface IStepDecider {
    /// @notice Reverts unless `proof` shows that the step's `disputed` value is right (or, with `right` false, wrong).
    /// @dev Only one of both may ever be shown of a step; what a step's answer is must depend on the step alone.
    function checkStep(Step calldata step, bool right, bytes calldata proof) external view;
}

/// @title Decides whether data can be had
/// @notice Behind it too stand the guardians; a DA layer's light client on the L1 can take their place.
interface IDataDecider {
    /// @notice Reverts unless `proof` shows that the data can be had (or, with `available` false, that they can't).
    function checkData(DataQuestion calldata question, bool available, bytes calldata proof)
        external
        view;
}
