// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title TransientBytes
/// @notice Bytes of any length, kept until the transaction ends: the length at a slot, the words after it.
/// @dev Slots have to be far apart: hashes.
library TransientBytes {
    function store(bytes32 slot, bytes memory data) internal {
        assembly ("memory-safe") {
            let end := add(add(data, 0x20), mload(data))
            for { let at := data } lt(at, end) { at := add(at, 0x20) } {
                tstore(slot, mload(at))
                slot := add(slot, 1)
            }
        }
    }

    /// @dev Bytes behind the end are whatever was stored there: nobody reads them.
    function load(bytes32 slot) internal view returns (bytes memory data) {
        assembly ("memory-safe") {
            data := mload(0x40)
            let length := tload(slot)
            mstore(data, length)
            let end := add(add(data, 0x20), length)
            let at := add(data, 0x20)
            for {} lt(at, end) { at := add(at, 0x20) } {
                slot := add(slot, 1)
                mstore(at, tload(slot))
            }
            mstore(0x40, at)
        }
    }
}
