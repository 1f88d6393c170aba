// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {INotHere} from "../interfaces/INotHere.sol";

/// @title NotHere
/// @notice Implements {INotHere}, which documents it. By itself it stands at the addresses of a
/// framework's contracts of which no function is there.
contract NotHere is INotHere {
    /// @notice Refuses whatever no function takes, coins sent without a call among it.
    fallback() external payable {
        revert NotHere(msg.sig);
    }
}
