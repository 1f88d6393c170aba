// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BoundedCall} from "../../metalayer/libs/BoundedCall.sol";
import {ICrossDomainMessenger} from "./interfaces/ICrossDomainMessenger.sol";

/// @title CrossDomainMessenger
/// @notice Implements {ICrossDomainMessenger} but for the way to the other chain.
abstract contract CrossDomainMessenger is ICrossDomainMessenger {
    /// @notice Version of the encoding of messages.
    uint16 public constant MESSAGE_VERSION = 1;
    /// @dev Gas of relaying, whatever is called, and what a message's bytes may cost (EIP-7623).
    uint64 private constant RELAY_GAS = 300_000;
    uint64 private constant BYTE_GAS = 40;
    /// @dev Left after the call, to write down that it failed.
    uint256 private constant RESERVED_GAS = 40_000;

    /// @inheritdoc ICrossDomainMessenger
    mapping(bytes32 msgHash => bool) public override successfulMessages;
    /// @inheritdoc ICrossDomainMessenger
    mapping(bytes32 msgHash => bool) public override failedMessages;
    uint240 private _nonce;
    address private transient _sender;

    /// @inheritdoc ICrossDomainMessenger
    function sendMessage(address target, bytes calldata message, uint32 minGasLimit)
        external
        payable
        override
    {
        if (msg.value != 0 && _hasGasToken()) revert NoValueWithGasToken(msg.value);
        uint256 nonce = messageNonce();
        unchecked {
            ++_nonce;
        }
        emit SentMessage(target, msg.sender, message, nonce, minGasLimit);
        emit SentMessageExtension1(msg.sender, msg.value);
        bytes memory call = abi.encodeCall(
            ICrossDomainMessenger.relayMessage,
            (nonce, msg.sender, target, msg.value, minGasLimit, message)
        );
        _send(baseGas(message, minGasLimit), msg.value, call);
    }

    /// @inheritdoc ICrossDomainMessenger
    function relayMessage(
        uint256 nonce,
        address sender,
        address target,
        uint256 value,
        uint256 minGasLimit,
        bytes calldata message
    ) external payable override {
        if (_sender != address(0)) revert Reentered();
        // the hash of the call with which this was called
        bytes32 msgHash = keccak256(
            abi.encodeCall(
                ICrossDomainMessenger.relayMessage,
                (nonce, sender, target, value, minGasLimit, message)
            )
        );
        _admit(msgHash, target, value);

        // written down before the call, taken back when it fails
        successfulMessages[msgHash] = true;
        failedMessages[msgHash] = false;
        if (_call(sender, target, value, minGasLimit, message)) {
            emit RelayedMessage(msgHash);
        } else {
            successfulMessages[msgHash] = false;
            failedMessages[msgHash] = true;
            emit FailedRelayedMessage(msgHash);
        }
    }

    /// @inheritdoc ICrossDomainMessenger
    function xDomainMessageSender() external view override returns (address) {
        if (_sender == address(0)) revert NoMessage();
        return _sender;
    }

    /// @inheritdoc ICrossDomainMessenger
    function messageNonce() public view override returns (uint256) {
        return (uint256(MESSAGE_VERSION) << 240) | _nonce;
    }

    /// @inheritdoc ICrossDomainMessenger
    function baseGas(bytes calldata message, uint32 minGasLimit)
        public
        pure
        override
        returns (uint64)
    {
        return RELAY_GAS + uint64(message.length) * BYTE_GAS + uint64(minGasLimit) * 64 / 63;
    }

    /// @inheritdoc ICrossDomainMessenger
    function otherMessenger() public view virtual override returns (address);

    /// @dev Brings `call` to the other messenger.
    function _send(uint64 gasLimit, uint256 value, bytes memory call) internal virtual;

    /// @dev Whether the rollup's coin is a token of the L1.
    function _hasGasToken() internal view virtual returns (bool);

    /// @dev Whether the other messenger is calling.
    function _isOther() internal view virtual returns (bool);

    /// @dev Whether messages may not call `target`.
    function _isUnsafe(address target) internal view virtual returns (bool);

    function _admit(bytes32 msgHash, address target, uint256 value) private view {
        if (successfulMessages[msgHash]) revert AlreadyRelayed(msgHash);
        bool isFirst = _isOther() && !failedMessages[msgHash];
        if (!isFirst && !failedMessages[msgHash]) revert NotFailed(msgHash);
        uint256 expected = isFirst ? value : 0;
        if (msg.value != expected) revert WrongValue(msg.value, expected);
        if (_isUnsafe(target)) revert UnsafeTarget(target);
    }

    function _call(
        address sender,
        address target,
        uint256 value,
        uint256 minGasLimit,
        bytes memory message
    ) private returns (bool success) {
        uint256 left = gasleft();
        if (left <= RESERVED_GAS || !BoundedCall.covers(left - RESERVED_GAS, minGasLimit)) {
            return false;
        }
        _sender = sender;
        (success,) = BoundedCall.tryCall(target, value, gasleft() - RESERVED_GAS, message);
        _sender = address(0);
    }
}
