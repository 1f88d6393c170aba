// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title IL2BaseToken
/// @notice The rollup's coin as a contract, by the ZK Stack's ABI (ZKsync documentation, "System
/// contracts"). The coin moves by the EVM here, so what moves, mints or counts it is not there.
/// A withdrawal is one of the {IL2ToL1MessagePasser}'s: proofs and finality are the bridge's.
interface IL2BaseToken {
    /// @notice Emitted for each withdrawal.
    event Withdrawal(address indexed l2Sender, address indexed l1Receiver, uint256 amount);

    /// @notice Sends the call's coins to `l1Receiver` on the L1, which gets {WITHDRAW_GAS_LIMIT} to
    /// take them. On the L1 the sender is this contract, whoever calls it.
    function withdraw(address l1Receiver) external payable;

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
