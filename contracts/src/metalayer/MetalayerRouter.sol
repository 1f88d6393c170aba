// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Governed} from "./Governed.sol";
import {IAggregateRootIsm} from "./interfaces/IAggregateRootIsm.sol";
import {
    IInterchainSecurityModule,
    ISpecifiesInterchainSecurityModule
} from "./interfaces/IInterchainSecurityModule.sol";
import {IMailbox} from "./interfaces/IMailbox.sol";
import {IMessageRecipient} from "./interfaces/IMessageRecipient.sol";
import {IMetalayerRecipient, ReadOperation} from "./interfaces/IMetalayerRecipient.sol";
import {FinalityState, IMetalayerRouter} from "./interfaces/IMetalayerRouter.sol";
import {BoundedCall} from "./libs/BoundedCall.sol";
import {Leaf} from "./libs/Leaf.sol";
import {Message} from "./libs/Message.sol";
import {ReadProof} from "./libs/ReadProof.sol";
import {RouterBody} from "./libs/RouterBody.sol";
import {StandardHookMetadata} from "./libs/StandardHookMetadata.sol";
import {TransientBytes} from "./libs/TransientBytes.sol";

/// @title MetalayerRouter
/// @notice Implements {IMetalayerRouter}, which documents it.
/// @dev It is the security module of its own messages: what proves them is `AggregateRootIsm`'s matter, how
/// final they have to be and what was read for them stand in their bodies and metadata.
contract MetalayerRouter is
    IMetalayerRouter,
    IMessageRecipient,
    IInterchainSecurityModule,
    ISpecifiesInterchainSecurityModule,
    Governed
{
    using Message for bytes;
    using ReadProof for bytes;

    /// @notice Gas limit of messages that name none.
    uint256 public constant DEFAULT_GAS_LIMIT = 100_000;
    /// @notice Most reads of a message.
    uint256 public constant MAX_READS = 8;
    /// @notice Most bytes of call data of a read.
    uint256 public constant MAX_READ_BYTES = 1024;

    /// @dev Where results wait for {handle}, from {verify} on.
    bytes32 private constant RESULTS = keccak256("caldera.MetalayerRouter.results");

    /// @inheritdoc IMetalayerRouter
    IMailbox public immutable override mailbox;
    /// @inheritdoc IMetalayerRouter
    address public immutable override igp;
    /// @inheritdoc IMetalayerRouter
    IAggregateRootIsm public immutable override aggregateRootIsm;

    mapping(uint32 domain => address router) private _routers;

    /// @dev Hash of origin, sender and body of the message verified last, in this transaction.
    bytes32 private transient _verified;

    constructor(address mailbox_, address igp_, address aggregateRootIsm_) {
        mailbox = IMailbox(mailbox_);
        igp = igp_;
        aggregateRootIsm = IAggregateRootIsm(aggregateRootIsm_);
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
        bytes32 recipient = Message.toBytes32(recipientAddress);
        _dispatch(destinationDomain, recipient, reads, writeCallData, finalityState, gasLimit);
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
        _dispatch(
            destinationDomain, recipientAddress, reads, writeCallData, finalityState, gasLimit
        );
    }

    /// @notice Takes a message from the mailbox and gives it to its recipient.
    /// @inheritdoc IMessageRecipient
    function handle(uint32 origin, bytes32 sender, bytes calldata body) external payable override {
        if (msg.sender != address(mailbox)) revert NotMailbox(msg.sender);
        _checkSource(origin, sender, body);
        RouterBody.Data memory data = RouterBody.decode(body);

        address recipient = Message.toAddress(data.recipient);
        if (recipient.code.length == 0) revert RecipientNotContract(recipient);
        if (_verified != _key(origin, sender, body)) revert NotVerified();
        _verified = 0;
        bytes[] memory results;
        if (data.reads.length != 0) {
            results = abi.decode(TransientBytes.load(RESULTS), (bytes[]));
        }
        _deliver(recipient, origin, data, results);
    }

    /// @notice Checks a message to this router, demanding what its body does. What was read for it stays in
    /// transient storage for {handle}, which the mailbox calls next; whoever calls in between
    /// changes nothing, since the mailbox calls this right before.
    /// @param metadata That of `AggregateRootIsm`; with reads, a read proof around it (docs/formats.md).
    /// @inheritdoc IInterchainSecurityModule
    function verify(bytes calldata metadata, bytes calldata message)
        external
        override
        returns (bool)
    {
        bytes calldata body = message.body();
        uint32 origin = message.origin();
        _checkSource(origin, message.sender(), body);
        (uint8 demanded, uint256 reads) = RouterBody.demands(body);
        if (reads != 0) metadata = _takeResults(metadata, message.id(), reads);
        uint8 finality = aggregateRootIsm.provenFinality(metadata, message);
        if (demanded != Leaf.INSTANT && finality != Leaf.FINALIZED) revert NotFinal(message.id());
        _verified = _key(origin, message.sender(), body);
        return true;
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
        return _quote(
            destinationDomain, recipientAddress, reads, writeCallData, finalityState, gasLimit
        );
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
        bytes32 recipient = Message.toBytes32(recipientAddress);
        return _quote(destinationDomain, recipient, reads, writeCallData, finalityState, gasLimit);
    }

    /// @inheritdoc IMetalayerRouter
    function quoteDispatch(
        uint32 destinationDomain,
        bytes32 recipientAddress,
        bytes calldata messageBody
    ) external view override returns (uint256) {
        return _quote(
            destinationDomain,
            recipientAddress,
            _noReads(),
            messageBody,
            FinalityState.INSTANT,
            DEFAULT_GAS_LIMIT
        );
    }

    /// @inheritdoc ISpecifiesInterchainSecurityModule
    /// @dev Itself, see {verify}.
    function interchainSecurityModule() external view override returns (IInterchainSecurityModule) {
        return this;
    }

    /// @inheritdoc IInterchainSecurityModule
    function moduleType() external pure override returns (uint8) {
        return uint8(Types.UNUSED);
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
        ReadOperation[] calldata reads,
        bytes calldata writeCallData,
        FinalityState finalityState,
        uint256 gasLimit
    ) private {
        gasLimit = _orDefault(gasLimit);
        bytes memory body = _body(recipient, reads, writeCallData, finalityState, gasLimit);
        mailbox.dispatch{value: msg.value}(
            destinationDomain,
            Message.toBytes32(routerAddresses(destinationDomain)),
            body,
            StandardHookMetadata.encode(0, gasLimit, msg.sender)
        );
    }

    /// @dev Checks what was read for a message and keeps it. Returns the metadata of the message itself.
    function _takeResults(bytes calldata metadata, bytes32 id, uint256 reads)
        private
        returns (bytes calldata inner)
    {
        bytes calldata results;
        (inner, results) = metadata.split();
        uint64 epoch = metadata.epoch();
        bytes32 certified = aggregateRootIsm.rootVerifier().aggregateRoots(epoch);
        if (certified == 0) revert UnknownEpoch(epoch);
        bytes32 computed = metadata.aggregateRoot(id, results);
        if (computed != certified) revert InvalidReadProof(certified, computed);
        uint256 given = abi.decode(results, (bytes[])).length;
        if (given != reads) revert ReadResultCount(given, reads);
        TransientBytes.store(RESULTS, results);
    }

    /// @dev The recipient gets the whole gas limit or the message fails and can be tried again: with less,
    /// whoever brings the message could make it fail inside a recipient that catches its errors.
    function _deliver(
        address recipient,
        uint32 origin,
        RouterBody.Data memory data,
        bytes[] memory results
    ) private {
        bytes memory call = abi.encodeCall(
            IMetalayerRecipient.handle,
            (origin, data.sender, data.writeCallData, data.reads, results)
        );
        if (!BoundedCall.covers(gasleft(), data.gasLimit)) {
            revert InsufficientGas(data.gasLimit, gasleft());
        }
        (bool success, bytes memory reason) =
            BoundedCall.tryCall(recipient, msg.value, data.gasLimit, call);
        if (!success) revert RecipientReverted(reason);
    }

    function _checkSource(uint32 origin, bytes32 sender, bytes calldata body) private view {
        if (sender != Message.toBytes32(routerAddresses(origin))) {
            revert UnknownRouter(origin, sender);
        }
        uint8 version = RouterBody.version(body);
        if (version != RouterBody.VERSION) revert UnsupportedBodyVersion(version);
    }

    function _quote(
        uint32 destinationDomain,
        bytes32 recipient,
        ReadOperation[] calldata reads,
        bytes calldata writeCallData,
        FinalityState finalityState,
        uint256 gasLimit
    ) private view returns (uint256) {
        gasLimit = _orDefault(gasLimit);
        bytes memory body = _body(recipient, reads, writeCallData, finalityState, gasLimit);
        return mailbox.quoteDispatch(
            destinationDomain,
            Message.toBytes32(routerAddresses(destinationDomain)),
            body,
            StandardHookMetadata.encode(0, gasLimit, msg.sender)
        );
    }

    function _body(
        bytes32 recipient,
        ReadOperation[] calldata reads,
        bytes calldata writeCallData,
        FinalityState finalityState,
        uint256 gasLimit
    ) private view returns (bytes memory) {
        if (reads.length > MAX_READS) revert TooManyReads(reads.length, MAX_READS);
        for (uint256 i = 0; i < reads.length; ++i) {
            uint256 length = reads[i].callData.length;
            if (length > MAX_READ_BYTES) revert ReadTooLong(i, length, MAX_READ_BYTES);
        }
        bytes32 sender = Message.toBytes32(msg.sender);
        return
            RouterBody.encode(
                uint8(finalityState), gasLimit, sender, recipient, reads, writeCallData
            );
    }

    function _orDefault(uint256 gasLimit) private pure returns (uint256) {
        return gasLimit == 0 ? DEFAULT_GAS_LIMIT : gasLimit;
    }

    function _key(uint32 origin, bytes32 sender, bytes calldata body)
        private
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(origin, sender, keccak256(body)));
    }

    function _noReads() private pure returns (ReadOperation[] calldata reads) {
        assembly ("memory-safe") {
            reads.offset := 0
            reads.length := 0
        }
    }
}
