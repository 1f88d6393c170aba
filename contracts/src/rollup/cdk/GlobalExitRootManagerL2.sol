// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Callers} from "../libs/Callers.sol";
import {IExitRoots} from "./interfaces/IExitRoots.sol";
import {IGlobalExitRootManagerL2} from "./interfaces/IGlobalExitRootManagerL2.sol";

/// @title GlobalExitRootManagerL2
/// @notice Implements {IGlobalExitRootManagerL2}, which documents it.
/// @dev Stands at 0xa40D5f56745a118D0906a34E69aeC8C0Db1cB8fA from genesis on, without a proxy; the
/// genesis also sets whose deposits it takes.
contract GlobalExitRootManagerL2 is IGlobalExitRootManagerL2 {
    /// @inheritdoc IExitRoots
    address public constant override bridgeAddress = 0x2a3DD3EB832aF982ec71669E178424b10Dca2EDe;

    // The order of declaration is part of the formats.

    /// @inheritdoc IExitRoots
    mapping(bytes32 globalExitRoot => uint256) public override globalExitRootMap;
    /// @inheritdoc IExitRoots
    bytes32 public override lastRollupExitRoot;
    address private _l1Manager;

    /// @inheritdoc IExitRoots
    function updateExitRoot(bytes32 newRoot) external override {
        if (msg.sender != bridgeAddress) revert OnlyAllowedContracts();
        lastRollupExitRoot = newRoot;
    }

    /// @inheritdoc IGlobalExitRootManagerL2
    function insertGlobalExitRoot(bytes32 newRoot) external override {
        if (msg.sender != globalExitRootUpdater()) revert OnlyAllowedContracts();
        if (globalExitRootMap[newRoot] != 0) return;
        globalExitRootMap[newRoot] = block.timestamp;
        emit InsertGlobalExitRoot(newRoot);
    }

    /// @inheritdoc IGlobalExitRootManagerL2
    function globalExitRootUpdater() public view override returns (address) {
        return Callers.aliased(_l1Manager);
    }
}
