// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title ReadResults
/// @notice Tells results of reads from failures. A failure is shorter than a word, so that `abi.decode` of
/// any value refuses it; no ABI-encoded value is that short. See docs/formats.md.
library ReadResults {
    /// @notice Stands before the first 27 bytes of what a read reverted with.
    error ReadReverted();

    /// @notice Stands for a result of more than 1,024 bytes.
    error ResultTooLong();

    /// @notice Whether the call returned; what it returned is then `result` itself.
    /// @dev A contract that returns such bytes by itself is taken at its word: it might as well revert.
    function succeeded(bytes memory result) internal pure returns (bool) {
        if (result.length < 4 || result.length > 31) return true;
        bytes4 selector = bytes4(result);
        return selector != ReadReverted.selector && selector != ResultTooLong.selector;
    }

    /// @notice Selector of the error that a read reverted with; zero if there is none.
    function errorOf(bytes memory result) internal pure returns (bytes4 selector) {
        if (succeeded(result) || result.length < 8) return 0;
        assembly ("memory-safe") {
            selector := shl(32, mload(add(result, 0x20)))
        }
    }
}
