// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title ISystemContext
/// @notice What the ZK Stack's system contract says of block and transaction, as far as the EVM knows it.
interface ISystemContext {
    /// @notice The rollup's chain id.
    function chainId() external view returns (uint256);

    /// @notice Who pays for the transaction.
    function origin() external view returns (address);

    /// @notice Wei that the transaction pays for gas.
    function gasPrice() external view returns (uint256);

    /// @notice Of the block.
    function blockGasLimit() external view returns (uint256);

    /// @notice Who gets the block's tips.
    function coinbase() external view returns (address);

    /// @notice What the opcode gives: the block's randomness.
    function difficulty() external view returns (uint256);

    /// @notice Of the block, wei.
    function baseFee() external view returns (uint256);

    /// @notice Hash of one of the last 256 blocks, else 0.
    function getBlockHashEVM(uint256 number) external view returns (bytes32);

    /// @notice Of the block.
    function getBlockNumber() external view returns (uint128);

    /// @notice Of the block, Unix seconds.
    function getBlockTimestamp() external view returns (uint128);

    /// @notice Both of these.
    function getL2BlockNumberAndTimestamp()
        external
        view
        returns (uint128 blockNumber, uint128 blockTimestamp);

    /// @notice 0: data cost nothing.
    function gasPerPubdataByte() external view returns (uint256);

    /// @notice 0.
    function getCurrentPubdataSpent() external view returns (uint256);
}
