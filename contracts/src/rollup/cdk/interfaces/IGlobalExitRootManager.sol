// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IL2OutputOracle} from "../../../settlement/interfaces/IL2OutputOracle.sol";
import {IExitRoots} from "./IExitRoots.sol";

/// @title IGlobalExitRootManager
/// @notice Exit roots on the L1, of it and of one rollup, by the ABI of Polygon's
/// `PolygonZkEVMGlobalExitRootV2`. There the rollup manager tells of rollups' roots when it has
/// verified batches; here anybody does, with a proof against a final output.
interface IGlobalExitRootManager is IExitRoots {
    /// @notice Emitted for each new global exit root.
    event UpdateL1InfoTree(bytes32 indexed mainnetExitRoot, bytes32 indexed rollupExitRoot);

    /// @notice Emitted when a rollup's exit root was proven.
    /// @param l2OutputIndex Against which output.
    /// @param localExitRoot Root of the rollup's own exit tree.
    event RollupExitRootProven(
        uint256 indexed l2OutputIndex, uint256 indexed l2BlockNumber, bytes32 localExitRoot
    );

    /// @notice Thrown when the output is not of a later block than the one that was proven against last.
    error OutputNotNewer(uint256 l2BlockNumber, uint256 lastBlockNumber);

    /// @notice Thrown when the rollup has told of no exit up to the output.
    error NoExits(uint256 l2OutputIndex);

    /// @notice Gas of the deposit that tells the rollup of a root.
    // forge-lint: disable-next-line(mixed-case-function)
    function INSERT_GAS_LIMIT() external view returns (uint64);

    /// @notice Root of the L1's exit tree that its bridge told of last.
    function lastMainnetExitRoot() external view returns (bytes32);

    /// @notice keccak(lastMainnetExitRoot, lastRollupExitRoot).
    function getLastGlobalExitRoot() external view returns (bytes32);

    /// @notice Root of the rollup's own exit tree that was proven last.
    function lastLocalExitRoot() external view returns (bytes32);

    /// @notice The rollup's block up to which its exits are known here.
    function lastRollupBlock() external view returns (uint256);

    /// @notice Leaves of the tree of all global exit roots.
    function depositCount() external view returns (uint256);

    /// @notice Root of the tree of all global exit roots.
    function getRoot() external view returns (bytes32);

    /// @notice A leaf of that tree.
    /// @param lastBlockHash Of the block before the one in which the global exit root was first.
    /// @param timestamp Of the block in which it was, seconds.
    function getLeafValue(bytes32 newGlobalExitRoot, uint256 lastBlockHash, uint64 timestamp)
        external
        pure
        returns (bytes32);

    /// @notice The rollup's outputs.
    function l2Oracle() external view returns (IL2OutputOracle);

    /// @notice Where deposits to the rollup are made.
    function portal() external view returns (address);

    /// @notice Shows what the rollup's exit root was: anybody may.
    /// @param l2OutputIndex A final output.
    /// @param accountProof Nodes of the output's state trie that lead to the rollup's manager.
    /// @param storageProof Nodes of the manager's storage trie that lead to its slot 1.
    function proveRollupExitRoot(
        uint256 l2OutputIndex,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external;
}
