// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IStandardBridge} from "./IStandardBridge.sol";

/// @title IL1StandardBridge
/// @notice {IStandardBridge} on the L1, with the calls and events of before Bedrock.
interface IL1StandardBridge is IStandardBridge {
    /// @notice Emitted beside {ETHBridgeInitiated}.
    event ETHDepositInitiated(
        address indexed from, address indexed to, uint256 amount, bytes extraData
    );

    /// @notice Emitted beside {ETHBridgeFinalized}.
    event ETHWithdrawalFinalized(
        address indexed from, address indexed to, uint256 amount, bytes extraData
    );

    /// @notice Emitted beside {ERC20BridgeInitiated}.
    event ERC20DepositInitiated(
        address indexed l1Token,
        address indexed l2Token,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );

    /// @notice Emitted beside {ERC20BridgeFinalized}.
    event ERC20WithdrawalFinalized(
        address indexed l1Token,
        address indexed l2Token,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );

    /// @notice {bridgeETH}.
    function depositETH(uint32 minGasLimit, bytes calldata extraData) external payable;

    /// @notice {bridgeETHTo}.
    function depositETHTo(address to, uint32 minGasLimit, bytes calldata extraData) external payable;

    /// @notice {bridgeERC20}.
    function depositERC20(
        address l1Token,
        address l2Token,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external;

    /// @notice {bridgeERC20To}.
    function depositERC20To(
        address l1Token,
        address l2Token,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external;

    /// @notice {otherBridge}.
    function l2TokenBridge() external view returns (address);
}
