// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";

/// @title TokenMetadata
/// @notice What a token says of itself, whatever it answers (Polygon's bridge has the same defaults).
library TokenMetadata {
    string private constant UNREADABLE = "NOT_VALID_ENCODING";

    /// @notice ABI encoding of name, symbol and decimals.
    function encode(address token) internal view returns (bytes memory) {
        return abi.encode(nameOf(token), symbolOf(token), decimalsOf(token));
    }

    function nameOf(address token) internal view returns (string memory) {
        (bool success, bytes memory data) =
            token.staticcall(abi.encodeCall(IERC20Metadata.name, ()));
        return success ? _text(data) : "NO_NAME";
    }

    function symbolOf(address token) internal view returns (string memory) {
        (bool success, bytes memory data) =
            token.staticcall(abi.encodeCall(IERC20Metadata.symbol, ()));
        return success ? _text(data) : "NO_SYMBOL";
    }

    function decimalsOf(address token) internal view returns (uint8) {
        (bool success, bytes memory data) =
            token.staticcall(abi.encodeCall(IERC20Metadata.decimals, ()));
        return success && data.length == 32 && uint256(bytes32(data)) <= type(uint8).max
            ? uint8(uint256(bytes32(data)))
            : 18;
    }

    /// @dev A string, or a word of text as the first tokens had it.
    function _text(bytes memory data) private pure returns (string memory) {
        if (data.length == 32) return _word(bytes32(data));
        if (data.length < 64) return UNREADABLE;
        (uint256 offset, uint256 length) = (_at(data, 0), _at(data, 32));
        if (offset != 32 || length > data.length - 64) return UNREADABLE;
        return abi.decode(data, (string));
    }

    function _word(bytes32 word) private pure returns (string memory) {
        uint256 length;
        while (length < 32 && word[length] != 0) ++length;
        if (length == 0) return UNREADABLE;
        bytes memory text = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            text[i] = word[i];
        }
        return string(text);
    }

    function _at(bytes memory data, uint256 position) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(add(data, 32), position))
        }
    }
}
