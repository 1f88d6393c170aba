// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {Governed} from "./Governed.sol";
import {
    IInterchainSecurityModule,
    ISpecifiesInterchainSecurityModule
} from "./interfaces/IInterchainSecurityModule.sol";
import {IMailbox} from "./interfaces/IMailbox.sol";
import {IMessageRecipient} from "./interfaces/IMessageRecipient.sol";
import {IPostDispatchHook} from "./interfaces/IPostDispatchHook.sol";
import {Message} from "./libs/Message.sol";

/// @title Mailbox
/// @notice Implements {IMailbox}, which documents it.
/// @dev Recipients, modules and hooks may call back: everything that they could abuse is written before
/// they are called. `process` marks a message as delivered first; `dispatch` takes its nonce first.
contract Mailbox is IMailbox, Governed {
    using Message for bytes;

    struct Delivery {
        address processor;
        uint48 blockNumber;
    }

    /// @inheritdoc IMailbox
    uint8 public constant override VERSION = 3;

    // One slot. A genesis sets it to the chain's domain, which makes the other two zero: right for a
    // mailbox that is there from the start.
    /// @inheritdoc IMailbox
    uint32 public override localDomain;
    /// @inheritdoc IMailbox
    uint32 public override nonce;
    uint64 private _deployedBlock;

    /// @inheritdoc IMailbox
    bytes32 public override latestDispatchedId;
    /// @inheritdoc IMailbox
    IInterchainSecurityModule public override defaultIsm;
    /// @inheritdoc IMailbox
    IPostDispatchHook public override defaultHook;
    /// @inheritdoc IMailbox
    IPostDispatchHook public override requiredHook;

    mapping(bytes32 messageId => Delivery) private _deliveries;

    /// @dev Modules and hooks need no code yet: their addresses are known before they are deployed.
    function initialize(
        address owner_,
        uint32 localDomain_,
        address defaultIsm_,
        address defaultHook_,
        address requiredHook_
    ) external initializer {
        __Ownable_init(owner_);
        localDomain = localDomain_;
        _deployedBlock = uint64(block.number);
        _setDefaultIsm(defaultIsm_);
        _setDefaultHook(defaultHook_);
        _setRequiredHook(requiredHook_);
    }

    /// @inheritdoc IMailbox
    function dispatch(
        uint32 destinationDomain,
        bytes32 recipientAddress,
        bytes calldata messageBody
    ) external payable override returns (bytes32) {
        return _dispatch(
            destinationDomain, recipientAddress, messageBody, messageBody[0:0], defaultHook
        );
    }

    /// @inheritdoc IMailbox
    function dispatch(
        uint32 destinationDomain,
        bytes32 recipientAddress,
        bytes calldata messageBody,
        bytes calldata hookMetadata
    ) external payable override returns (bytes32) {
        return _dispatch(
            destinationDomain, recipientAddress, messageBody, hookMetadata, defaultHook
        );
    }

    /// @inheritdoc IMailbox
    function dispatch(
        uint32 destinationDomain,
        bytes32 recipientAddress,
        bytes calldata messageBody,
        bytes calldata hookMetadata,
        IPostDispatchHook hook
    ) external payable override returns (bytes32) {
        return _dispatch(
            destinationDomain, recipientAddress, messageBody, hookMetadata, _orDefault(hook)
        );
    }

    /// @inheritdoc IMailbox
    function process(bytes calldata metadata, bytes calldata message) external payable override {
        if (message.length < Message.HEADER_LENGTH) revert MessageTooShort(message.length);
        if (message.version() != VERSION) revert UnsupportedVersion(message.version());
        if (message.destination() != localDomain) {
            revert UnexpectedDestination(message.destination(), localDomain);
        }
        bytes32 id = message.id();
        if (delivered(id)) revert AlreadyDelivered(id);
        address recipient = message.recipientAddress();
        if (recipient.code.length == 0) revert RecipientNotContract(recipient);
        IInterchainSecurityModule ism = recipientIsm(recipient);

        _deliveries[id] = Delivery(msg.sender, uint48(block.number));
        emit Process(message.origin(), message.sender(), recipient);
        emit ProcessId(id);

        if (!ism.verify(metadata, message)) revert VerificationFailed(id, address(ism));
        IMessageRecipient(recipient).handle{value: msg.value}(
            message.origin(), message.sender(), message.body()
        );
    }

    /// @inheritdoc IMailbox
    function setDefaultIsm(address module) external override onlyOwner {
        _checkContract(module);
        _setDefaultIsm(module);
    }

    /// @inheritdoc IMailbox
    function setDefaultHook(address hook) external override onlyOwner {
        _checkContract(hook);
        _setDefaultHook(hook);
    }

    /// @inheritdoc IMailbox
    function setRequiredHook(address hook) external override onlyOwner {
        _checkContract(hook);
        _setRequiredHook(hook);
    }

    /// @inheritdoc IMailbox
    function quoteDispatch(
        uint32 destinationDomain,
        bytes32 recipientAddress,
        bytes calldata messageBody
    ) external view override returns (uint256) {
        return _quoteDispatch(
            destinationDomain, recipientAddress, messageBody, messageBody[0:0], defaultHook
        );
    }

    /// @inheritdoc IMailbox
    function quoteDispatch(
        uint32 destinationDomain,
        bytes32 recipientAddress,
        bytes calldata messageBody,
        bytes calldata hookMetadata
    ) external view override returns (uint256) {
        return _quoteDispatch(
            destinationDomain, recipientAddress, messageBody, hookMetadata, defaultHook
        );
    }

    /// @inheritdoc IMailbox
    function quoteDispatch(
        uint32 destinationDomain,
        bytes32 recipientAddress,
        bytes calldata messageBody,
        bytes calldata hookMetadata,
        IPostDispatchHook hook
    ) external view override returns (uint256) {
        return _quoteDispatch(
            destinationDomain, recipientAddress, messageBody, hookMetadata, _orDefault(hook)
        );
    }

    /// @inheritdoc IMailbox
    function deployedBlock() external view override returns (uint256) {
        return _deployedBlock;
    }

    /// @inheritdoc IMailbox
    function processor(bytes32 messageId) external view override returns (address) {
        return _deliveries[messageId].processor;
    }

    /// @inheritdoc IMailbox
    function processedAt(bytes32 messageId) external view override returns (uint48) {
        return _deliveries[messageId].blockNumber;
    }

    /// @inheritdoc IMailbox
    function delivered(bytes32 messageId) public view override returns (bool) {
        return _deliveries[messageId].blockNumber != 0;
    }

    /// @inheritdoc IMailbox
    /// @dev A recipient without the function, or whose answer is no address, has the default.
    function recipientIsm(address recipient)
        public
        view
        override
        returns (IInterchainSecurityModule)
    {
        (bool success, bytes32 answer,) = LowLevelCall.staticcallReturn64Bytes(
            recipient,
            abi.encodeCall(ISpecifiesInterchainSecurityModule.interchainSecurityModule, ())
        );
        bool isAddress = success && LowLevelCall.returnDataSize() >= 32 && answer != 0
            && uint256(answer) <= type(uint160).max;
        return isAddress ? IInterchainSecurityModule(address(uint160(uint256(answer)))) : defaultIsm;
    }

    function _dispatch(
        uint32 destinationDomain,
        bytes32 recipientAddress,
        bytes calldata messageBody,
        bytes calldata metadata,
        IPostDispatchHook hook
    ) private returns (bytes32 id) {
        bytes memory message = _build(destinationDomain, recipientAddress, messageBody);
        id = keccak256(message);

        latestDispatchedId = id;
        ++nonce;
        emit Dispatch(msg.sender, destinationDomain, recipientAddress, message);
        emit DispatchId(id);

        IPostDispatchHook required = requiredHook;
        uint256 requiredValue = required.quoteDispatch(metadata, message);
        // a hook that gets less than it wants says so itself
        if (msg.value < requiredValue) requiredValue = msg.value;
        required.postDispatch{value: requiredValue}(metadata, message);
        hook.postDispatch{value: msg.value - requiredValue}(metadata, message);
    }

    function _setDefaultIsm(address module) private {
        defaultIsm = IInterchainSecurityModule(module);
        emit DefaultIsmSet(module);
    }

    function _setDefaultHook(address hook) private {
        defaultHook = IPostDispatchHook(hook);
        emit DefaultHookSet(hook);
    }

    function _setRequiredHook(address hook) private {
        requiredHook = IPostDispatchHook(hook);
        emit RequiredHookSet(hook);
    }

    function _quoteDispatch(
        uint32 destinationDomain,
        bytes32 recipientAddress,
        bytes calldata messageBody,
        bytes calldata metadata,
        IPostDispatchHook hook
    ) private view returns (uint256) {
        bytes memory message = _build(destinationDomain, recipientAddress, messageBody);
        return requiredHook.quoteDispatch(metadata, message) + hook.quoteDispatch(metadata, message);
    }

    function _build(uint32 destinationDomain, bytes32 recipientAddress, bytes calldata messageBody)
        private
        view
        returns (bytes memory)
    {
        return Message.encode(
            VERSION,
            nonce,
            localDomain,
            Message.toBytes32(msg.sender),
            destinationDomain,
            recipientAddress,
            messageBody
        );
    }

    function _orDefault(IPostDispatchHook hook) private view returns (IPostDispatchHook) {
        return address(hook) == address(0) ? defaultHook : hook;
    }

    function _checkContract(address account) private view {
        if (account.code.length == 0) revert NotContract(account);
    }
}
