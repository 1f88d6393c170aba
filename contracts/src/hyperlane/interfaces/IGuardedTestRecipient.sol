// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {
    ISpecifiesInterchainSecurityModule
} from "../../metalayer/interfaces/IInterchainSecurityModule.sol";
import {ITestRecipient} from "../../metalayer/interfaces/ITestRecipient.sol";

/// @title IGuardedTestRecipient
/// @notice A test recipient guarded by a module of its own, instead of the mailbox's default.
interface IGuardedTestRecipient is ITestRecipient, ISpecifiesInterchainSecurityModule {}
