// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IRootVerifier, QuorumProof} from "../metalayer/interfaces/IRootVerifier.sol";
import {QuorumProofs} from "../metalayer/libs/QuorumProofs.sol";
import {IGuardianVerdicts} from "./interfaces/IGuardianVerdicts.sol";
import {DataQuestion, IDataDecider, IStepDecider, Step} from "./interfaces/IStepDecider.sol";

/// @title GuardianVerdicts
/// @notice Implements {IGuardianVerdicts}, which documents it.
contract GuardianVerdicts is IGuardianVerdicts {
    uint8 private constant VERSION = 1;
    uint8 private constant STEP_KIND = 9;
    uint8 private constant DATA_KIND = 10;

    /// @inheritdoc IGuardianVerdicts
    IRootVerifier public immutable override rootVerifier;

    constructor(address rootVerifier_) {
        rootVerifier = IRootVerifier(rootVerifier_);
    }

    /// @inheritdoc IStepDecider
    function checkStep(Step calldata step, bool right, bytes calldata proof)
        external
        view
        override
    {
        QuorumProofs.check(_quorum(proof), stepDigest(step, right), rootVerifier.guardianSet());
    }

    /// @inheritdoc IDataDecider
    function checkData(DataQuestion calldata question, bool available, bytes calldata proof)
        external
        view
        override
    {
        bytes32 digest = dataDigest(question, available);
        QuorumProofs.check(_quorum(proof), digest, rootVerifier.guardianSet());
    }

    /// @inheritdoc IGuardianVerdicts
    function stepDigest(Step calldata step, bool right) public view override returns (bytes32) {
        return _digest(STEP_KIND, keccak256(abi.encode(step)), right);
    }

    /// @inheritdoc IGuardianVerdicts
    function dataDigest(DataQuestion calldata question, bool available)
        public
        view
        override
        returns (bytes32)
    {
        return _digest(DATA_KIND, keccak256(abi.encode(question)), available);
    }

    function _digest(uint8 kind, bytes32 what, bool verdict) private view returns (bytes32) {
        return keccak256(abi.encodePacked(VERSION, kind, rootVerifier.networkId(), what, verdict));
    }

    /// @dev The struct where it lies in calldata: it is the only value encoded, so it begins after one word.
    /// Its own offsets are checked by the compiler as they are followed.
    function _quorum(bytes calldata proof) private pure returns (QuorumProof calldata quorum) {
        if (proof.length < 5 * 32 || uint256(bytes32(proof)) != 32) revert MalformedProof();
        assembly ("memory-safe") {
            quorum := add(proof.offset, 32)
        }
    }
}
