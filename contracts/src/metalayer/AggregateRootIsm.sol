// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Governed} from "./Governed.sol";
import {IAggregateRootIsm} from "./interfaces/IAggregateRootIsm.sol";
import {IInterchainSecurityModule} from "./interfaces/IInterchainSecurityModule.sol";
import {IRootVerifier} from "./interfaces/IRootVerifier.sol";
import {Leaf} from "./libs/Leaf.sol";
import {Message} from "./libs/Message.sol";
import {MetaProof} from "./libs/MetaProof.sol";

/// @title AggregateRootIsm
/// @notice Implements {IAggregateRootIsm}, which documents it.
contract AggregateRootIsm is IAggregateRootIsm, Governed {
    using Message for bytes;
    using MetaProof for bytes;

    /// @inheritdoc IAggregateRootIsm
    IRootVerifier public immutable override rootVerifier;

    constructor(address rootVerifier_) {
        rootVerifier = IRootVerifier(rootVerifier_);
    }

    function initialize(address owner_) external initializer {
        __Ownable_init(owner_);
    }

    /// @inheritdoc IInterchainSecurityModule
    /// @dev Leaves of either finality will do: FINALIZED says more than INSTANT.
    function verify(bytes calldata metadata, bytes calldata message)
        external
        view
        override
        returns (bool)
    {
        metadata.checkForm();
        uint8 finality = metadata.finality();
        if (finality > Leaf.FINALIZED) revert UnsupportedLeafFinality(finality);
        uint32 domain = metadata.domain();
        if (domain != message.origin()) revert LeafDomainMismatch(domain, message.origin());

        uint64 epoch = metadata.epoch();
        bytes32 certified = rootVerifier.aggregateRoots(epoch);
        if (certified == 0) revert UnknownEpoch(epoch);

        metadata.checkMessage(message.id());
        bytes32 computed = metadata.aggregateRoot();
        if (computed != certified) revert InvalidAggregateProof(certified, computed);
        return true;
    }

    /// @inheritdoc IInterchainSecurityModule
    /// @dev Hyperlane has no type for this module. UNUSED makes its relayers leave such messages alone; NULL
    /// would make them try with empty metadata.
    function moduleType() external pure override returns (uint8) {
        return uint8(Types.UNUSED);
    }
}
