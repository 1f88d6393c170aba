// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title IL2BaseToken
/// @notice The rollup's coin as a contract, by the ZK Stack's ABI (ZKsync documentation, "System
/// contracts"). The coin moves by the EVM here, so what moves, mints or counts it is not there.
/// A withdrawal is one of the {IL2ToL1MessagePasser}'s: proofs and finality are the bridge's. The
/// {IL1Messenger} sends the ZK Stack's own message of it besides, for contracts on the L1 that read it.
interface IL2BaseToken {
    /// @notice Emitted for each withdrawal.
    event Withdrawal(address indexed l2Sender, address indexed l1Receiver, uint256 amount);

    /// @notice Emitted for each withdrawal with data.
    event WithdrawalWithMessage(
        address indexed l2Sender, address indexed l1Receiver, uint256 amount, bytes additionalData
    );

    /// @notice Sends the call's coins to `l1Receiver` on the L1, which gets {WITHDRAW_GAS_LIMIT} to
    /// take them. On the L1 the sender is this contract, whoever calls it.
    function withdraw(address l1Receiver) external payable;

    /// @notice {withdraw}, and tells the L1 who withdraws, with any data: in the {IL1Messenger}'s message,
    /// not in a call of the receiver.
    function withdrawWithMessage(address l1Receiver, bytes calldata additionalData) external payable;

    /// @notice Gas that the receiver gets on the L1. The ZK Stack knows no such limit.
    function WITHDRAW_GAS_LIMIT() external view returns (uint256);

    /// @notice Wei that an account has, its address as a number.
    function balanceOf(uint256 account) external view returns (uint256);

    /// @notice Name of the coin: Ether, or that of the token which it is on the L1.
    function name() external view returns (string memory);

    /// @notice Its symbol.
    function symbol() external view returns (string memory);

    /// @notice 18, whatever the token on the L1 has.
    function decimals() external view returns (uint8);
}
