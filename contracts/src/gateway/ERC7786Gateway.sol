// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {
    IERC7786GatewaySource,
    IERC7786Recipient
} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";
import {Governed} from "../metalayer/Governed.sol";
import {IMailbox} from "../metalayer/interfaces/IMailbox.sol";
import {IMessageRecipient} from "../metalayer/interfaces/IMessageRecipient.sol";
import {BoundedCall} from "../metalayer/libs/BoundedCall.sol";
import {Message} from "../metalayer/libs/Message.sol";
import {StandardHookMetadata} from "../metalayer/libs/StandardHookMetadata.sol";
import {IERC7786Attributes, IERC7786Gateway} from "./interfaces/IERC7786Gateway.sol";

/// @title ERC7786Gateway
/// @notice Implements {IERC7786Gateway}, which documents it.
/// @dev The mailbox delivers a message once, so nothing is kept of what was received.
contract ERC7786Gateway is IERC7786Gateway, IMessageRecipient, Governed {
    using InteroperableAddress for bytes;

    struct Remote {
        uint32 domain;
        address gateway;
    }

    /// @dev Body of a message between two gateways, see docs/formats.md.
    struct Body {
        uint8 version;
        uint32 nonce;
        uint256 gasLimit;
        address sender;
        address recipient;
        bytes payload;
    }

    /// @notice Gas paid for when a sender pays and names no gas limit.
    uint256 public constant DEFAULT_GAS_LIMIT = 200_000;

    uint8 private constant BODY_VERSION = 1;
    /// @dev Selector and three words.
    uint256 private constant REQUEST_RELAY_LENGTH = 100;

    /// @inheritdoc IERC7786Gateway
    IMailbox public immutable override mailbox;

    mapping(uint256 chainId => Remote) private _remotes;
    /// @inheritdoc IERC7786Gateway
    mapping(uint32 domain => uint256 chainId) public override chainIdOf;

    constructor(address mailbox_) {
        mailbox = IMailbox(mailbox_);
    }

    function initialize(address owner_) external initializer {
        __Ownable_init(owner_);
    }

    /// @inheritdoc IERC7786GatewaySource
    /// @dev Returns zero, for nothing is left to do, unless the message was sent without a payment where
    /// there is a price: then its id.
    function sendMessage(
        bytes calldata recipient,
        bytes calldata payload,
        bytes[] calldata attributes
    ) external payable override returns (bytes32 sendId) {
        sendId = _dispatch(recipient, payload, attributes);
        bytes memory sender = InteroperableAddress.formatEvmV1(block.chainid, msg.sender);
        emit MessageSent(sendId, sender, recipient, payload, 0, attributes);
    }

    /// @notice Takes a message from the mailbox and gives it to its recipient.
    /// @dev Id, sender and payload are as the origin's gateway saw them; the id is the message's in the mailbox.
    /// @inheritdoc IMessageRecipient
    function handle(uint32 origin, bytes32 sender, bytes calldata body) external payable override {
        if (msg.sender != address(mailbox)) revert NotMailbox(msg.sender);
        uint256 chainId = chainIdOf[origin];
        if (chainId == 0) revert UnknownDomain(origin);
        if (sender != Message.toBytes32(_remotes[chainId].gateway)) {
            revert UnknownGateway(origin, sender);
        }
        uint8 version = abi.decode(body, (uint8));
        if (version != BODY_VERSION) revert UnsupportedBodyVersion(version);
        Body memory data = _decode(body);
        bytes32 id = keccak256(
            Message.encode(
                mailbox.VERSION(),
                data.nonce,
                origin,
                sender,
                mailbox.localDomain(),
                Message.toBytes32(address(this)),
                body
            )
        );
        _deliver(id, InteroperableAddress.formatEvmV1(chainId, data.sender), data);
    }

    /// @inheritdoc IERC7786Gateway
    function setChains(Chain[] calldata chains) external override onlyOwner {
        for (uint256 i = 0; i < chains.length; ++i) {
            _setChain(chains[i]);
        }
    }

    /// @inheritdoc IERC7786Gateway
    function quoteMessage(
        bytes calldata recipient,
        bytes calldata payload,
        bytes[] calldata attributes
    ) external view override returns (uint256) {
        (Remote memory remote, bytes memory body, bytes memory metadata) =
            _prepare(recipient, payload, attributes);
        return
            mailbox.quoteDispatch(remote.domain, Message.toBytes32(remote.gateway), body, metadata);
    }

    /// @inheritdoc IERC7786Gateway
    function chainOf(uint256 chainId) external view override returns (uint32, address) {
        Remote storage remote = _remotes[chainId];
        return (remote.domain, remote.gateway);
    }

    /// @inheritdoc IERC7786GatewaySource
    function supportsAttribute(bytes4 selector) external pure override returns (bool) {
        return selector == IERC7786Attributes.requestRelay.selector;
    }

    function _dispatch(
        bytes calldata recipient,
        bytes calldata payload,
        bytes[] calldata attributes
    ) private returns (bytes32 sendId) {
        (Remote memory remote, bytes memory body, bytes memory metadata) =
            _prepare(recipient, payload, attributes);
        bytes32 gateway = Message.toBytes32(remote.gateway);
        bool unpaid = msg.value == 0 && attributes.length == 0
            && mailbox.quoteDispatch(remote.domain, gateway, body, metadata) != 0;
        if (unpaid) metadata = StandardHookMetadata.encode(0, 0, msg.sender);
        bytes32 id = mailbox.dispatch{value: msg.value}(remote.domain, gateway, body, metadata);
        return unpaid ? id : bytes32(0);
    }

    /// @dev The recipient gets all the gas that was promised, or the message fails and can be tried again.
    function _deliver(bytes32 id, bytes memory sender, Body memory data) private {
        bytes memory call =
            abi.encodeCall(IERC7786Recipient.receiveMessage, (id, sender, data.payload));
        if (!BoundedCall.covers(gasleft(), data.gasLimit)) {
            revert InsufficientGas(data.gasLimit, gasleft());
        }
        bytes memory answer = Address.functionCallWithValue(data.recipient, call, msg.value);
        bool accepted = answer.length >= 32
            && bytes32(answer) == bytes32(IERC7786Recipient.receiveMessage.selector);
        if (!accepted) revert MessageNotAccepted(data.recipient);
    }

    function _setChain(Chain calldata chain) private {
        if (chain.chainId == 0 || chain.chainId == block.chainid) {
            revert InvalidChain(chain.chainId);
        }
        delete chainIdOf[_remotes[chain.chainId].domain];
        delete _remotes[chain.chainId];
        address gateway;
        if (chain.domain != 0) {
            gateway = chain.gateway == address(0) ? address(this) : chain.gateway;
            delete _remotes[chainIdOf[chain.domain]];
            _remotes[chain.chainId] = Remote(chain.domain, gateway);
            chainIdOf[chain.domain] = chain.chainId;
        }
        emit ChainSet(chain.chainId, chain.domain, gateway);
    }

    /// @return remote Where the message goes.
    /// @return body What the gateway there gets.
    /// @return metadata What the hooks here get.
    function _prepare(bytes calldata recipient, bytes calldata payload, bytes[] calldata attributes)
        private
        view
        returns (Remote memory remote, bytes memory body, bytes memory metadata)
    {
        (uint256 chainId, address account) = _parse(recipient);
        remote = _remotes[chainId];
        if (remote.domain == 0) revert UnknownChain(chainId);
        (uint256 gasLimit, address refundRecipient) = _relayOf(attributes);
        body = abi.encode(BODY_VERSION, mailbox.nonce(), gasLimit, msg.sender, account, payload);
        if (gasLimit == 0) gasLimit = DEFAULT_GAS_LIMIT;
        metadata = StandardHookMetadata.encode(0, gasLimit, refundRecipient);
    }

    /// @dev Zero and the sender when the attributes ask for nothing.
    function _relayOf(bytes[] calldata attributes)
        private
        view
        returns (uint256 gasLimit, address refundRecipient)
    {
        refundRecipient = msg.sender;
        for (uint256 i = 0; i < attributes.length; ++i) {
            bytes calldata attribute = attributes[i];
            bytes4 selector = attribute.length < 4 ? bytes4(0) : bytes4(attribute[:4]);
            if (selector != IERC7786Attributes.requestRelay.selector) {
                revert UnsupportedAttribute(selector);
            }
            if (i != 0 || attribute.length != REQUEST_RELAY_LENGTH) {
                revert InvalidAttribute(attribute);
            }
            uint256 value;
            (value, gasLimit, refundRecipient) =
                abi.decode(attribute[4:], (uint256, uint256, address));
            if (value != 0) revert NativeValueNotSupported(value);
        }
    }

    /// @dev One account has one form here: a sender could not be told by comparing bytes otherwise.
    function _parse(bytes calldata recipient)
        private
        pure
        returns (uint256 chainId, address account)
    {
        bool success;
        (success, chainId, account) = recipient.tryParseEvmV1Calldata();
        bool canonical = success
            && keccak256(InteroperableAddress.formatEvmV1(chainId, account)) == keccak256(recipient);
        if (!canonical) revert InvalidRecipient(recipient);
    }

    function _decode(bytes calldata body) private pure returns (Body memory data) {
        (data.version, data.nonce, data.gasLimit, data.sender, data.recipient, data.payload) =
            abi.decode(body, (uint8, uint32, uint256, address, address, bytes));
    }
}
