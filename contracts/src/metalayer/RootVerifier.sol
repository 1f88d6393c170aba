// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Governed} from "./Governed.sol";
import {
    Certificate,
    EpochHeader,
    GuardianSet,
    IRootVerifier,
    QuorumProof
} from "./interfaces/IRootVerifier.sol";
import {BLS12381} from "./libs/BLS12381.sol";
import {EpochHeaders} from "./libs/EpochHeaders.sol";
import {GuardianSets} from "./libs/GuardianSets.sol";
import {QuorumProofs} from "./libs/QuorumProofs.sol";

/// @title RootVerifier
/// @notice Implements {IRootVerifier}, which documents it.
contract RootVerifier is IRootVerifier, Governed {
    using EpochHeaders for EpochHeader;
    using GuardianSets for GuardianSet;

    // One slot holds all that changes or is needed with every certificate.
    uint64 private _setId;
    uint32 private _setSize;
    uint96 private _totalStake;
    /// @inheritdoc IRootVerifier
    uint64 public override latestEpoch;

    /// @inheritdoc IRootVerifier
    bytes32 public override networkId;
    /// @inheritdoc IRootVerifier
    bytes32 public override latestHeaderHash;
    bytes32 private _setRoot;
    BLS12381.StoredKey private _aggregateKey;

    /// @inheritdoc IRootVerifier
    mapping(uint64 epoch => bytes32) public override aggregateRoots;

    function initialize(address owner_) external initializer {
        __Ownable_init(owner_);
    }

    /// @inheritdoc IRootVerifier
    function submit(Certificate calldata certificate)
        external
        override
        returns (bytes32 aggregateRoot)
    {
        EpochHeader calldata header = certificate.header;
        aggregateRoot = header.aggregateRoot;
        if (header.epoch == 0) revert EpochZero();
        if (aggregateRoot == 0) revert AggregateRootZero();
        bytes32 known = aggregateRoots[header.epoch];
        if (known == aggregateRoot) return aggregateRoot;
        if (known != 0) revert EpochAlreadyCertified(header.epoch, known);

        uint256 totalStake = _installedStake();
        if (header.setId != _setId) revert UnknownGuardianSet(header.setId, _setId);
        bytes32 headerHash = header.hash(networkId);
        _checkQuorum(certificate.quorum, headerHash, totalStake);

        aggregateRoots[header.epoch] = aggregateRoot;
        if (header.epoch > latestEpoch) {
            latestEpoch = header.epoch;
            latestHeaderHash = headerHash;
        }
        emit EpochCertified(header.epoch, aggregateRoot, headerHash);
    }

    /// @inheritdoc IRootVerifier
    function install(bytes32 networkId_, GuardianSet calldata set) external override onlyOwner {
        if (networkId_ == 0) revert NetworkIdZero();
        if (networkId == 0) networkId = networkId_;
        if (networkId != networkId_) revert NetworkIdFixed(networkId);
        _store(set);
        emit GuardianSetInstalled(set.setId, networkId_, set.commitment(networkId_), set);
    }

    /// @inheritdoc IRootVerifier
    function rotate(GuardianSet calldata next, QuorumProof calldata quorum) external override {
        uint256 totalStake = _installedStake();
        uint64 outgoing = _setId;
        bytes32 commitment = next.commitment(networkId);
        _checkQuorum(quorum, commitment, totalStake);
        _store(next);
        emit GuardianSetRotated(next.setId, outgoing, commitment, next);
    }

    /// @inheritdoc IRootVerifier
    function guardianSet() external view override returns (GuardianSet memory) {
        return GuardianSet({
            setId: _setId,
            size: _setSize,
            totalStake: _totalStake,
            root: _setRoot,
            aggregateKey: BLS12381.unpack(_aggregateKey)
        });
    }

    function _store(GuardianSet calldata set) private {
        if (set.setId <= _setId) revert GuardianSetNotNewer(set.setId, _setId);
        if (set.size == 0 || set.totalStake == 0) revert GuardianSetEmpty();
        BLS12381.checkKey(set.aggregateKey);

        _setId = set.setId;
        _setSize = set.size;
        _totalStake = set.totalStake;
        _setRoot = set.root;
        _aggregateKey = BLS12381.pack(set.aggregateKey);
    }

    function _installedStake() private view returns (uint256 totalStake) {
        totalStake = _totalStake;
        if (totalStake == 0) revert NotInstalled();
    }

    /// @dev Reverts unless guardians with more than two thirds of `totalStake` signed `message`.
    function _checkQuorum(QuorumProof calldata quorum, bytes32 message, uint256 totalStake)
        private
        view
    {
        bytes memory key = BLS12381.unpack(_aggregateKey);
        if (quorum.absent.length != 0) {
            uint256 absentStake;
            (key, absentStake) = QuorumProofs.signers(quorum, _setRoot, key);
            uint256 signedStake = totalStake - absentStake;
            if (!GuardianSets.isQuorum(signedStake, totalStake)) {
                revert QuorumNotReached(signedStake, totalStake);
            }
        }
        bool signed =
            BLS12381.verify(key, abi.encode(message), BLS12381.SIGNATURE_TAG, quorum.signature);
        if (!signed) revert InvalidSignature();
    }
}
