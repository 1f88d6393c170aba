// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title IExitRoots
/// @notice What a bridge asks of the contract that knows the roots of both chains' exit trees, by
/// Polygon's ABI (`IBasePolygonZkEVMGlobalExitRoot`).
interface IExitRoots {
    /// @notice Thrown for whoever may not tell of a root.
    error OnlyAllowedContracts();

    /// @notice The bridge tells of its own tree's root.
    function updateExitRoot(bytes32 newRoot) external;

    /// @notice Not 0 for a global exit root, keccak(mainnet exit root, rollup exit root), that was once.
    /// On the L1 the hash of the block before it was first, on a rollup the time when it came, seconds.
    function globalExitRootMap(bytes32 globalExitRoot) external view returns (uint256);

    /// @notice The bridge of this chain.
    function bridgeAddress() external view returns (address);

    /// @notice Root of the rollups' tree that was told of last: on a rollup that of its own exit tree.
    function lastRollupExitRoot() external view returns (bytes32);
}
