// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title StandardHookMetadata
/// @notice Hyperlane's metadata for hooks: variant = 1 (2 bytes), msg.value (32), gas limit (32),
/// refund address (20). It may end after any field; further bytes mean nothing here.
library StandardHookMetadata {
    uint16 internal constant VARIANT = 1;

    uint256 private constant GAS_LIMIT = 34;
    uint256 private constant REFUND_ADDRESS = 66;
    uint256 private constant END = 86;

    /// @notice The packed metadata.
    function encode(uint256 msgValue_, uint256 gasLimit_, address refundAddress_)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodePacked(VARIANT, msgValue_, gasLimit_, refundAddress_);
    }

    /// @notice The variant; zero when there is none.
    function variant(bytes calldata metadata) internal pure returns (uint16) {
        return metadata.length < 2 ? 0 : uint16(bytes2(metadata));
    }

    /// @notice Whether metadata is empty or of the variant that this library reads.
    function isSupported(bytes calldata metadata) internal pure returns (bool) {
        return metadata.length == 0 || variant(metadata) == VARIANT;
    }

    /// @notice Gas limit of the message, or `fallback_` when the metadata ends before it.
    function gasLimit(bytes calldata metadata, uint256 fallback_) internal pure returns (uint256) {
        if (metadata.length < REFUND_ADDRESS) return fallback_;
        return uint256(bytes32(metadata[GAS_LIMIT:]));
    }

    /// @notice Whom a refund is for, or `fallback_` when the metadata ends before it.
    function refundAddress(bytes calldata metadata, address fallback_)
        internal
        pure
        returns (address)
    {
        if (metadata.length < END) return fallback_;
        return address(bytes20(metadata[REFUND_ADDRESS:]));
    }
}
