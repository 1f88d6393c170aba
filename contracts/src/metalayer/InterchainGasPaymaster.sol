// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {Governed} from "./Governed.sol";
import {IGasOracle} from "./interfaces/IGasOracle.sol";
import {IInterchainGasPaymaster} from "./interfaces/IInterchainGasPaymaster.sol";
import {IPostDispatchHook} from "./interfaces/IPostDispatchHook.sol";
import {Message} from "./libs/Message.sol";
import {StandardHookMetadata} from "./libs/StandardHookMetadata.sol";

/// @title InterchainGasPaymaster
/// @notice Implements {IInterchainGasPaymaster}, which documents it.
contract InterchainGasPaymaster is IInterchainGasPaymaster, Governed {
    using Message for bytes;
    using StandardHookMetadata for bytes;

    /// @notice Gas paid for when a dispatcher names no gas limit.
    uint256 public constant DEFAULT_GAS_USAGE = 50_000;

    uint256 private constant EXCHANGE_RATE_SCALE = 1e10;

    /// @inheritdoc IInterchainGasPaymaster
    mapping(uint32 destinationDomain => DomainGasConfig) public override destinationGasConfigs;
    /// @inheritdoc IInterchainGasPaymaster
    GasPrice public override defaultGasPrice;
    /// @inheritdoc IInterchainGasPaymaster
    address public override beneficiary;

    mapping(uint32 destinationDomain => GasPrice) private _prices;

    function initialize(address owner_, address beneficiary_) external initializer {
        __Ownable_init(owner_);
        _setBeneficiary(beneficiary_);
    }

    /// @inheritdoc IPostDispatchHook
    function postDispatch(bytes calldata metadata, bytes calldata message)
        external
        payable
        override
    {
        _checkMetadata(metadata);
        uint32 destination = message.destination();
        (uint256 gasAmount, uint256 price) = _quote(metadata, destination);
        address refundAddress = metadata.refundAddress(message.senderAddress());
        _pay(message.id(), destination, gasAmount, price, refundAddress);
    }

    /// @inheritdoc IInterchainGasPaymaster
    function payForGas(
        bytes32 messageId,
        uint32 destinationDomain,
        uint256 gasAmount,
        address refundAddress
    ) external payable override {
        uint256 price = quoteGasPayment(destinationDomain, gasAmount);
        _pay(messageId, destinationDomain, gasAmount, price, refundAddress);
    }

    /// @inheritdoc IInterchainGasPaymaster
    function claim() external override {
        if (!LowLevelCall.callNoReturn(beneficiary, address(this).balance, "")) {
            revert ClaimFailed(beneficiary);
        }
    }

    /// @inheritdoc IInterchainGasPaymaster
    function setDestinationGasConfigs(GasParam[] calldata configs) external override onlyOwner {
        for (uint256 i = 0; i < configs.length; ++i) {
            _setConfig(configs[i].remoteDomain, configs[i].config);
        }
    }

    /// @inheritdoc IInterchainGasPaymaster
    function setGasPrices(DomainGasPrice[] calldata prices) external override onlyOwner {
        for (uint256 i = 0; i < prices.length; ++i) {
            uint32 domain = prices[i].remoteDomain;
            GasPrice calldata price = prices[i].price;
            _prices[domain] = price;
            emit GasPriceSet(domain, price.tokenExchangeRate, price.gasPrice);
            _setConfig(domain, DomainGasConfig(this, destinationGasConfigs[domain].gasOverhead));
        }
    }

    /// @inheritdoc IInterchainGasPaymaster
    function setDefaultGasPrice(GasPrice calldata price) external override onlyOwner {
        defaultGasPrice = price;
        emit DefaultGasPriceSet(price.tokenExchangeRate, price.gasPrice);
    }

    /// @inheritdoc IInterchainGasPaymaster
    function setBeneficiary(address beneficiary_) external override onlyOwner {
        _setBeneficiary(beneficiary_);
    }

    /// @inheritdoc IPostDispatchHook
    function quoteDispatch(bytes calldata metadata, bytes calldata message)
        external
        view
        override
        returns (uint256 fee)
    {
        _checkMetadata(metadata);
        (, fee) = _quote(metadata, message.destination());
    }

    /// @inheritdoc IPostDispatchHook
    function hookType() external pure override returns (uint8) {
        return uint8(HookTypes.INTERCHAIN_GAS_PAYMASTER);
    }

    /// @inheritdoc IPostDispatchHook
    function supportsMetadata(bytes calldata metadata) external pure override returns (bool) {
        return metadata.isSupported();
    }

    /// @inheritdoc IInterchainGasPaymaster
    function quoteGasPayment(uint32 destinationDomain, uint256 gasAmount)
        public
        view
        override
        returns (uint256)
    {
        (uint128 exchangeRate, uint128 gasPrice) = getExchangeRateAndGasPrice(destinationDomain);
        return gasAmount * gasPrice * exchangeRate / EXCHANGE_RATE_SCALE;
    }

    /// @inheritdoc IInterchainGasPaymaster
    function destinationGasLimit(uint32 destinationDomain, uint256 gasLimit)
        public
        view
        override
        returns (uint256)
    {
        return gasLimit + destinationGasConfigs[destinationDomain].gasOverhead;
    }

    /// @inheritdoc IGasOracle
    function getExchangeRateAndGasPrice(uint32 destinationDomain)
        public
        view
        override
        returns (uint128, uint128)
    {
        IGasOracle oracle = destinationGasConfigs[destinationDomain].gasOracle;
        if (address(oracle) != address(0) && address(oracle) != address(this)) {
            return oracle.getExchangeRateAndGasPrice(destinationDomain);
        }
        GasPrice storage price =
            address(oracle) == address(0) ? defaultGasPrice : _prices[destinationDomain];
        return (price.tokenExchangeRate, price.gasPrice);
    }

    function _pay(
        bytes32 messageId,
        uint32 destinationDomain,
        uint256 gasAmount,
        uint256 price,
        address refundAddress
    ) private {
        if (msg.value < price) revert InsufficientFee(price, msg.value);
        emit GasPayment(messageId, destinationDomain, gasAmount, price);

        uint256 excess = msg.value - price;
        if (excess == 0) return;
        if (refundAddress == address(0)) revert NoRefundAddress();
        if (!LowLevelCall.callNoReturn(refundAddress, excess, "")) {
            revert RefundFailed(refundAddress, excess);
        }
    }

    function _setConfig(uint32 domain, DomainGasConfig memory config) private {
        destinationGasConfigs[domain] = config;
        emit DestinationGasConfigSet(domain, address(config.gasOracle), config.gasOverhead);
    }

    function _setBeneficiary(address beneficiary_) private {
        if (beneficiary_ == address(0)) revert InvalidBeneficiary();
        beneficiary = beneficiary_;
        emit BeneficiarySet(beneficiary_);
    }

    function _quote(bytes calldata metadata, uint32 destination)
        private
        view
        returns (uint256 gasAmount, uint256 price)
    {
        gasAmount = destinationGasLimit(destination, metadata.gasLimit(DEFAULT_GAS_USAGE));
        price = quoteGasPayment(destination, gasAmount);
    }

    function _checkMetadata(bytes calldata metadata) private pure {
        if (!metadata.isSupported()) revert UnsupportedMetadataVariant(metadata.variant());
    }
}
