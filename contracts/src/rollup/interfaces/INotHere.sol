// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title INotHere
/// @notice What a contract at an address of a framework's answers to functions that it has not: it
/// refuses by name. A call of an address without code would succeed and do nothing.
interface INotHere {
    /// @notice Thrown by every function of the framework's that is not there.
    error NotHere(bytes4 selector);
}
