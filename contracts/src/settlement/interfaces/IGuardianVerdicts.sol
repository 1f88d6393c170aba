// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IRootVerifier} from "../../metalayer/interfaces/IRootVerifier.sol";
import {DataQuestion, IDataDecider, IStepDecider, Step} from "./IStepDecider.sol";

/// @title Verdicts that a quorum of guardians signed
/// @notice A decider whose proof is `abi.encode(QuorumProof)`: more than two thirds of the stake of the set that is
/// in force on the L1 signed the verdict's digest (docs/formats.md, "Verdicts"). The quorum is trusted for what
/// it says, and for saying it at all.
interface IGuardianVerdicts is IStepDecider, IDataDecider {
    /// @notice The proof is no ABI encoding of a `QuorumProof`.
    error MalformedProof();

    /// @notice What guardians sign of a step.
    function stepDigest(Step calldata step, bool right) external view returns (bytes32);

    /// @notice What guardians sign of data.
    function dataDigest(DataQuestion calldata question, bool available)
        external
        view
        returns (bytes32);

    /// @notice Names the set whose quorum signs, and the network that everything signed commits to.
    function rootVerifier() external view returns (IRootVerifier);
}
