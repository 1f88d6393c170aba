// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title IWETH
/// @notice The rollup's coin as an ERC-20, by WETH9's ABI. Coming and going are told by `Transfer` too,
/// from and to nobody.
interface IWETH is IERC20 {
    /// @notice Emitted when coins become tokens.
    event Deposit(address indexed dst, uint256 wad);

    /// @notice Emitted when tokens become coins.
    event Withdrawal(address indexed src, uint256 wad);

    /// @notice Makes the call's coins the caller's tokens.
    function deposit() external payable;

    /// @notice Gives `wad` of the caller's tokens back as coins.
    function withdraw(uint256 wad) external;
}
