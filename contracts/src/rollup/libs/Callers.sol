// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title Callers
/// @notice Who a caller is on the other chain.
library Callers {
    uint160 private constant ALIAS_OFFSET = uint160(0x1111000000000000000000000000000000001111);

    /// @notice Whether `caller` belongs to whoever holds its key, here and on the other chain: it has
    /// no code, or has lent itself some (EIP-7702).
    /// @dev A contract that is being made has no code yet, so `tx.origin` is what tells.
    function isAccount(address caller) internal view returns (bool) {
        if (caller == tx.origin) return true;
        bytes memory code = caller.code;
        return code.length == 23 && bytes3(code) == 0xef0100;
    }

    /// @notice The address under which the contract `caller` is known on the rollup.
    function aliased(address caller) internal pure returns (address) {
        unchecked {
            return address(uint160(caller) + ALIAS_OFFSET);
        }
    }
}
