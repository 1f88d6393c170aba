// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {BLS12381} from "../../src/metalayer/libs/BLS12381.sol";

/// @notice Keys and signatures made with the multiplication precompiles; for tests only, as secrets
/// go through calldata.
library BlsSigner {
    uint256 internal constant ORDER =
        0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;
    bytes internal constant GENERATOR = hex"0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0f"
        hex"c3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"
        hex"0000000000000000000000000000000008b3f481e3aaa0f1a09e30ed741d8ae4"
        hex"fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1";

    /// @notice A secret for a label, never zero.
    function secretOf(string memory label, uint256 index) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(label, index))) % (ORDER - 1) + 1;
    }

    function publicKey(uint256 secret) internal view returns (bytes memory) {
        return _multiply(address(0x0c), GENERATOR, secret);
    }

    function sign(uint256 secret, bytes32 digest) internal view returns (bytes memory) {
        return signTagged(secret, digest, BLS12381.SIGNATURE_TAG);
    }

    function provePossession(uint256 secret, bytes32 digest) internal view returns (bytes memory) {
        return signTagged(secret, digest, BLS12381.POSSESSION_TAG);
    }

    function signTagged(uint256 secret, bytes32 digest, bytes memory tag)
        internal
        view
        returns (bytes memory)
    {
        return _multiply(address(0x0e), BLS12381.hashToG2(abi.encode(digest), tag), secret);
    }

    function _multiply(address precompile, bytes memory point, uint256 scalar)
        private
        view
        returns (bytes memory)
    {
        (bool success, bytes memory result) = precompile.staticcall(abi.encodePacked(point, scalar));
        require(success && result.length == point.length, "multiplication failed");
        return result;
    }
}
