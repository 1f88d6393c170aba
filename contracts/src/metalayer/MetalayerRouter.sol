// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Governed} from "./Governed.sol";
import {
    IInterchainSecurityModule,
    ISpecifiesInterchainSecurityModule
} from "./interfaces/IInterchainSecurityModule.sol";
import {IMailbox} from "./interfaces/IMailbox.sol";
import {IMessageRecipient} from "./interfaces/IMessageRecipient.sol";
import {IMetalayerRecipient, ReadOperation} from "./interfaces/IMetalayerRecipient.sol";
import {FinalityState, IMetalayerRouter} from "./interfaces/IMetalayerRouter.sol";
import {BoundedCall} from "./libs/BoundedCall.sol";
import {Message} from "./libs/Message.sol";
import {RouterBody} from "./libs/RouterBody.sol";
import {StandardHookMetadata} from "./libs/StandardHookMetadata.sol";

/// @title MetalayerRouter
/// @notice Implements {IMetalayerRouter}, which documents it.
contract MetalayerRouter is
    IMetalayerRouter,
    IMessageRecipient,
    ISpecifiesInterchainSecurityModule,
    Governed
{
    /// @notice Gas limit of messages that name none.
    uint256 public constant DEFAULT_GAS_LIMIT = 100_000;

    /// @inheritdoc IMetalayerRouter
    IMailbox public immutable override mailbox;
    /// @inheritdoc IMetalayerRouter
    address public immutable override igp;

    mapping(uint32 domain => address router) private _routers;

    constructor(address mailbox_, address igp_) {
        mailbox = IMailbox(mailbox_);
        igp = igp_;
    }

    function initialize(address owner_) external initializer {
        __Ownable_init(owner_);
    }

    /// @inheritdoc IMetalayerRouter
    function dispatch(
        uint32 destinationDomain,
        address recipientAddress,
        ReadOperation[] calldata reads,
        bytes calldata writeCallData,
        FinalityState finalityState,
        uint256 gasLimit
    ) external payable override {
        _checkAvailable(reads.length, finalityState);
        _dispatch(destinationDomain, Message.toBytes32(recipientAddress), writeCallData, gasLimit);
    }

    /// @inheritdoc IMetalayerRouter
    function dispatch(
        uint32 destinationDomain,
        bytes32 recipientAddress,
        ReadOperation[] calldata reads,
        bytes calldata writeCallData,
        FinalityState finalityState,
        uint256 gasLimit
    ) external payable override {
        _checkAvailable(reads.length, finalityState);
        _dispatch(destinationDomain, recipientAddress, writeCallData, gasLimit);
    }

    /// @notice Takes a message from the mailbox and gives it to its recipient.
    /// @inheritdoc IMessageRecipient
    function handle(uint32 origin, bytes32 sender, bytes calldata body) external payable override {
        if (msg.sender != address(mailbox)) revert NotMailbox(msg.sender);
        if (sender != Message.toBytes32(routerAddresses(origin))) {
            revert UnknownRouter(origin, sender);
        }
        uint8 version = RouterBody.version(body);
        if (version != RouterBody.VERSION) revert UnsupportedBodyVersion(version);
        RouterBody.Data memory data = RouterBody.decode(body);
        if (data.reads.length != 0) revert ReadsNotAvailable();
        if (data.finality != uint8(FinalityState.INSTANT)) revert FinalizedNotAvailable();

        address recipient = Message.toAddress(data.recipient);
        if (recipient.code.length == 0) revert RecipientNotContract(recipient);
        _deliver(recipient, origin, data);
    }

    /// @inheritdoc IMetalayerRouter
    function setRouterAddress(uint32 domain, address router) external override onlyOwner {
        _routers[domain] = router;
        emit RouterAddressSet(domain, router);
    }

    /// @inheritdoc IMetalayerRouter
    function quoteDispatch(
        uint32 destinationDomain,
        bytes32 recipientAddress,
        ReadOperation[] calldata reads,
        bytes calldata writeCallData,
        FinalityState finalityState,
        uint256 gasLimit
    ) external view override returns (uint256) {
        _checkAvailable(reads.length, finalityState);
        return _quote(destinationDomain, recipientAddress, writeCallData, gasLimit);
    }

    /// @inheritdoc IMetalayerRouter
    function quoteDispatch(
        uint32 destinationDomain,
        address recipientAddress,
        ReadOperation[] calldata reads,
        bytes calldata writeCallData,
        FinalityState finalityState,
        uint256 gasLimit
    ) external view override returns (uint256) {
        _checkAvailable(reads.length, finalityState);
        return
            _quote(destinationDomain, Message.toBytes32(recipientAddress), writeCallData, gasLimit);
    }

    /// @inheritdoc IMetalayerRouter
    function quoteDispatch(
        uint32 destinationDomain,
        bytes32 recipientAddress,
        bytes calldata messageBody
    ) external view override returns (uint256) {
        return _quote(destinationDomain, recipientAddress, messageBody, DEFAULT_GAS_LIMIT);
    }

    /// @inheritdoc ISpecifiesInterchainSecurityModule
    /// @dev Zero: whatever the mailbox trusts by default.
    function interchainSecurityModule() external pure override returns (IInterchainSecurityModule) {
        return IInterchainSecurityModule(address(0));
    }

    /// @inheritdoc IMetalayerRouter
    function routerAddresses(uint32 domain) public view override returns (address) {
        address router = _routers[domain];
        return router == address(0) ? address(this) : router;
    }

    /// @dev What the paymaster does not need goes back to the caller.
    function _dispatch(
        uint32 destinationDomain,
        bytes32 recipient,
        bytes calldata writeCallData,
        uint256 gasLimit
    ) private {
        gasLimit = _orDefault(gasLimit);
        mailbox.dispatch{value: msg.value}(
            destinationDomain,
            Message.toBytes32(routerAddresses(destinationDomain)),
            _body(recipient, writeCallData, gasLimit),
            StandardHookMetadata.encode(0, gasLimit, msg.sender)
        );
    }

    /// @dev The recipient gets the whole gas limit or the message fails and can be tried again: with less,
    /// whoever brings the message could make it fail inside a recipient that catches its errors.
    function _deliver(address recipient, uint32 origin, RouterBody.Data memory data) private {
        bytes memory call = abi.encodeCall(
            IMetalayerRecipient.handle,
            (origin, data.sender, data.writeCallData, data.reads, new bytes[](0))
        );
        if (!BoundedCall.covers(gasleft(), data.gasLimit)) {
            revert InsufficientGas(data.gasLimit, gasleft());
        }
        (bool success, bytes memory reason) =
            BoundedCall.tryCall(recipient, msg.value, data.gasLimit, call);
        if (!success) revert RecipientReverted(reason);
    }

    function _quote(
        uint32 destinationDomain,
        bytes32 recipient,
        bytes calldata writeCallData,
        uint256 gasLimit
    ) private view returns (uint256) {
        gasLimit = _orDefault(gasLimit);
        return mailbox.quoteDispatch(
            destinationDomain,
            Message.toBytes32(routerAddresses(destinationDomain)),
            _body(recipient, writeCallData, gasLimit),
            StandardHookMetadata.encode(0, gasLimit, msg.sender)
        );
    }

    function _body(bytes32 recipient, bytes calldata writeCallData, uint256 gasLimit)
        private
        view
        returns (bytes memory)
    {
        return RouterBody.encodeInstant(
            gasLimit, Message.toBytes32(msg.sender), recipient, writeCallData
        );
    }

    function _orDefault(uint256 gasLimit) private pure returns (uint256) {
        return gasLimit == 0 ? DEFAULT_GAS_LIMIT : gasLimit;
    }

    function _checkAvailable(uint256 reads, FinalityState finalityState) private pure {
        if (reads != 0) revert ReadsNotAvailable();
        if (finalityState != FinalityState.INSTANT) revert FinalizedNotAvailable();
    }
}
