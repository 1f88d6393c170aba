// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IAggregateRootIsm} from "./interfaces/IAggregateRootIsm.sol";
import {IFinalizedIsm} from "./interfaces/IFinalizedIsm.sol";
import {IInterchainSecurityModule} from "./interfaces/IInterchainSecurityModule.sol";
import {Leaf} from "./libs/Leaf.sol";
import {Message} from "./libs/Message.sol";

/// @title FinalizedIsm
/// @notice Implements {IFinalizedIsm}, which documents it.
contract FinalizedIsm is IFinalizedIsm {
    using Message for bytes;

    /// @inheritdoc IFinalizedIsm
    IAggregateRootIsm public immutable override aggregateRootIsm;

    constructor(address aggregateRootIsm_) {
        aggregateRootIsm = IAggregateRootIsm(aggregateRootIsm_);
    }

    /// @inheritdoc IInterchainSecurityModule
    function verify(bytes calldata metadata, bytes calldata message)
        external
        view
        override
        returns (bool)
    {
        if (aggregateRootIsm.provenFinality(metadata, message) != Leaf.FINALIZED) {
            revert NotFinal(message.id());
        }
        return true;
    }

    /// @inheritdoc IInterchainSecurityModule
    function moduleType() external pure override returns (uint8) {
        return uint8(Types.UNUSED);
    }
}
