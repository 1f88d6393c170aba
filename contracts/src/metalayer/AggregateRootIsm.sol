// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {TransientSlot} from "@openzeppelin/contracts/utils/TransientSlot.sol";
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
    using TransientSlot for bytes32;
    using TransientSlot for TransientSlot.Uint256Slot;

    /// @dev All the metadata of a message that {prove} took.
    bytes1 private constant PROVEN = 0x02;
    /// @dev Set in the mark of a proven message, so that no mark is zero.
    uint256 private constant MARK = 1 << 64;

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
        provenFinality(metadata, message);
        return true;
    }

    /// @inheritdoc IAggregateRootIsm
    function prove(bytes calldata multiProof, bytes32[] calldata ids) external override {
        multiProof.checkForm(MetaProof.MULTI_VERSION);
        bytes32 certified = _certified(multiProof);
        multiProof.checkMessages(ids);
        _checkAggregate(multiProof, certified);
        // an id is a hash: as a slot it meets no other, and there are no others
        uint256 mark = MARK | uint256(multiProof.finality()) << 32 | multiProof.domain();
        for (uint256 i = 0; i < ids.length; ++i) {
            ids[i].asUint256().tstore(mark);
        }
    }

    /// @inheritdoc IInterchainSecurityModule
    /// @dev Hyperlane has no type for this module. UNUSED makes its relayers leave such messages alone; NULL
    /// would make them try with empty metadata.
    function moduleType() external pure override returns (uint8) {
        return uint8(Types.UNUSED);
    }

    /// @inheritdoc IAggregateRootIsm
    function provenFinality(bytes calldata metadata, bytes calldata message)
        public
        view
        override
        returns (uint8)
    {
        if (metadata.length == 1 && metadata[0] == PROVEN) {
            bytes32 id = message.id();
            uint256 mark = id.asUint256().tload();
            if (mark == 0) revert NotProven(id);
            _checkDomain(uint32(mark), message);
            return uint8(mark >> 32);
        }
        metadata.checkForm();
        bytes32 certified = _certified(metadata);
        _checkDomain(metadata.domain(), message);
        metadata.checkMessage(message.id());
        _checkAggregate(metadata, certified);
        return metadata.finality();
    }

    /// @dev The aggregate root of the proof's epoch.
    function _certified(bytes calldata proof) private view returns (bytes32 certified) {
        uint8 finality = proof.finality();
        if (finality > Leaf.FINALIZED) revert UnsupportedLeafFinality(finality);
        uint64 epoch = proof.epoch();
        certified = rootVerifier.aggregateRoots(epoch);
        if (certified == 0) revert UnknownEpoch(epoch);
    }

    function _checkDomain(uint32 domain, bytes calldata message) private pure {
        if (domain != message.origin()) revert LeafDomainMismatch(domain, message.origin());
    }

    function _checkAggregate(bytes calldata proof, bytes32 certified) private pure {
        bytes32 computed = proof.aggregateRoot();
        if (computed != certified) revert InvalidAggregateProof(certified, computed);
    }
}
