// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {NotHere} from "../libs/NotHere.sol";
import {ISystemContext} from "./interfaces/ISystemContext.sol";

/// @title SystemContext
/// @notice Implements {ISystemContext}, which documents it.
/// @dev Stands at 0x000000000000000000000000000000000000800B from genesis on, without storage.
contract SystemContext is ISystemContext, NotHere {
    /// @inheritdoc ISystemContext
    function chainId() external view override returns (uint256) {
        return block.chainid;
    }

    /// @inheritdoc ISystemContext
    function origin() external view override returns (address) {
        return tx.origin;
    }

    /// @inheritdoc ISystemContext
    function gasPrice() external view override returns (uint256) {
        return tx.gasprice;
    }

    /// @inheritdoc ISystemContext
    function blockGasLimit() external view override returns (uint256) {
        return block.gaslimit;
    }

    /// @inheritdoc ISystemContext
    function coinbase() external view override returns (address) {
        return block.coinbase;
    }

    /// @inheritdoc ISystemContext
    function difficulty() external view override returns (uint256) {
        return block.prevrandao;
    }

    /// @inheritdoc ISystemContext
    function baseFee() external view override returns (uint256) {
        return block.basefee;
    }

    /// @inheritdoc ISystemContext
    function getBlockHashEVM(uint256 number) external view override returns (bytes32) {
        return blockhash(number);
    }

    /// @inheritdoc ISystemContext
    function getBlockNumber() external view override returns (uint128) {
        return uint128(block.number);
    }

    /// @inheritdoc ISystemContext
    function getBlockTimestamp() external view override returns (uint128) {
        return uint128(block.timestamp);
    }

    /// @inheritdoc ISystemContext
    function getL2BlockNumberAndTimestamp() external view override returns (uint128, uint128) {
        return (uint128(block.number), uint128(block.timestamp));
    }

    /// @inheritdoc ISystemContext
    function gasPerPubdataByte() external pure override returns (uint256) {
        return 0;
    }

    /// @inheritdoc ISystemContext
    function getCurrentPubdataSpent() external pure override returns (uint256) {
        return 0;
    }
}
