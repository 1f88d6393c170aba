// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Governed} from "../../metalayer/Governed.sol";
import {Predeploys} from "../libs/Predeploys.sol";
import {StandardBridge} from "./StandardBridge.sol";
import {IL1StandardBridge} from "./interfaces/IL1StandardBridge.sol";
import {IStandardBridge} from "./interfaces/IStandardBridge.sol";

/// @title L1StandardBridge
/// @notice Implements {IL1StandardBridge}, which documents it.
contract L1StandardBridge is IL1StandardBridge, StandardBridge, Governed {
    address private _messenger;

    function initialize(address owner_, address messenger_) external initializer {
        __Ownable_init(owner_);
        _messenger = messenger_;
    }

    /// @inheritdoc IL1StandardBridge
    function depositETH(uint32 minGasLimit, bytes calldata extraData)
        external
        payable
        override
        onlyAccount
    {
        _sendETH(msg.sender, msg.sender, msg.value, minGasLimit, extraData);
    }

    /// @inheritdoc IL1StandardBridge
    function depositETHTo(address to, uint32 minGasLimit, bytes calldata extraData)
        external
        payable
        override
    {
        _sendETH(msg.sender, to, msg.value, minGasLimit, extraData);
    }

    /// @inheritdoc IL1StandardBridge
    function depositERC20(
        address l1Token,
        address l2Token,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external override onlyAccount {
        _sendERC20(l1Token, l2Token, msg.sender, amount, minGasLimit, extraData);
    }

    /// @inheritdoc IL1StandardBridge
    function depositERC20To(
        address l1Token,
        address l2Token,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external override {
        _sendERC20(l1Token, l2Token, to, amount, minGasLimit, extraData);
    }

    /// @inheritdoc IL1StandardBridge
    function l2TokenBridge() external pure override returns (address) {
        return otherBridge();
    }

    /// @notice Version of this ABI.
    function version() external pure returns (string memory) {
        return "2.0.0";
    }

    function messenger() public view override(IStandardBridge, StandardBridge) returns (address) {
        return _messenger;
    }

    function otherBridge() public pure override(IStandardBridge, StandardBridge) returns (address) {
        return Predeploys.L2_STANDARD_BRIDGE;
    }

    function _emitETHInitiated(address from, address to, uint256 amount, bytes memory extraData)
        internal
        override
    {
        emit ETHDepositInitiated(from, to, amount, extraData);
        super._emitETHInitiated(from, to, amount, extraData);
    }

    function _emitETHFinalized(address from, address to, uint256 amount, bytes memory extraData)
        internal
        override
    {
        emit ETHWithdrawalFinalized(from, to, amount, extraData);
        super._emitETHFinalized(from, to, amount, extraData);
    }

    function _emitERC20Initiated(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes memory extraData
    ) internal override {
        emit ERC20DepositInitiated(localToken, remoteToken, from, to, amount, extraData);
        super._emitERC20Initiated(localToken, remoteToken, from, to, amount, extraData);
    }

    function _emitERC20Finalized(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes memory extraData
    ) internal override {
        emit ERC20WithdrawalFinalized(localToken, remoteToken, from, to, amount, extraData);
        super._emitERC20Finalized(localToken, remoteToken, from, to, amount, extraData);
    }
}
