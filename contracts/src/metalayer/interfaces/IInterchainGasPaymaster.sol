// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IGasOracle} from "./IGasOracle.sol";
import {IPostDispatchHook} from "./IPostDispatchHook.sol";

/// @title IInterchainGasPaymaster
/// @notice Takes payment, on the origin, for the gas that messages use on their destination.
/// Functions and events are those of Hyperlane's, for native coins. Gas is free until a price is set.
interface IInterchainGasPaymaster is IPostDispatchHook, IGasOracle {
    /// @notice Where the price of a domain's gas comes from.
    /// @param gasOracle Asked for the price; the paymaster itself for a price kept here, zero for the default.
    /// @param gasOverhead Gas added to each message's own, for mailbox and module.
    struct DomainGasConfig {
        IGasOracle gasOracle;
        uint96 gasOverhead;
    }

    /// @notice A domain's gas configuration.
    struct GasParam {
        uint32 remoteDomain;
        DomainGasConfig config;
    }

    /// @notice A price, in the terms of {IGasOracle-getExchangeRateAndGasPrice}.
    struct GasPrice {
        uint128 tokenExchangeRate;
        uint128 gasPrice;
    }

    /// @notice A domain's price.
    struct DomainGasPrice {
        uint32 remoteDomain;
        GasPrice price;
    }

    /// @notice Emitted for each payment, also for one of nothing.
    /// @param messageId The message that is paid for.
    /// @param destinationDomain Where it goes.
    /// @param gasAmount Gas that is paid for, the domain's overhead included when a dispatch pays.
    /// @param payment Wei kept.
    event GasPayment(
        bytes32 indexed messageId,
        uint32 indexed destinationDomain,
        uint256 gasAmount,
        uint256 payment
    );

    /// @notice Emitted when a domain's configuration is set.
    event DestinationGasConfigSet(uint32 remoteDomain, address gasOracle, uint96 gasOverhead);

    /// @notice Emitted when a domain's price is set.
    event GasPriceSet(uint32 indexed remoteDomain, uint128 tokenExchangeRate, uint128 gasPrice);

    /// @notice Emitted when the price of all domains that have none is set.
    event DefaultGasPriceSet(uint128 tokenExchangeRate, uint128 gasPrice);

    /// @notice Emitted when the beneficiary is set.
    event BeneficiarySet(address beneficiary);

    /// @notice Thrown when less is sent than the gas costs.
    error InsufficientFee(uint256 required, uint256 provided);

    /// @notice Thrown when there is something to refund and nobody to take it.
    error NoRefundAddress();

    /// @notice Thrown when the refund is not accepted.
    error RefundFailed(address refundAddress, uint256 amount);

    /// @notice Thrown when the beneficiary does not accept the payments.
    error ClaimFailed(address beneficiary);

    /// @notice Thrown when the beneficiary would be the zero address.
    error InvalidBeneficiary();

    /// @notice Pays for a message's gas; what is sent beyond the price goes to `refundAddress`.
    /// @param messageId The message, on its way or still to be dispatched.
    /// @param destinationDomain Where it goes.
    /// @param gasAmount Gas to pay for.
    /// @param refundAddress Whom the rest is for.
    function payForGas(
        bytes32 messageId,
        uint32 destinationDomain,
        uint256 gasAmount,
        address refundAddress
    ) external payable;

    /// @notice Price of `gasAmount` on `destinationDomain`, in wei, without the domain's overhead.
    function quoteGasPayment(uint32 destinationDomain, uint256 gasAmount)
        external
        view
        returns (uint256 payment);

    /// @notice `gasLimit` plus the domain's overhead.
    function destinationGasLimit(uint32 destinationDomain, uint256 gasLimit)
        external
        view
        returns (uint256);

    /// @notice A domain's configuration.
    function destinationGasConfigs(uint32 destinationDomain)
        external
        view
        returns (IGasOracle gasOracle, uint96 gasOverhead);

    /// @notice The price of all domains that have none of their own.
    function defaultGasPrice() external view returns (uint128 tokenExchangeRate, uint128 gasPrice);

    /// @notice Whom the payments are for.
    function beneficiary() external view returns (address);

    /// @notice Sends all payments to the beneficiary. Anybody may call.
    function claim() external;

    /// @notice Sets oracles and overheads. Only for the owner.
    function setDestinationGasConfigs(GasParam[] calldata configs) external;

    /// @notice Sets prices kept here, and this contract as the domains' oracle. Only for the owner.
    function setGasPrices(DomainGasPrice[] calldata prices) external;

    /// @notice Sets the price of all domains that have none. Only for the owner.
    function setDefaultGasPrice(GasPrice calldata price) external;

    /// @notice Sets the beneficiary. Only for the owner.
    function setBeneficiary(address beneficiary) external;
}
