// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

/// @title Collateral
/// @notice An example: coins locked on one chain for a loan on another (see `Loan`).
/// @dev `locked` is the first variable, hence mapping slot 0: `Loan` reads it by that.
contract Collateral {
    /// @notice Coins locked by an account, in wei.
    mapping(address owner => uint256) public locked;

    event Locked(address indexed owner, uint256 amount);

    /// @notice Lock the coins sent along.
    function lock() external payable {
        locked[msg.sender] += msg.value;
        emit Locked(msg.sender, msg.value);
    }
}
