// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IExitRoots} from "./IExitRoots.sol";

/// @title IGlobalExitRootManagerL2
/// @notice Exit roots on a rollup. What the L1 knows comes in by deposits of its manager; what the
/// rollup's bridge says lies in slot 1, from where a final output takes it to the L1.
interface IGlobalExitRootManagerL2 is IExitRoots {
    /// @notice Emitted when a global exit root of the L1's arrives.
    event InsertGlobalExitRoot(bytes32 indexed newGlobalExitRoot);

    /// @notice Takes a global exit root of the L1's: from its manager alone, whose deposits have its
    /// alias as sender.
    function insertGlobalExitRoot(bytes32 newRoot) external;

    /// @notice Who may call {insertGlobalExitRoot}.
    function globalExitRootUpdater() external view returns (address);
}
