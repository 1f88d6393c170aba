// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title IArbInfo
/// @notice Accounts, by Nitro's ABI (Arbitrum documentation, "Precompiles reference").
interface IArbInfo {
    /// @notice Wei that `account` has.
    function getBalance(address account) external view returns (uint256);

    /// @notice Code that `account` has.
    function getCode(address account) external view returns (bytes memory);
}
