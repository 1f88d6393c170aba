// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IInterchainSecurityModule} from "./IInterchainSecurityModule.sol";
import {IPostDispatchHook} from "./IPostDispatchHook.sol";

/// @title IMailbox
/// @notice Sends messages to other chains and processes those that come from them. Message bytes,
/// functions and events are Hyperlane's, version 3; errors are our own.
interface IMailbox {
    /// @notice Emitted for each dispatched message.
    /// @param sender Account that dispatched it.
    /// @param destination Domain it goes to.
    /// @param recipient Whom it is for.
    /// @param message The whole message.
    event Dispatch(
        address indexed sender, uint32 indexed destination, bytes32 indexed recipient, bytes message
    );

    /// @notice Emitted with {Dispatch}.
    event DispatchId(bytes32 indexed messageId);

    /// @notice Emitted for each processed message.
    /// @param origin Domain it was dispatched on.
    /// @param sender Account that dispatched it.
    /// @param recipient Contract that handled it.
    event Process(uint32 indexed origin, bytes32 indexed sender, address indexed recipient);

    /// @notice Emitted with {Process}.
    event ProcessId(bytes32 indexed messageId);

    /// @notice Emitted when the default module is set.
    event DefaultIsmSet(address indexed module);

    /// @notice Emitted when the default hook is set.
    event DefaultHookSet(address indexed hook);

    /// @notice Emitted when the required hook is set.
    event RequiredHookSet(address indexed hook);

    /// @notice Thrown when a message is shorter than its header.
    error MessageTooShort(uint256 length);

    /// @notice Thrown when a message is of another version than {VERSION}.
    error UnsupportedVersion(uint8 version);

    /// @notice Thrown when a message is for another chain.
    error UnexpectedDestination(uint32 destination, uint32 localDomain);

    /// @notice Thrown when a message has been processed before.
    error AlreadyDelivered(bytes32 messageId);

    /// @notice Thrown when a message's recipient has no code on this chain.
    error RecipientNotContract(address recipient);

    /// @notice Thrown when the recipient's module does not vouch for a message and gives no reason.
    error VerificationFailed(bytes32 messageId, address module);

    /// @notice Thrown when something that has no code is set as a module or hook.
    error NotContract(address account);

    /// @notice The version of messages that this mailbox speaks.
    // solhint-disable-next-line func-name-mixedcase
    function VERSION() external view returns (uint8);

    /// @notice This chain's domain.
    function localDomain() external view returns (uint32);

    /// @notice Nonce of the next dispatched message, and the number of those dispatched before.
    function nonce() external view returns (uint32);

    /// @notice Block that the mailbox was initialized in; 0 where it is part of the genesis.
    function deployedBlock() external view returns (uint256);

    /// @notice Id of the message dispatched last; hooks authenticate messages by it.
    function latestDispatchedId() external view returns (bytes32);

    /// @notice Whether a message has been processed here.
    function delivered(bytes32 messageId) external view returns (bool);

    /// @notice Account that processed a message; zero when nobody has.
    function processor(bytes32 messageId) external view returns (address);

    /// @notice Block in which a message was processed; zero when it has not been.
    function processedAt(bytes32 messageId) external view returns (uint48);

    /// @notice The module that guards recipients that name none.
    function defaultIsm() external view returns (IInterchainSecurityModule);

    /// @notice The hook called when a dispatcher names none.
    function defaultHook() external view returns (IPostDispatchHook);

    /// @notice The hook called for every message.
    function requiredHook() external view returns (IPostDispatchHook);

    /// @notice The module that guards `recipient`: its own choice, or the default.
    function recipientIsm(address recipient)
        external
        view
        returns (IInterchainSecurityModule module);

    /// @notice Sends a message with the default hook and no metadata.
    /// @param destinationDomain Domain it goes to.
    /// @param recipientAddress Recipient there, left-padded to 32 bytes.
    /// @param messageBody What it says.
    /// @return messageId Keccak-256 of the message.
    function dispatch(
        uint32 destinationDomain,
        bytes32 recipientAddress,
        bytes calldata messageBody
    ) external payable returns (bytes32 messageId);

    /// @notice Sends a message with the default hook.
    /// @param hookMetadata For the hooks; see `StandardHookMetadata`.
    function dispatch(
        uint32 destinationDomain,
        bytes32 recipientAddress,
        bytes calldata messageBody,
        bytes calldata hookMetadata
    ) external payable returns (bytes32 messageId);

    /// @notice Sends a message with a hook of the dispatcher's choice beside the required one.
    /// @dev The required hook gets what it asks for, or all there is; the other hook gets the rest
    /// and gives back what it does not need.
    /// @param hook Called instead of the default hook; zero means the default.
    function dispatch(
        uint32 destinationDomain,
        bytes32 recipientAddress,
        bytes calldata messageBody,
        bytes calldata hookMetadata,
        IPostDispatchHook hook
    ) external payable returns (bytes32 messageId);

    /// @notice What the first {dispatch} costs, in wei.
    function quoteDispatch(
        uint32 destinationDomain,
        bytes32 recipientAddress,
        bytes calldata messageBody
    ) external view returns (uint256 fee);

    /// @notice What the second {dispatch} costs, in wei.
    function quoteDispatch(
        uint32 destinationDomain,
        bytes32 recipientAddress,
        bytes calldata messageBody,
        bytes calldata hookMetadata
    ) external view returns (uint256 fee);

    /// @notice What the third {dispatch} costs, in wei.
    function quoteDispatch(
        uint32 destinationDomain,
        bytes32 recipientAddress,
        bytes calldata messageBody,
        bytes calldata hookMetadata,
        IPostDispatchHook hook
    ) external view returns (uint256 fee);

    /// @notice Verifies a message and gives it to its recipient, with the value of this call.
    /// @param metadata What proves the message to the recipient's module.
    /// @param message The whole message.
    function process(bytes calldata metadata, bytes calldata message) external payable;

    /// @notice Sets the default module. Only for the owner.
    function setDefaultIsm(address module) external;

    /// @notice Sets the default hook. Only for the owner.
    function setDefaultHook(address hook) external;

    /// @notice Sets the required hook. Only for the owner.
    function setRequiredHook(address hook) external;
}
