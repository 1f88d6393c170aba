// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @notice A call whose result on another chain goes with a message.
/// @param sourceChainId Domain of the chain to read; the name is that of the router's public ABI.
/// @param sourceContract The contract to call there.
/// @param callData What to call it with.
struct ReadOperation {
    uint32 sourceChainId;
    address sourceContract;
    bytes callData;
}

/// @title IMetalayerRecipient
/// @notice What a contract implements to receive messages from a `MetalayerRouter`.
interface IMetalayerRecipient {
    /// @notice Called by the destination's router, with the gas limit that the sender chose.
    /// @dev Accept calls from the router only: it alone has verified origin and sender.
    /// @param originDomain Domain that the message was dispatched on.
    /// @param sender Account that called the origin's router, left-padded to 32 bytes.
    /// @param message The message's own bytes.
    /// @param reads The reads that were asked for.
    /// @param readResults One result for each of `reads`, in the same order: what the call returned, or, if
    /// it failed, less than 32 bytes that begin with a selector of `ReadResults`.
    function handle(
        uint32 originDomain,
        bytes32 sender,
        bytes calldata message,
        ReadOperation[] calldata reads,
        bytes[] calldata readResults
    ) external payable;
}
