// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IAggregateRootIsm} from "./IAggregateRootIsm.sol";
import {IInterchainSecurityModule} from "./IInterchainSecurityModule.sol";

/// @title IFinalizedIsm
/// @notice Accepts what `AggregateRootIsm` accepts, if the guardians called the origin's block final. A
/// recipient chooses it by returning its address from `interchainSecurityModule()`.
/// @dev Trusted for it: more than two thirds of the guardians' stake. {verify} returns true or reverts with
/// {NotFinal} or an error of `IAggregateRootIsm`. Metadata is that of `AggregateRootIsm`.
interface IFinalizedIsm is IInterchainSecurityModule {
    /// @notice Thrown when the message is proven by a block that its origin may still reorganise.
    error NotFinal(bytes32 messageId);

    /// @notice Checks the proofs.
    function aggregateRootIsm() external view returns (IAggregateRootIsm);
}
