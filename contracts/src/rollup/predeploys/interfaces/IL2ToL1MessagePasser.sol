// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title IL2ToL1MessagePasser
/// @notice Records withdrawals: messages to the L1 whose existence a proof of this contract's
/// storage shows there (OP Stack specifications, "Withdrawals"). Its storage root stands in the
/// header of every block.
interface IL2ToL1MessagePasser {
    /// @notice Emitted for each withdrawal.
    /// @param nonce With the version of the encoding in its first two bytes.
    /// @param sender Who withdraws.
    /// @param target Who is called on the L1.
    /// @param value Wei of the rollup that the target receives; in units of the token where one is the
    /// coin.
    /// @param gasLimit Gas for the call of the target.
    /// @param data The call.
    /// @param withdrawalHash keccak256(abi.encode) of the six values above.
    event MessagePassed(
        uint256 indexed nonce,
        address indexed sender,
        address indexed target,
        uint256 value,
        uint256 gasLimit,
        bytes data,
        bytes32 withdrawalHash
    );

    /// @notice Emitted when the value of past withdrawals is taken out of circulation.
    event WithdrawerBalanceBurnt(uint256 indexed amount);

    /// @notice Thrown when the rollup's coin is a token of fewer than 18 decimals on the L1, and the
    /// value is no whole number of its units.
    /// @param unit Wei of one unit.
    error DustNotWithdrawable(uint256 value, uint256 unit);

    /// @notice Whether a withdrawal was made. Lies in slot 0.
    function sentMessages(bytes32 withdrawalHash) external view returns (bool);

    /// @notice The next withdrawal's nonce, version included.
    function messageNonce() external view returns (uint256);

    /// @notice Withdraws the value sent, by a call on the L1.
    function initiateWithdrawal(address target, uint256 gasLimit, bytes calldata data)
        external
        payable;

    /// @notice Takes the coins held here out of circulation; anybody may call.
    function burn() external;
}
