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

    address private constant SHA256 = address(0x02);
    address private constant MODEXP = address(0x05);
    address private constant G1_ADD = address(0x0b);
    address private constant G1_MSM = address(0x0c);
    address private constant G2_ADD = address(0x0d);
    address private constant PAIRING = address(0x0f);
    address private constant MAP_FP2_TO_G2 = address(0x11);

    /// @dev Four times what the dearest of our calls costs. A precompile that fails takes all the gas it is
    /// given; so a bad point costs no more than this.
    uint256 private constant PRECOMPILE_GAS = 400_000;

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
    function hashToG2(bytes memory message, bytes memory tag)
        internal
        view
        returns (bytes memory point)
    {
        bytes32[8] memory elements = _expand(message, tag);
        _reduce(elements);
        bytes memory points = new bytes(2 * G2_LENGTH);
        point = new bytes(G2_LENGTH);
        uint256 from;
        uint256 to;
        assembly ("memory-safe") {
            from := elements
            to := add(points, 32)
        }
        _run(MAP_FP2_TO_G2, from, 128, to, G2_LENGTH);
        _run(MAP_FP2_TO_G2, from + 128, 128, to + G2_LENGTH, G2_LENGTH);
        assembly ("memory-safe") {
            from := to
            to := add(point, 32)
        }
        _run(G2_ADD, from, 2 * G2_LENGTH, to, G2_LENGTH);
    }

    /// @notice Sum of two points of the curve; whether they are in the group is not checked.
    function addG1(bytes memory a, bytes memory b) internal view returns (bytes memory sum) {
        if (a.length != G1_LENGTH || b.length != G1_LENGTH) revert InvalidPoint();
        sum = bytes.concat(a, b);
        uint256 points;
        assembly ("memory-safe") {
            points := add(sum, 32)
        }
        _run(G1_ADD, points, 2 * G1_LENGTH, points, G1_LENGTH);
        assembly ("memory-safe") {
            mstore(sum, G1_LENGTH)
        }
    }

    /// @notice Room for a sum of points in calldata: the sum itself, then the next summand.
    function newSum() internal pure returns (bytes memory) {
        return new bytes(2 * G1_LENGTH);
    }

    /// @notice Adds the point of the curve that lies at `point` in calldata; whether it is in the group is not
    /// checked. The `first` is taken as it is: whether it is a point shows with the next.
    function addToSum(bytes memory sum, uint256 point, bool first) internal view {
        bool success = true;
        assembly ("memory-safe") {
            let at := add(sum, 32)
            switch first
            case 0 {
                calldatacopy(add(at, G1_LENGTH), point, G1_LENGTH)
                success := staticcall(PRECOMPILE_GAS, 0x0b, at, 256, at, G1_LENGTH)
                success := and(success, eq(returndatasize(), G1_LENGTH))
            }
            default { calldatacopy(at, point, G1_LENGTH) }
        }
        if (!success) revert InvalidPoint();
    }

    /// @notice Makes it the sum alone; nothing can be added any more.
    function closeSum(bytes memory sum) internal pure {
        assembly ("memory-safe") {
            mstore(sum, G1_LENGTH)
        }
    }

    /// @notice Replaces the point by its inverse. Coordinates must be below p, as those of every
    /// checked point are.
    function negateG1(bytes memory point) internal pure {
        if (isInfinity(point)) return;
        assembly ("memory-safe") {
            let high := add(point, 96)
            let low := add(point, 128)
            let yLow := mload(low)
            mstore(high, sub(sub(P_HIGH, mload(high)), gt(yLow, P_LOW)))
            mstore(low, sub(P_LOW, yLow))
        }
    }

    /// @notice Reverts unless `point` is in G1 and not at infinity.
    function checkKey(bytes memory point) internal view {
        if (isInfinity(point)) revert InvalidPoint();
        // unlike the addition, the multiplication checks the group
        _call(G1_MSM, bytes.concat(point, bytes32(uint256(1))), G1_LENGTH);
    }

    function isInfinity(bytes memory point) internal pure returns (bool infinity) {
        if (point.length != G1_LENGTH) revert InvalidPoint();
        assembly ("memory-safe") {
            let x := or(mload(add(point, 32)), mload(add(point, 64)))
            let y := or(mload(add(point, 96)), mload(add(point, 128)))
            infinity := iszero(or(x, y))
        }
    }

    /// @notice A checked point, for storage.
    function pack(bytes memory point) internal pure returns (StoredKey memory) {
        if (point.length != G1_LENGTH) revert InvalidPoint();
        (uint256 xHigh, uint256 xLow, uint256 yHigh, uint256 yLow) =
            abi.decode(point, (uint256, uint256, uint256, uint256));
        return StoredKey(xHigh << 128 | yHigh, xLow, yLow);
    }

    /// @notice What was packed.
    function unpack(StoredKey memory key) internal pure returns (bytes memory) {
        return abi.encode(key.high >> 128, key.xLow, key.high & type(uint128).max, key.yLow);
    }

    /// @dev expand_message_xmd with SHA-256 to 256 bytes (RFC 9380, 5.3.1).
    function _expand(bytes memory message, bytes memory tag)
        private
        view
        returns (bytes32[8] memory uniform)
    {
        bytes memory suffix = abi.encodePacked(tag, uint8(tag.length));
        bytes32 seed = sha256(
            abi.encodePacked(bytes32(0), bytes32(0), message, uint16(256), uint8(0), suffix)
        );
        bytes memory round = abi.encodePacked(bytes32(0), uint8(0), suffix);
        bytes32 last = 0;
        for (uint256 i = 0; i < 8; ++i) {
            uint256 from;
            uint256 to;
            assembly ("memory-safe") {
                from := add(round, 32)
                to := add(uniform, shl(5, i))
                mstore(from, xor(seed, last))
                mstore8(add(from, 32), add(i, 1))
            }
            _run(SHA256, from, round.length, to, 32);
            last = uniform[i];
        }
    }

    /// @dev Replaces each 64 bytes by their remainder modulo p, which is their first power.
    function _reduce(bytes32[8] memory elements) private view {
        bytes memory input = abi.encodePacked(
            uint256(64), uint256(1), uint256(64), bytes32(0), bytes32(0), uint8(1), P_HIGH, P_LOW
        );
        for (uint256 i = 0; i < 8; i += 2) {
            uint256 from;
            uint256 to;
            assembly ("memory-safe") {
                from := add(input, 32)
                to := add(elements, shl(5, i))
                mcopy(add(from, 96), to, 64)
            }
            _run(MODEXP, from, input.length, to, 64);
        }
    }

    function _call(address precompile, bytes memory input, uint256 length)
        private
        view
        returns (bytes memory output)
    {
        output = new bytes(length);
        uint256 from;
        uint256 to;
        assembly ("memory-safe") {
            from := add(input, 32)
            to := add(output, 32)
        }
        _run(precompile, from, input.length, to, length);
    }

    /// @dev Calls a precompile with memory from `from` on and writes the answer to `to`. Those of the
    /// curve fail on bytes that are no point; the others do not fail.
    function _run(address precompile, uint256 from, uint256 length, uint256 to, uint256 outLength)
        private
        view
    {
        bool success;
        assembly ("memory-safe") {
            success := staticcall(PRECOMPILE_GAS, precompile, from, length, to, outLength)
            // an address without the precompile answers with nothing
            success := and(success, eq(returndatasize(), outLength))
        }
        if (!success) revert InvalidPoint();
    }
}
