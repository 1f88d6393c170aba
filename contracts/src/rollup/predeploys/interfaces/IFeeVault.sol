// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title IFeeVault
/// @notice Where one kind of a rollup's fees gathers, until anybody sends them to who gets them (OP
/// Stack specifications, "Predeploys", fee vaults). The engine pays into it without a call.
interface IFeeVault {
    /// @notice Where fees are sent to.
    enum WithdrawalNetwork {
        L1,
        L2
    }

    /// @notice Emitted for each withdrawal, in the form of before networks could be chosen.
    event Withdrawal(uint256 value, address to, address from);

    /// @notice Emitted for each withdrawal.
    /// @param value Wei.
    /// @param to Who gets it.
    /// @param from Who called.
    /// @param withdrawalNetwork Where `to` gets it.
    event Withdrawal(uint256 value, address to, address from, WithdrawalNetwork withdrawalNetwork);

    /// @notice Emitted when {minWithdrawalAmount} changes.
    event MinWithdrawalAmountUpdated(uint256 oldWithdrawalAmount, uint256 newWithdrawalAmount);

    /// @notice Emitted when {recipient} changes.
    event RecipientUpdated(address oldRecipient, address newRecipient);

    /// @notice Emitted when {withdrawalNetwork} changes.
    event WithdrawalNetworkUpdated(
        WithdrawalNetwork oldWithdrawalNetwork, WithdrawalNetwork newWithdrawalNetwork
    );

    /// @notice Thrown when less is here than is to be withdrawn at least.
    error BelowMinimum(uint256 balance, uint256 minimum);

    /// @notice Thrown when the recipient does not take the coins.
    error NotTaken(address recipient);

    /// @notice Thrown when nobody would get the coins.
    error NoRecipient();

    /// @notice Thrown when anybody but {proxyAdminOwner} changes something.
    error NotProxyAdminOwner(address caller);

    /// @notice Takes coins besides what the engine pays in.
    receive() external payable;

    /// @notice Sends what is here to {recipient}, by a withdrawal to the L1 or at once on the rollup;
    /// anybody may call. What is less than a unit of the L1's token stays. Reverts with {BelowMinimum}, {NotTaken}, {NoRecipient}.
    /// @return value Wei that was sent.
    function withdraw() external returns (uint256 value);

    /// @notice Sets {minWithdrawalAmount}.
    function setMinWithdrawalAmount(uint256 newMinWithdrawalAmount) external;

    /// @notice Sets {recipient}.
    function setRecipient(address newRecipient) external;

    /// @notice Sets {withdrawalNetwork}.
    function setWithdrawalNetwork(WithdrawalNetwork newWithdrawalNetwork) external;

    /// @notice Sets {recipient} and {withdrawalNetwork} together.
    function setWithdrawalRoute(address newRecipient, WithdrawalNetwork newWithdrawalNetwork)
        external;

    /// @notice Wei that was ever withdrawn.
    function totalProcessed() external view returns (uint256);

    /// @notice Wei below which nothing is withdrawn.
    function minWithdrawalAmount() external view returns (uint256);

    /// @notice Who gets the fees.
    function recipient() external view returns (address);

    /// @notice Where.
    function withdrawalNetwork() external view returns (WithdrawalNetwork);

    /// @notice Who may change the settings: the OP Stack's name for it, though there is no proxy.
    function proxyAdminOwner() external view returns (address);

    /// @notice Older name of {minWithdrawalAmount}.
    // forge-lint: disable-next-line(mixed-case-function)
    function MIN_WITHDRAWAL_AMOUNT() external view returns (uint256);

    /// @notice Older name of {recipient}.
    // forge-lint: disable-next-line(mixed-case-function)
    function RECIPIENT() external view returns (address);

    /// @notice Older name of {withdrawalNetwork}.
    // forge-lint: disable-next-line(mixed-case-function)
    function WITHDRAWAL_NETWORK() external view returns (WithdrawalNetwork);

    /// @notice Oldest name of {recipient}, of the sequencer's vault.
    function l1FeeWallet() external view returns (address);

    /// @notice Version of this ABI.
    function version() external pure returns (string memory);
}
