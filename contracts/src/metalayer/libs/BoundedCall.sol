// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title BoundedCall
/// @notice Calls that get a known amount of gas and cannot make their caller copy endless return data.
library BoundedCall {
    /// @notice Most bytes of a revert reason that are kept.
    uint256 internal constant MAX_REASON = 1024;

    /// @dev What a call itself may cost: account access, value transfer, stack work.
    uint256 private constant CALL_COST = 13_000;

    /// @notice Whether a call made now would really get `gasLimit`: one may use up to 63/64 of what is left.
    function covers(uint256 gasLeft, uint256 gasLimit) internal pure returns (bool) {
        if (gasLeft <= CALL_COST) return false;
        uint256 usable = gasLeft - CALL_COST;
        return usable - usable / 64 >= gasLimit;
    }

    /// @notice Calls `target` with at most `gasLimit` gas.
    /// @return success Whether the call returned.
    /// @return reason Empty on success; else the revert data, cut after {MAX_REASON} bytes.
    function tryCall(address target, uint256 value, uint256 gasLimit, bytes memory data)
        internal
        returns (bool success, bytes memory reason)
    {
        assembly ("memory-safe") {
            success := call(gasLimit, target, value, add(data, 0x20), mload(data), 0x00, 0x00)
        }
        if (success) return (true, "");
        assembly ("memory-safe") {
            let size := returndatasize()
            if gt(size, MAX_REASON) { size := MAX_REASON }
            reason := mload(0x40)
            mstore(reason, size)
            returndatacopy(add(reason, 0x20), 0x00, size)
            mstore(0x40, and(add(add(reason, 0x3f), size), not(0x1f)))
        }
    }
}
