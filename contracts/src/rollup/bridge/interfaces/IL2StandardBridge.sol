// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IStandardBridge} from "./IStandardBridge.sol";

/// @title IL2StandardBridge
/// @notice {IStandardBridge} on the rollup, with the calls and events of before Bedrock.
interface IL2StandardBridge is IStandardBridge {
    /// @notice Emitted beside {ETHBridgeInitiated} and {ERC20BridgeInitiated}.
    event WithdrawalInitiated(
        address indexed l1Token,
        address indexed l2Token,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );

    /// @notice Emitted beside {ETHBridgeFinalized} and {ERC20BridgeFinalized}.
    event DepositFinalized(
        address indexed l1Token,
        address indexed l2Token,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );

    /// @notice Sends tokens of `l2Token`, or coins (0xDeadDeAddeAddEAddeadDEaDDEAdDeaDDeAD0000), to the
    /// caller's own address.
    function withdraw(address l2Token, uint256 amount, uint32 minGasLimit, bytes calldata extraData)
        external
        payable;

    /// @notice {withdraw}, to another address.
    function withdrawTo(
        address l2Token,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external payable;

    /// @notice {otherBridge}.
    function l1TokenBridge() external view returns (address);
}
