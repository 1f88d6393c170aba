// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IAggregateRootIsm} from "./IAggregateRootIsm.sol";
import {IMailbox} from "./IMailbox.sol";
import {ReadOperation} from "./IMetalayerRecipient.sol";

/// @notice When a message may be delivered.
/// INSTANT: once its block is sealed and attested. FINALIZED: once its origin calls the block final.
enum FinalityState {
    INSTANT,
    FINALIZED
}

/// @title IMetalayerRouter
/// @notice Sends messages with a gas limit, with reads of other chains, and INSTANT or FINALIZED.
/// The functions without a remark are those of Caldera's public ABI.
interface IMetalayerRouter {
    /// @notice Emitted when a domain's router is set.
    /// @param router The zero address when the domain has this router's own address again.
    event RouterAddressSet(uint32 indexed domain, address router);

    /// @notice Thrown when a message has more reads than one may have.
    error TooManyReads(uint256 given, uint256 most);

    /// @notice Thrown when the call data of a read is longer than it may be.
    error ReadTooLong(uint256 index, uint256 length, uint256 most);

    /// @notice Thrown when a FINALIZED message is proven by a block that its origin may still reorganise.
    error NotFinal(bytes32 messageId);

    /// @notice Thrown when a message with reads comes without certified results.
    error NoReadProof();

    /// @notice Thrown when the certificate that the results refer to is not on this chain.
    error UnknownEpoch(uint64 epoch);

    /// @notice Thrown when the results are not those that the guardians certified.
    error InvalidReadProof(bytes32 expectedRoot, bytes32 computedRoot);

    /// @notice Thrown when there is not one result for each read.
    error ReadResultCount(uint256 given, uint256 expected);

    /// @notice Thrown when the mailbox hands over a message that {verify} has not seen.
    error NotVerified();

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
    /// @param reads What to call on other chains before the message is delivered; at most 8, with call data
    /// of at most 1,024 bytes each.
    /// @param writeCallData What the recipient gets as its message.
    /// @param finalityState When it may be delivered. Reads of a FINALIZED message are made at final blocks.
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

    /// @notice Checks the proofs of this router's messages. An addition to the public ABI.
    function aggregateRootIsm() external view returns (IAggregateRootIsm);

    /// @notice The mailbox. An addition to the public ABI.
    function mailbox() external view returns (IMailbox);

    /// @notice Sets a domain's router; zero means this one's own address. Only for the owner. An
    /// addition to the public ABI.
    function setRouterAddress(uint32 domain, address router) external;
}
