// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {
    Certificate,
    GuardianSet,
    IRootVerifier,
    QuorumProof
} from "../../src/metalayer/interfaces/IRootVerifier.sol";

/// @notice Certifies whatever it is told, or is given: what it stands for has tests of its own.
contract MockRootVerifier is IRootVerifier {
    mapping(uint64 epoch => bytes32) public override aggregateRoots;
    uint64 public override latestEpoch;
    uint256 public submissions;

    function certify(uint64 epoch, bytes32 root) public {
        aggregateRoots[epoch] = root;
        latestEpoch = epoch;
    }

    /// @dev A certificate without signature is refused.
    function submit(Certificate calldata certificate) external override returns (bytes32) {
        if (certificate.quorum.signature.length == 0) revert InvalidSignature();
        ++submissions;
        certify(certificate.header.epoch, certificate.header.aggregateRoot);
        return certificate.header.aggregateRoot;
    }

    function install(bytes32, GuardianSet calldata) external override {}
    function rotate(GuardianSet calldata, QuorumProof calldata) external override {}
    function latestHeaderHash() external view override returns (bytes32) {}
    function networkId() external view override returns (bytes32) {}
    function guardianSet() external view override returns (GuardianSet memory) {}
}
