// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title GasTokens
/// @notice What a rollup's coin is on the L1, and how its units become wei of the rollup.
/// @dev The rollup's coin has 18 decimals whatever the token has, so a unit of the token is `scale`
/// wei: nothing that comes in is rounded, and only whole units can leave.
library GasTokens {
    /// @notice Stands for the L1's own coin, as on the OP Stack.
    address internal constant ETHER = 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE;
    uint8 internal constant COIN_DECIMALS = 18;
    /// @notice keccak256("opstack.gaspayingtoken") - 1: the token's address below its decimals.
    bytes32 internal constant TOKEN_SLOT =
        0x04adb1412b2ddc16fcc0d4538d5c8f07cf9c83abecc6b41f6f69037b708fbceb;
    /// @notice keccak256("opstack.gaspayingtokenname") - 1: up to 32 bytes, then zeros.
    bytes32 internal constant NAME_SLOT =
        0x657c3582c29b3176614e3a33ddd1ec48352696a04e92b3c0566d72010fa8863c;
    /// @notice keccak256("opstack.gaspayingtokensymbol") - 1: up to 32 bytes, then zeros.
    bytes32 internal constant SYMBOL_SLOT =
        0xa48b38a4b44951360fbdcbfaaeae5ed6ae92585412e9841b70ec72ed8cd05763;

    /// @notice Wei of the rollup for one unit of a token of `decimals`, 18 at the most.
    function scaleOf(uint8 decimals) internal pure returns (uint256) {
        return 10 ** (COIN_DECIMALS - decimals);
    }

    /// @notice The token that this contract's storage names; {ETHER} when it names none.
    function stored() internal view returns (address token, uint8 decimals) {
        uint256 word = uint256(_load(TOKEN_SLOT));
        token = address(uint160(word));
        if (token == address(0)) return (ETHER, COIN_DECIMALS);
        decimals = uint8(word >> 160);
    }

    /// @notice The text in `slot`.
    function text(bytes32 slot) internal view returns (string memory) {
        bytes32 word = _load(slot);
        uint256 length;
        while (length < 32 && word[length] != 0) {
            ++length;
        }
        bytes memory found = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            found[i] = word[i];
        }
        return string(found);
    }

    function _load(bytes32 slot) private view returns (bytes32 word) {
        assembly ("memory-safe") {
            word := sload(slot)
        }
    }
}
