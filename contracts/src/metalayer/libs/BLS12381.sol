// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title BLS12381
/// @notice Signatures over BLS12-381 with keys in G1, by the precompiles of EIP-2537.
/// @dev Points are in the form of EIP-2537: each coordinate right-aligned in 64 bytes, so 128 bytes in
/// G1 and 256 in G2; infinity is all zeros. Sources: draft-irtf-cfrg-bls-signature-05, RFC 9380.
library BLS12381 {
    /// @notice Thrown for bytes that encode no point of the group, and for a key at infinity.
    error InvalidPoint();

    /// @notice A point of G1 without its padding, in three slots.
    /// @param high Upper 128 bits of both coordinates.
    /// @param xLow Lower 256 bits of x.
    /// @param yLow Lower 256 bits of y.
    struct StoredKey {
        uint256 high;
        uint256 xLow;
        uint256 yLow;
    }

    uint256 internal constant G1_LENGTH = 128;
    uint256 internal constant G2_LENGTH = 256;

    /// @notice Domain separation tag of what a guardian signs.
    bytes internal constant SIGNATURE_TAG = "BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";
    /// @notice Domain separation tag of proofs of possession.
    bytes internal constant POSSESSION_TAG = "BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

    address private constant MODEXP = address(0x05);
    address private constant G1_ADD = address(0x0b);
    address private constant G1_MSM = address(0x0c);
    address private constant G2_ADD = address(0x0d);
    address private constant PAIRING = address(0x0f);
    address private constant MAP_FP2_TO_G2 = address(0x11);

    /// @dev The base field's modulus p, in its upper 125 and lower 256 bits.
    uint256 private constant P_HIGH = 0x1a0111ea397fe69a4b1ba7b6434bacd7;
    uint256 private constant P_LOW =
        0x64774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab;

    /// @dev The generator of G1, negated.
    bytes private constant NEGATED_GENERATOR = hex"0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0f"
        hex"c3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"
        hex"00000000000000000000000000000000114d1d6855d545a8aa7d76c8cf2e21f2"
        hex"67816aef1db507c96655b9d5caac42364e6f38ba0ecb751bad54dcd6b939c2ca";

    /// @notice Whether `signature` is that of `key` on `message`, which is hashed to the curve under `tag`.
    function verify(
        bytes memory key,
        bytes memory message,
        bytes memory tag,
        bytes memory signature
    ) internal view returns (bool) {
        if (signature.length != G2_LENGTH || isInfinity(key)) {
            revert InvalidPoint();
        }
        bytes memory result = _call(
            PAIRING, bytes.concat(key, hashToG2(message, tag), NEGATED_GENERATOR, signature), 32
        );
        return abi.decode(result, (uint256)) == 1;
    }

    /// @notice Point of G2 to which `message` hashes under `tag`, at most 255 bytes (RFC 9380, 8.8.2).
    /// @dev The precompile clears the cofactor of each summand, which is the same as clearing the sum's.
    function hashToG2(bytes memory message, bytes memory tag) internal view returns (bytes memory) {
        bytes32[8] memory uniform = _expand(message, tag);
        bytes memory first = _mapToG2(uniform[0], uniform[1], uniform[2], uniform[3]);
        bytes memory second = _mapToG2(uniform[4], uniform[5], uniform[6], uniform[7]);
        return _call(G2_ADD, bytes.concat(first, second), G2_LENGTH);
    }

    /// @notice Sum of two points of the curve; whether they are in the group is not checked.
    function addG1(bytes memory a, bytes memory b) internal view returns (bytes memory) {
        if (a.length != G1_LENGTH || b.length != G1_LENGTH) revert InvalidPoint();
        return _call(G1_ADD, bytes.concat(a, b), G1_LENGTH);
    }

    /// @notice The point's inverse. Coordinates must be below p, as those of every checked point are.
    function negateG1(bytes memory point) internal pure returns (bytes memory) {
        (uint256 xHigh, uint256 xLow, uint256 yHigh, uint256 yLow) = _words(point);
        if (xHigh | xLow | yHigh | yLow == 0) return point;
        unchecked {
            uint256 borrow = yLow > P_LOW ? 1 : 0;
            return abi.encode(xHigh, xLow, P_HIGH - yHigh - borrow, P_LOW - yLow);
        }
    }

    /// @notice Reverts unless `point` is in G1 and not at infinity.
    function checkKey(bytes memory point) internal view {
        if (isInfinity(point)) revert InvalidPoint();
        // unlike the addition, the multiplication checks the group
        _call(G1_MSM, bytes.concat(point, bytes32(uint256(1))), G1_LENGTH);
    }

    function isInfinity(bytes memory point) internal pure returns (bool) {
        (uint256 xHigh, uint256 xLow, uint256 yHigh, uint256 yLow) = _words(point);
        return xHigh | xLow | yHigh | yLow == 0;
    }

    /// @notice A checked point, for storage.
    function pack(bytes memory point) internal pure returns (StoredKey memory) {
        (uint256 xHigh, uint256 xLow, uint256 yHigh, uint256 yLow) = _words(point);
        return StoredKey(xHigh << 128 | yHigh, xLow, yLow);
    }

    /// @notice What was packed.
    function unpack(StoredKey memory key) internal pure returns (bytes memory) {
        return abi.encode(key.high >> 128, key.xLow, key.high & type(uint128).max, key.yLow);
    }

    /// @dev Coordinates of a point of G1, each in two words.
    function _words(bytes memory point)
        private
        pure
        returns (uint256 xHigh, uint256 xLow, uint256 yHigh, uint256 yLow)
    {
        if (point.length != G1_LENGTH) revert InvalidPoint();
        return abi.decode(point, (uint256, uint256, uint256, uint256));
    }

    /// @dev expand_message_xmd with SHA-256 to 256 bytes (RFC 9380, 5.3.1).
    function _expand(bytes memory message, bytes memory tag)
        private
        pure
        returns (bytes32[8] memory uniform)
    {
        bytes memory suffix = abi.encodePacked(tag, uint8(tag.length));
        bytes32 seed = sha256(
            abi.encodePacked(bytes32(0), bytes32(0), message, uint16(256), uint8(0), suffix)
        );
        bytes32 last = 0;
        for (uint8 i = 0; i < 8; ++i) {
            last = sha256(abi.encodePacked(seed ^ last, i + 1, suffix));
            uniform[i] = last;
        }
    }

    /// @dev Maps an element of the quadratic field, given by two times 64 uniform bytes, to G2.
    function _mapToG2(bytes32 realHigh, bytes32 realLow, bytes32 imagHigh, bytes32 imagLow)
        private
        view
        returns (bytes memory)
    {
        return _call(
            MAP_FP2_TO_G2,
            bytes.concat(_reduce(realHigh, realLow), _reduce(imagHigh, imagLow)),
            G2_LENGTH
        );
    }

    /// @dev 64 bytes modulo p: a power of one.
    function _reduce(bytes32 high, bytes32 low) private view returns (bytes memory) {
        return _call(
            MODEXP,
            abi.encodePacked(
                uint256(64), uint256(1), uint256(64), high, low, uint8(1), P_HIGH, P_LOW
            ),
            64
        );
    }

    /// @dev A precompile fails on bytes that are not what it takes; those come from points only.
    function _call(address precompile, bytes memory input, uint256 length)
        private
        view
        returns (bytes memory output)
    {
        bool success;
        assembly ("memory-safe") {
            output := mload(0x40)
            mstore(output, length)
            mstore(0x40, add(add(output, 32), length))
            success := staticcall(
                gas(),
                precompile,
                add(input, 32),
                mload(input),
                add(output, 32),
                length
            )
            // an address without the precompile answers with nothing
            success := and(success, eq(returndatasize(), length))
        }
        if (!success) revert InvalidPoint();
    }
}
