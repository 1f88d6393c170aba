// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Predeploys} from "../libs/Predeploys.sol";
import {StandardBridge} from "./StandardBridge.sol";
import {IL2StandardBridge} from "./interfaces/IL2StandardBridge.sol";
import {IOptimismMintableERC20} from "./interfaces/IOptimismMintableERC20.sol";
import {IStandardBridge} from "./interfaces/IStandardBridge.sol";

/// @title L2StandardBridge
/// @notice Implements {IL2StandardBridge}, which documents it.
/// @dev Stands at 0x4200000000000000000000000000000000000010 from genesis on, without a proxy; the
/// genesis also sets what is {otherBridge}.
contract L2StandardBridge is IL2StandardBridge, StandardBridge {
    address private _otherBridge;

    /// @inheritdoc IL2StandardBridge
    function withdraw(address l2Token, uint256 amount, uint32 minGasLimit, bytes calldata extraData)
        external
        payable
        override
        onlyAccount
    {
        _withdraw(l2Token, msg.sender, amount, minGasLimit, extraData);
    }

    /// @inheritdoc IL2StandardBridge
    function withdrawTo(
        address l2Token,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external payable override {
        _withdraw(l2Token, to, amount, minGasLimit, extraData);
    }

    /// @inheritdoc IL2StandardBridge
    function l1TokenBridge() external view override returns (address) {
        return otherBridge();
    }

    /// @notice Version of this ABI.
    function version() external pure returns (string memory) {
        return "2.0.0";
    }

    function messenger() public pure override(IStandardBridge, StandardBridge) returns (address) {
        return Predeploys.L2_CROSS_DOMAIN_MESSENGER;
    }

    function otherBridge() public view override(IStandardBridge, StandardBridge) returns (address) {
        return _otherBridge;
    }

    function _emitETHInitiated(address from, address to, uint256 amount, bytes memory extraData)
        internal
        override
    {
        emit WithdrawalInitiated(address(0), Predeploys.LEGACY_ETH, from, to, amount, extraData);
        super._emitETHInitiated(from, to, amount, extraData);
    }

    function _emitETHFinalized(address from, address to, uint256 amount, bytes memory extraData)
        internal
        override
    {
        emit DepositFinalized(address(0), Predeploys.LEGACY_ETH, from, to, amount, extraData);
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
        emit WithdrawalInitiated(remoteToken, localToken, from, to, amount, extraData);
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
        emit DepositFinalized(remoteToken, localToken, from, to, amount, extraData);
        super._emitERC20Finalized(localToken, remoteToken, from, to, amount, extraData);
    }

    function _withdraw(
        address l2Token,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes memory extraData
    ) private {
        if (l2Token == Predeploys.LEGACY_ETH) {
            _sendETH(msg.sender, to, amount, minGasLimit, extraData);
        } else {
            if (msg.value != 0) revert WrongValue(msg.value, 0);
            if (l2Token.code.length == 0) revert NoToken(l2Token);
            address l1Token = IOptimismMintableERC20(l2Token).remoteToken();
            _sendERC20(l2Token, l1Token, to, amount, minGasLimit, extraData);
        }
    }
}
