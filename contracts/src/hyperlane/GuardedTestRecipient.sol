// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {TestRecipient} from "../metalayer/TestRecipient.sol";
import {
    IInterchainSecurityModule,
    ISpecifiesInterchainSecurityModule
} from "../metalayer/interfaces/IInterchainSecurityModule.sol";
import {IGuardedTestRecipient} from "./interfaces/IGuardedTestRecipient.sol";

/// @title GuardedTestRecipient
/// @notice Implements {IGuardedTestRecipient}, which documents it.
contract GuardedTestRecipient is IGuardedTestRecipient, TestRecipient {
    /// @inheritdoc ISpecifiesInterchainSecurityModule
    IInterchainSecurityModule public immutable override interchainSecurityModule;

    constructor(address module) {
        interchainSecurityModule = IInterchainSecurityModule(module);
    }
}
