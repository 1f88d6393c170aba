// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ReadOperation} from "../interfaces/IMetalayerRecipient.sol";

/// @title RouterBody
/// @notice Body of a message between two `MetalayerRouter`s, see docs/formats.md.
library RouterBody {
    uint8 internal constant VERSION = 1;

    /// @param finality A `FinalityState`, as a number.
    /// @param gasLimit Gas that the recipient gets.
    /// @param sender Account that called the origin's router.
    /// @param recipient Whom the message is for.
    /// @param reads What to read on other chains.
    /// @param writeCallData The recipient's message.
    struct Data {
        uint8 finality;
        uint256 gasLimit;
        bytes32 sender;
        bytes32 recipient;
        ReadOperation[] reads;
        bytes writeCallData;
    }

    /// @notice The body's bytes.
    function encode(
        uint8 finality_,
        uint256 gasLimit,
        bytes32 sender,
        bytes32 recipient,
        ReadOperation[] calldata reads,
        bytes calldata writeCallData
    ) internal pure returns (bytes memory) {
        return abi.encode(VERSION, finality_, gasLimit, sender, recipient, reads, writeCallData);
    }

    /// @notice The version alone, so that it can be checked before the rest is read.
    function version(bytes calldata body) internal pure returns (uint8) {
        return abi.decode(body, (uint8));
    }

    /// @notice What a module has to know: when the message may be delivered, and how many reads it has.
    function demands(bytes calldata body) internal pure returns (uint8 finality_, uint256 reads) {
        ReadOperation[] memory operations;
        (, finality_,,,, operations) =
            abi.decode(body, (uint8, uint8, uint256, bytes32, bytes32, ReadOperation[]));
        reads = operations.length;
    }

    function decode(bytes calldata body) internal pure returns (Data memory data) {
        (
            ,
            data.finality,
            data.gasLimit,
            data.sender,
            data.recipient,
            data.reads,
            data.writeCallData
        ) = abi.decode(body, (uint8, uint8, uint256, bytes32, bytes32, ReadOperation[], bytes));
    }
}
