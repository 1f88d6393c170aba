// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title IArbGasInfo
/// @notice What gas costs, by Nitro's ABI (Arbitrum documentation, "Precompiles reference"). Data cost
/// nothing here, and the price of gas is EIP-1559's base fee: nothing of Nitro's own pricing is there,
/// and what asks for its parameters is refused.
interface IArbGasInfo {
    /// @notice Prices in wei.
    /// @return perL2Tx For a transaction's data: 0.
    /// @return perL1CalldataByte For a byte of data: 0.
    /// @return perStorageAllocation For a new word of storage: 20,000 gas.
    /// @return perArbGasBase For a unit of gas: the base fee.
    /// @return perArbGasCongestion On top of it: 0, the base fee has it already.
    /// @return perArbGasTotal For a unit of gas: the base fee.
    function getPricesInWei()
        external
        view
        returns (
            uint256 perL2Tx,
            uint256 perL1CalldataByte,
            uint256 perStorageAllocation,
            uint256 perArbGasBase,
            uint256 perArbGasCongestion,
            uint256 perArbGasTotal
        );

    /// @notice The same: whose batches they are makes no difference.
    function getPricesInWeiWithAggregator(address aggregator)
        external
        view
        returns (uint256, uint256, uint256, uint256, uint256, uint256);

    /// @notice Prices in gas: of a transaction's data, of a byte of them, of a new word of storage.
    function getPricesInArbGas() external view returns (uint256, uint256, uint256);

    /// @notice The same: whose batches they are makes no difference.
    function getPricesInArbGasWithAggregator(address aggregator)
        external
        view
        returns (uint256, uint256, uint256);

    /// @notice The base fee of this block, below which it takes no transaction.
    function getMinimumGasPrice() external view returns (uint256);

    /// @notice Wei that a unit of data costs: 0. The L1's own base fee stands in {IL1Block}.
    function getL1BaseFeeEstimate() external view returns (uint256);

    /// @notice The same, by its older name.
    function getL1GasPriceEstimate() external view returns (uint256);

    /// @notice Wei that this transaction pays for the L1: 0.
    function getCurrentTxL1GasFees() external view returns (uint256);
}
