// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title ICrossDomainMessenger
/// @notice Calls between contracts of the L1 and of one rollup (OP Stack specifications, "Cross Domain
/// Messengers"): one of a pair, each of which knows the other. A call that fails is kept, with the coins
/// that it carries, and anybody may try it again.
interface ICrossDomainMessenger {
    /// @notice Emitted when a message is sent.
    event SentMessage(
        address indexed target,
        address sender,
        bytes message,
        uint256 messageNonce,
        uint256 gasLimit
    );

    /// @notice Emitted beside {SentMessage}: the wei that go with it.
    event SentMessageExtension1(address indexed sender, uint256 value);

    /// @notice Emitted when a message's call returned.
    event RelayedMessage(bytes32 indexed msgHash);

    /// @notice Emitted when a message's call failed.
    event FailedRelayedMessage(bytes32 indexed msgHash);

    /// @notice Thrown when a message comes with other coins than it says; none when it is tried again.
    error WrongValue(uint256 given, uint256 expected);

    /// @notice Thrown when a message is tried that did not come from the other messenger and fail.
    error NotFailed(bytes32 msgHash);

    /// @notice Thrown when a message was relayed already.
    error AlreadyRelayed(bytes32 msgHash);

    /// @notice Thrown when a message is to call what trusts messengers for other reasons.
    error UnsafeTarget(address target);

    /// @notice Thrown when a message's call relays another.
    error Reentered();

    /// @notice Thrown when nobody is sending: there is no message's sender to tell.
    error NoMessage();

    /// @notice Thrown when a message is to carry coins of a rollup whose coin is a token of the L1: those
    /// go by the portal and the message passer alone.
    error NoValueWithGasToken(uint256 value);

    /// @notice Sends a call to the other chain. It carries coins only where the rollup's coin is ether.
    /// @param target Who is called there.
    /// @param message The call.
    /// @param minGasLimit Least gas that the call gets.
    function sendMessage(address target, bytes calldata message, uint32 minGasLimit)
        external
        payable;

    /// @notice Makes a call that the other messenger sent.
    /// @param nonce Of the message there.
    /// @param sender Who sent it there.
    function relayMessage(
        uint256 nonce,
        address sender,
        address target,
        uint256 value,
        uint256 minGasLimit,
        bytes calldata message
    ) external payable;

    /// @notice Who sent the message whose call is being made.
    function xDomainMessageSender() external view returns (address);

    /// @notice Whether a message's call returned.
    function successfulMessages(bytes32 msgHash) external view returns (bool);

    /// @notice Whether a message's call failed, and was not made up for.
    function failedMessages(bytes32 msgHash) external view returns (bool);

    /// @notice Of the next message, with the version of its encoding (1) in the upper 2 bytes.
    function messageNonce() external view returns (uint256);

    /// @notice The messenger of the other chain.
    function otherMessenger() external view returns (address);

    /// @notice Whether nothing is relayed: never, for nobody can pause it.
    function paused() external pure returns (bool);

    /// @notice Gas with which a message is sent so that its call gets `minGasLimit`.
    function baseGas(bytes calldata message, uint32 minGasLimit) external pure returns (uint64);
}
