// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title Message
/// @notice The bytes of a Hyperlane v3 message: version (1), nonce (4), origin (4), sender (32),
/// destination (4), recipient (32), body.
/// @dev Readers expect at least {HEADER_LENGTH} bytes and do not check it: whoever takes messages from
/// outside does, once.
library Message {
    uint256 internal constant HEADER_LENGTH = 77;

    uint256 private constant NONCE = 1;
    uint256 private constant ORIGIN = 5;
    uint256 private constant SENDER = 9;
    uint256 private constant DESTINATION = 41;
    uint256 private constant RECIPIENT = 45;

    /// @notice Thrown when 32 bytes are taken for an address and are none.
    error InvalidAddress(bytes32 value);

    /// @notice The packed message.
    function encode(
        uint8 version_,
        uint32 nonce_,
        uint32 origin_,
        bytes32 sender_,
        uint32 destination_,
        bytes32 recipient_,
        bytes calldata body_
    ) internal pure returns (bytes memory) {
        return abi.encodePacked(version_, nonce_, origin_, sender_, destination_, recipient_, body_);
    }

    function id(bytes calldata message) internal pure returns (bytes32) {
        return keccak256(message);
    }

    function version(bytes calldata message) internal pure returns (uint8) {
        return uint8(bytes1(_word(message, 0)));
    }

    function nonce(bytes calldata message) internal pure returns (uint32) {
        return uint32(bytes4(_word(message, NONCE)));
    }

    function origin(bytes calldata message) internal pure returns (uint32) {
        return uint32(bytes4(_word(message, ORIGIN)));
    }

    function sender(bytes calldata message) internal pure returns (bytes32) {
        return _word(message, SENDER);
    }

    function senderAddress(bytes calldata message) internal pure returns (address) {
        return toAddress(sender(message));
    }

    function destination(bytes calldata message) internal pure returns (uint32) {
        return uint32(bytes4(_word(message, DESTINATION)));
    }

    function recipient(bytes calldata message) internal pure returns (bytes32) {
        return _word(message, RECIPIENT);
    }

    function recipientAddress(bytes calldata message) internal pure returns (address) {
        return toAddress(recipient(message));
    }

    function body(bytes calldata message) internal pure returns (bytes calldata) {
        return message[HEADER_LENGTH:];
    }

    function toBytes32(address account) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }

    /// @dev Higher bits must be zero: cutting them would send a message to another account than named.
    function toAddress(bytes32 value) internal pure returns (address) {
        if (uint256(value) > type(uint160).max) revert InvalidAddress(value);
        return address(uint160(uint256(value)));
    }

    function _word(bytes calldata message, uint256 offset) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := calldataload(add(message.offset, offset))
        }
    }
}
