// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {NotHere} from "../libs/NotHere.sol";
import {IArbGasInfo} from "./interfaces/IArbGasInfo.sol";

/// @title ArbGasInfo
/// @notice Implements {IArbGasInfo}, which documents it.
/// @dev Stands at 0x000000000000000000000000000000000000006C from genesis on, without storage.
contract ArbGasInfo is IArbGasInfo, NotHere {
    uint256 private constant STORAGE_GAS = 20_000;

    /// @inheritdoc IArbGasInfo
    function getPricesInWei()
        external
        view
        override
        returns (uint256, uint256, uint256, uint256, uint256, uint256)
    {
        return _prices();
    }

    /// @inheritdoc IArbGasInfo
    function getPricesInWeiWithAggregator(address)
        external
        view
        override
        returns (uint256, uint256, uint256, uint256, uint256, uint256)
    {
        return _prices();
    }

    /// @inheritdoc IArbGasInfo
    function getMinimumGasPrice() external view override returns (uint256) {
        return block.basefee;
    }

    /// @inheritdoc IArbGasInfo
    function getPricesInArbGas() external pure override returns (uint256, uint256, uint256) {
        return (0, 0, STORAGE_GAS);
    }

    /// @inheritdoc IArbGasInfo
    function getPricesInArbGasWithAggregator(address)
        external
        pure
        override
        returns (uint256, uint256, uint256)
    {
        return (0, 0, STORAGE_GAS);
    }

    /// @inheritdoc IArbGasInfo
    function getL1BaseFeeEstimate() external pure override returns (uint256) {
        return 0;
    }

    /// @inheritdoc IArbGasInfo
    function getL1GasPriceEstimate() external pure override returns (uint256) {
        return 0;
    }

    /// @inheritdoc IArbGasInfo
    function getCurrentTxL1GasFees() external pure override returns (uint256) {
        return 0;
    }

    function _prices() private view returns (uint256, uint256, uint256, uint256, uint256, uint256) {
        return (0, 0, STORAGE_GAS * block.basefee, block.basefee, 0, block.basefee);
    }
}
