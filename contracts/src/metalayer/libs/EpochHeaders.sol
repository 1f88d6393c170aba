// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {EpochHeader} from "../interfaces/IRootVerifier.sol";

/// @title EpochHeaders
/// @notice What guardians sign of an epoch: the hash of 122 packed bytes, see docs/formats.md.
library EpochHeaders {
    uint8 private constant VERSION = 1;
    uint8 private constant KIND = 1;

    function hash(EpochHeader memory header, bytes32 networkId) internal pure returns (bytes32) {
        return keccak256(
            abi.encodePacked(
                VERSION,
                KIND,
                networkId,
                header.setId,
                header.epoch,
                header.timestamp,
                header.parentHash,
                header.aggregateRoot
            )
        );
    }
}
