// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title INitroInbox
/// @notice What goes from the L1 to one rollup, by the ABI of Nitro's `Inbox`. Everything becomes a
/// deposit of the {IOptimismPortal}, made in the caller's name.
/// @dev A retryable ticket is carried out at once, by one deposit, and is no ticket: it is not tried
/// again. It pays no fee on the rollup. Its call comes from the caller's alias, as on Nitro; what
/// exceeds the call's value goes to the refund's address, by a second deposit. A call that fails
/// leaves its value with the alias, from where {unsafeCreateRetryableTicket} without coins can send
/// it on.
interface INitroInbox {
    /// @notice Emitted for each message; Nitro's event.
    /// @param data As Nitro packs them.
    event InboxMessageDelivered(uint256 indexed messageNum, bytes data);

    /// @notice Thrown when less is sent than the ticket's value and fees; Nitro's error.
    error InsufficientValue(uint256 expected, uint256 actual);
    /// @notice Thrown for more gas than any deposit can have.
    error GasLimitTooLarge();

    /// @notice Gas of a deposit of coins alone, and of a refund.
    // forge-lint: disable-next-line(mixed-case-function)
    function COINS_GAS_LIMIT() external view returns (uint64);

    /// @notice Where deposits are made.
    function portal() external view returns (address);

    /// @notice Who makes calls that come from the rollup.
    function bridge() external view returns (address);

    /// @notice Messages so far.
    function messageCount() external view returns (uint256);

    /// @notice 0: nothing is kept, so nothing is to be paid for it.
    function calculateRetryableSubmissionFee(uint256 dataLength, uint256 baseFee)
        external
        view
        returns (uint256);

    /// @notice Credits the coins to the caller's own address on the rollup; to its alias, if it is a
    /// contract.
    /// @return The message's number.
    function depositEth() external payable returns (uint256);

    /// @notice Calls `to` on the rollup with `l2CallValue`, out of the coins sent. Refund addresses that
    /// are contracts here are aliased.
    /// @param maxSubmissionCost Not needed; what is sent has to cover it, and is refunded.
    /// @param excessFeeRefundAddress Gets on the rollup what exceeds `l2CallValue`.
    /// @param callValueRefundAddress Not used: nothing is kept that could be cancelled.
    /// @param gasLimit Of the call, with what a transaction costs by itself.
    /// @param maxFeePerGas Not needed; what is sent has to cover it, and is refunded.
    /// @return The message's number.
    function createRetryableTicket(
        address to,
        uint256 l2CallValue,
        uint256 maxSubmissionCost,
        address excessFeeRefundAddress,
        address callValueRefundAddress,
        uint256 gasLimit,
        uint256 maxFeePerGas,
        bytes calldata data
    ) external payable returns (uint256);

    /// @notice {createRetryableTicket} without checks: addresses are as they are given, and the value may
    /// come out of what the alias has already.
    function unsafeCreateRetryableTicket(
        address to,
        uint256 l2CallValue,
        uint256 maxSubmissionCost,
        address excessFeeRefundAddress,
        address callValueRefundAddress,
        uint256 gasLimit,
        uint256 maxFeePerGas,
        bytes calldata data
    ) external payable returns (uint256);
}
