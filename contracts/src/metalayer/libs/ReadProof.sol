// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IMetalayerRouter} from "../interfaces/IMetalayerRouter.sol";
import {MetaProof} from "./MetaProof.sol";

/// @title ReadProof
/// @notice Metadata of a message with reads: version (1), epoch (8), n (2), a (1), b (1), the metadata of
/// `AggregateRootIsm` (n), path of the results to the root of the epoch's reads (32·a), path from
/// there to the aggregate root (32·b), results (ABI-encoded `bytes[]`). See docs/formats.md.
library ReadProof {
    uint8 internal constant VERSION = 3;
    uint256 internal constant FIXED_LENGTH = 13;

    uint8 private constant NODE_VERSION = 1;
    uint8 private constant ROOT_KIND = 6;
    uint8 private constant RESULTS_KIND = 7;

    /// @notice Leaf of the tree over an epoch's reads.
    /// @param results ABI-encoded `bytes[]`.
    function leaf(bytes32 messageId, bytes calldata results) internal pure returns (bytes32) {
        return
            keccak256(abi.encodePacked(NODE_VERSION, RESULTS_KIND, messageId, keccak256(results)));
    }

    /// @notice Node over all reads of an epoch, beside the shards' under the aggregate root.
    function node(bytes32 readsRoot) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(NODE_VERSION, ROOT_KIND, readsRoot));
    }

    function epoch(bytes calldata proof) internal pure returns (uint64) {
        return uint64(bytes8(proof[1:9]));
    }

    /// @notice Splits the metadata.
    /// @return inner What proves the message itself.
    /// @return results ABI-encoded `bytes[]`.
    function split(bytes calldata proof)
        internal
        pure
        returns (bytes calldata inner, bytes calldata results)
    {
        if (proof.length < FIXED_LENGTH || uint8(proof[0]) != VERSION) {
            revert IMetalayerRouter.NoReadProof();
        }
        uint256 innerEnd = FIXED_LENGTH + uint16(bytes2(proof[9:11]));
        uint256 resultsAt = innerEnd + 32 * (uint256(uint8(proof[11])) + uint8(proof[12]));
        if (proof.length < resultsAt) revert IMetalayerRouter.NoReadProof();
        inner = proof[FIXED_LENGTH:innerEnd];
        results = proof[resultsAt:];
    }

    /// @notice The aggregate root that the results of a message's reads lead to.
    function aggregateRoot(bytes calldata proof, bytes32 messageId, bytes calldata results)
        internal
        pure
        returns (bytes32)
    {
        uint256 readsPath = FIXED_LENGTH + uint16(bytes2(proof[9:11]));
        uint256 topPath = readsPath + 32 * uint256(uint8(proof[11]));
        bytes32 readsRoot = MetaProof.climb(leaf(messageId, results), proof, readsPath, topPath);
        uint256 end = topPath + 32 * uint256(uint8(proof[12]));
        return MetaProof.climb(node(readsRoot), proof, topPath, end);
    }
}
