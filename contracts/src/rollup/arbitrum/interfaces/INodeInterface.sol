// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title INodeInterface
/// @notice What Nitro's node answers to calls of an address that has no code on its chain, by its ABI
/// (Arbitrum documentation, "NodeInterface"). Here it is a contract, so it knows what a contract does,
/// and contracts can call it; what only a node knows is refused.
interface INodeInterface {
    /// @notice Thrown for retryable tickets: the L1 has the rollup execute deposits, which are not
    /// tried again.
    error NoRetryableTickets();
    /// @notice Thrown for an estimate of gas: `eth_estimateGas` is all of it, as data cost nothing.
    error UseEthEstimateGas();

    /// @notice Always refused.
    function estimateRetryableTicket(
        address sender,
        uint256 deposit,
        address to,
        uint256 l2CallValue,
        address excessFeeRefundAddress,
        address callValueRefundAddress,
        bytes calldata data
    ) external;

    /// @notice Always refused.
    function gasEstimateComponents(address to, bool contractCreation, bytes calldata data)
        external
        payable
        returns (
            uint64 gasEstimate,
            uint64 gasEstimateForL1,
            uint256 baseFee,
            uint256 l1BaseFeeEstimate
        );

    /// @notice What of a transaction's gas pays for the L1: nothing.
    /// @return gasEstimateForL1 0.
    /// @return baseFee Of this block, wei.
    /// @return l1BaseFeeEstimate Wei that a unit of data costs: 0.
    function gasEstimateL1Component(address to, bool contractCreation, bytes calldata data)
        external
        payable
        returns (uint64 gasEstimateForL1, uint256 baseFee, uint256 l1BaseFeeEstimate);

    /// @notice 0: the chain was nothing else before.
    function nitroGenesisBlock() external pure returns (uint256);
}
