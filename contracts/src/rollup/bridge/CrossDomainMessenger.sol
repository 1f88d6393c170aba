// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BoundedCall} from "../../metalayer/libs/BoundedCall.sol";
import {ICrossDomainMessenger} from "./interfaces/ICrossDomainMessenger.sol";

/// @title CrossDomainMessenger
/// @notice Implements {ICrossDomainMessenger} but for the way to the other chain.
abstract contract CrossDomainMessenger is ICrossDomainMessenger {
    /// @notice Version of the encoding of messages.
    uint16 public constant MESSAGE_VERSION = 1;
    // By the OP Stack's names, and so that its formula gives what {baseGas} gives here.

    /// @notice Gas of relaying, whatever is called.
    uint64 public constant RELAY_CONSTANT_OVERHEAD = 260_000;
    /// @notice Gas left after the call, to write down that it failed.
    uint64 public constant RELAY_RESERVED_GAS = 40_000;
    /// @notice Gas of a byte of a message, at the most (EIP-7623).
    uint64 public constant MIN_GAS_CALLDATA_OVERHEAD = 40;
    /// @notice The same.
    uint64 public constant FLOOR_CALLDATA_OVERHEAD = 40;
    /// @notice What a call must have for the gas that it names to arrive (EIP-150), in 63rds of it.
    uint64 public constant MIN_GAS_DYNAMIC_OVERHEAD_NUMERATOR = 64;
    /// @notice Of {MIN_GAS_DYNAMIC_OVERHEAD_NUMERATOR}.
    uint64 public constant MIN_GAS_DYNAMIC_OVERHEAD_DENOMINATOR = 63;
    /// @notice Part of {RELAY_CONSTANT_OVERHEAD} here.
    uint64 public constant RELAY_CALL_OVERHEAD = 0;
    /// @notice Part of {RELAY_CONSTANT_OVERHEAD} here.
    uint64 public constant RELAY_GAS_CHECK_BUFFER = 0;
    /// @notice Part of {RELAY_CONSTANT_OVERHEAD} here.
    uint64 public constant ENCODING_OVERHEAD = 0;
    /// @notice Part of {RELAY_CONSTANT_OVERHEAD} here.
    uint64 public constant TX_BASE_GAS = 0;

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

    /// @notice The OP Stack's older name of {otherMessenger}.
    // forge-lint: disable-next-line(mixed-case-function)
    function OTHER_MESSENGER() external view returns (address) {
        return otherMessenger();
    }

    /// @inheritdoc ICrossDomainMessenger
    function paused() external pure override returns (bool) {
        return false;
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
        uint64 constants = RELAY_CONSTANT_OVERHEAD + RELAY_RESERVED_GAS;
        uint64 call = uint64(minGasLimit) * MIN_GAS_DYNAMIC_OVERHEAD_NUMERATOR;
        return constants + uint64(message.length) * MIN_GAS_CALLDATA_OVERHEAD + call
            / MIN_GAS_DYNAMIC_OVERHEAD_DENOMINATOR;
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
        if (
            left <= RELAY_RESERVED_GAS
                || !BoundedCall.covers(left - RELAY_RESERVED_GAS, minGasLimit)
        ) {
            return false;
        }
        _sender = sender;
        (success,) = BoundedCall.tryCall(target, value, gasleft() - RELAY_RESERVED_GAS, message);
        _sender = address(0);
    }
}
