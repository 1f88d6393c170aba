// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title IOptimismPortal
/// @notice Deposits from the L1 into one rollup (OP Stack specifications, "Deposits"). The rollup's
/// sequencer takes every event of this contract into a block, as a transaction that nobody can
/// hold back and that needs no signature there.
/// @dev Simplified against the OP Stack's own: gas bought for the rollup is bounded for each L1 block,
/// but has no price, so no gas is burned on the L1. Withdrawals are not part of it.
interface IOptimismPortal {
    /// @notice Emitted for each deposit.
    /// @param from Sender on the rollup; an alias when a contract made the deposit.
    /// @param to Who is called on the rollup.
    /// @param version Of the encoding of what follows: 0.
    /// @param opaqueData Wei minted (32 bytes), wei sent (32), gas (8), whether a contract is
    /// created (1), then the call.
    event TransactionDeposited(
        address indexed from, address indexed to, uint256 indexed version, bytes opaqueData
    );

    /// @notice Thrown when a deposit creates a contract and yet names a recipient.
    error BadTarget(address to);

    /// @notice Thrown when the gas does not even pay for the deposit's data.
    error GasLimitTooLow(uint64 gasLimit, uint64 minimum);

    /// @notice Thrown when the data are longer than what rollups pass on among themselves.
    error CalldataTooLarge(uint256 length);

    /// @notice Thrown when the deposits of one L1 block want more gas than there is for them.
    error OutOfGas(uint64 wanted, uint64 left);

    /// @notice The rollup that the deposits go to.
    function rollupChainId() external view returns (uint256);

    /// @notice Deposits a transaction. The value sent is locked here and minted on the rollup.
    /// @param to Who is called; nobody when a contract is created.
    /// @param value Wei that the sender on the rollup passes on, out of all that it has there.
    /// @param gasLimit Gas of the transaction on the rollup.
    /// @param isCreation Whether `data` is creation code.
    /// @param data The call.
    function depositTransaction(
        address to,
        uint256 value,
        uint64 gasLimit,
        bool isCreation,
        bytes memory data
    ) external payable;

    /// @notice Takes coins without a deposit.
    function donateETH() external payable;

    /// @notice Least gas of a deposit with that many bytes of data.
    function minimumGasLimit(uint64 byteCount) external pure returns (uint64);
}
