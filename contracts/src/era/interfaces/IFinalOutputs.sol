// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title What settlement on L1 knows of rollups' final blocks
/// @notice The port through which {ISlasher} learns that a leaf signed as FINALIZED is false.
interface IFinalOutputs {
    /// @notice The final block of a rollup at a height.
    /// @dev May answer only what can never change again: guardians are slashed by it.
    /// @return known False when no final output tells of that height; then the rest means nothing.
    function finalBlock(uint32 domain, uint64 blockNumber)
        external
        view
        returns (bool known, bytes32 blockHash, bytes32 stateRoot);
}
