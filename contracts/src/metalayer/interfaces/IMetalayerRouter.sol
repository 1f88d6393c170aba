// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IMailbox} from "./IMailbox.sol";
import {ReadOperation} from "./IMetalayerRecipient.sol";

/// @notice When a message may be delivered.
/// INSTANT: once its block is sealed and attested. FINALIZED: once its origin calls the block final.
enum FinalityState {
    INSTANT,
    FINALIZED
}

/// @title IMetalayerRouter
/// @notice Sends messages with a gas limit, and with reads and a finality once those are available.
/// The functions without a remark are those of Caldera's public ABI.
interface IMetalayerRouter {
    /// @notice Emitted when a domain's router is set.
    /// @param router The zero address when the domain has this router's own address again.
    event RouterAddressSet(uint32 indexed domain, address router);

    /// @notice Thrown when a message asks for reads, which do not exist yet.
    error ReadsNotAvailable();

    /// @notice Thrown when a message asks for finality, which does not exist yet.
    error FinalizedNotAvailable();

    /// @notice Thrown when anybody but the mailbox calls {handle}.
    error NotMailbox(address caller);

    /// @notice Thrown when a message does not come from the router of its origin.
    error UnknownRouter(uint32 origin, bytes32 sender);

    /// @notice Thrown when a message's body is of a version that this router does not know.
    error UnsupportedBodyVersion(uint8 version);

    /// @notice Thrown when a message's recipient has no code on this chain.
    error RecipientNotContract(address recipient);

    /// @notice Thrown when the recipient could not be given the gas that its sender chose.
    error InsufficientGas(uint256 gasLimit, uint256 gasLeft);

    /// @notice Thrown when the recipient reverts.
    /// @param reason What it reverted with, cut after 1,024 bytes; empty when it ran out of gas.
    error RecipientReverted(bytes reason);

    /// @notice Sends a message to an address on a chain with an EVM.
    /// @param destinationDomain Domain it goes to.
    /// @param recipientAddress Recipient there.
    /// @param reads Must be empty.
    /// @param writeCallData What the recipient gets as its message.
    /// @param finalityState Must be INSTANT.
    /// @param gasLimit Gas that the recipient gets; 0 means 100,000.
    function dispatch(
        uint32 destinationDomain,
        address recipientAddress,
        ReadOperation[] calldata reads,
        bytes calldata writeCallData,
        FinalityState finalityState,
        uint256 gasLimit
    ) external payable;

    /// @notice Sends a message to a recipient given in 32 bytes.
    function dispatch(
        uint32 destinationDomain,
        bytes32 recipientAddress,
        ReadOperation[] calldata reads,
        bytes calldata writeCallData,
        FinalityState finalityState,
        uint256 gasLimit
    ) external payable;

    /// @notice What {dispatch} to a recipient given in 32 bytes costs, in wei.
    function quoteDispatch(
        uint32 destinationDomain,
        bytes32 recipientAddress,
        ReadOperation[] calldata reads,
        bytes calldata writeCallData,
        FinalityState finalityState,
        uint256 gasLimit
    ) external view returns (uint256 fee);

    /// @notice What {dispatch} to an address costs, in wei.
    function quoteDispatch(
        uint32 destinationDomain,
        address recipientAddress,
        ReadOperation[] calldata reads,
        bytes calldata writeCallData,
        FinalityState finalityState,
        uint256 gasLimit
    ) external view returns (uint256 fee);

    /// @notice What an INSTANT message without reads and with a gas limit of 100,000 costs, in wei.
    function quoteDispatch(
        uint32 destinationDomain,
        bytes32 recipientAddress,
        bytes calldata messageBody
    ) external view returns (uint256 fee);

    /// @notice The router of a domain: this one's own address, unless the governor set another.
    function routerAddresses(uint32 domain) external view returns (address routerAddress);

    /// @notice The gas paymaster.
    function igp() external view returns (address);

    /// @notice The mailbox. An addition to the public ABI.
    function mailbox() external view returns (IMailbox);

    /// @notice Sets a domain's router; zero means this one's own address. Only for the owner. An
    /// addition to the public ABI.
    function setRouterAddress(uint32 domain, address router) external;
}
