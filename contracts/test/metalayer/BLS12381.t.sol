// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {BLS12381} from "../../src/metalayer/libs/BLS12381.sol";
import {BlsSigner} from "../utils/BlsSigner.sol";

/// @notice Published vectors (RFC 9380, EIP-2537) and ours, which another implementation made.
contract BLS12381Test is Test {
    string private published;
    string private ours;

    function setUp() public {
        published = vm.readFile("../tests/vectors/bls12381.json");
        ours = vm.readFile("../tests/vectors/metalayer.json");
    }

    function test_hashToG2_ofRfc9380() public view {
        bytes memory tag = bytes(vm.parseJsonString(published, ".hashToG2.tag"));
        uint256 i = 0;
        for (; _has(published, ".hashToG2.vectors", i); ++i) {
            string memory entry = _at(".hashToG2.vectors", i);
            bytes memory message =
                bytes(vm.parseJsonString(published, string.concat(entry, ".message")));
            bytes memory point = vm.parseJsonBytes(published, string.concat(entry, ".point"));
            assertEq(BLS12381.hashToG2(message, tag), point, entry);
        }
        assertEq(i, 5);
    }

    function test_hashToG2_ofOurTags() public view {
        uint256 i = 0;
        for (; _has(ours, ".hashToCurve", i); ++i) {
            string memory entry = _at(".hashToCurve", i);
            bytes memory message = vm.parseJsonBytes(ours, string.concat(entry, ".message"));
            bytes memory tag = bytes(vm.parseJsonString(ours, string.concat(entry, ".tag")));
            bytes memory point = vm.parseJsonBytes(ours, string.concat(entry, ".point"));
            assertEq(BLS12381.hashToG2(message, tag), point, entry);
        }
        assertGt(i, 0);
    }

    function test_addG1_ofEip2537() public view {
        uint256 i = 0;
        for (; _has(published, ".addG1", i); ++i) {
            string memory entry = _at(".addG1", i);
            bytes memory a = vm.parseJsonBytes(published, string.concat(entry, ".a"));
            bytes memory b = vm.parseJsonBytes(published, string.concat(entry, ".b"));
            bytes memory sum = vm.parseJsonBytes(published, string.concat(entry, ".sum"));
            assertEq(BLS12381.addG1(a, b), sum, entry);
        }
        assertGt(i, 0);
    }

    function test_verify_ofAnotherImplementation() public view {
        uint256 i = 0;
        for (; _has(ours, ".signatures", i); ++i) {
            string memory entry = _at(".signatures", i);
            bytes memory key = vm.parseJsonBytes(ours, string.concat(entry, ".key"));
            bytes32 digest = vm.parseJsonBytes32(ours, string.concat(entry, ".digest"));
            bytes memory signature = vm.parseJsonBytes(ours, string.concat(entry, ".signature"));
            assertTrue(this.verify(key, digest, signature), entry);
            assertFalse(this.verify(key, ~digest, signature), entry);
            assertEq(BLS12381.unpack(BLS12381.pack(key)), key, entry);
        }
        assertGt(i, 0);
    }

    function test_checkKey_revertsOffTheGroup() public {
        uint256 i = 0;
        for (; _has(published, ".invalidG1", i); ++i) {
            bytes memory point =
                vm.parseJsonBytes(published, string.concat(_at(".invalidG1", i), ".point"));
            vm.expectRevert(BLS12381.InvalidPoint.selector);
            this.checkKey(point);
        }
        assertGt(i, 0);
    }

    function test_checkKey_revertsAtInfinity() public {
        vm.expectRevert(BLS12381.InvalidPoint.selector);
        this.checkKey(new bytes(128));
    }

    function test_verify_revertsForInvalidSignature() public {
        bytes memory key = BlsSigner.publicKey(7);
        uint256 i = 0;
        for (; _has(published, ".invalidG2", i); ++i) {
            bytes memory point =
                vm.parseJsonBytes(published, string.concat(_at(".invalidG2", i), ".point"));
            vm.expectRevert(BLS12381.InvalidPoint.selector);
            this.verify(key, "digest", point);
        }
        assertGt(i, 0);
    }

    function test_verify_revertsForInvalidKey() public {
        bytes memory signature = BlsSigner.sign(7, "digest");
        for (uint256 i = 0; _has(published, ".invalidG1", i); ++i) {
            bytes memory point =
                vm.parseJsonBytes(published, string.concat(_at(".invalidG1", i), ".point"));
            vm.expectRevert(BLS12381.InvalidPoint.selector);
            this.verify(point, "digest", signature);
        }
    }

    function test_verify_revertsForKeyAtInfinity() public {
        vm.expectRevert(BLS12381.InvalidPoint.selector);
        this.verify(new bytes(128), "digest", new bytes(256));
    }

    function test_verify_refusesSignatureAtInfinity() public view {
        assertFalse(this.verify(BlsSigner.publicKey(7), "digest", new bytes(256)));
    }

    function test_verify_keepsTagsApart() public view {
        bytes memory key = BlsSigner.publicKey(7);
        assertFalse(this.verify(key, "digest", BlsSigner.provePossession(7, "digest")));
    }

    function testFuzz_negateG1_isTheInverse(uint256 secret) public view {
        bytes memory key = BlsSigner.publicKey(bound(secret, 1, BlsSigner.ORDER - 1));
        bytes memory negated = bytes.concat(key);
        BLS12381.negateG1(negated);
        assertTrue(BLS12381.isInfinity(BLS12381.addG1(key, negated)));
        BLS12381.negateG1(negated);
        assertEq(negated, key);
    }

    function test_negateG1_keepsInfinity() public pure {
        bytes memory infinity = new bytes(128);
        BLS12381.negateG1(infinity);
        assertEq(infinity, new bytes(128));
    }

    /// forge-config: default.fuzz.runs = 96
    function testFuzz_verify_acceptsOnlyTheSigner(uint256 secret, uint256 other, bytes32 digest)
        public
        view
    {
        secret = bound(secret, 1, BlsSigner.ORDER - 1);
        other = bound(other, 1, BlsSigner.ORDER - 1);
        bytes memory signature = BlsSigner.sign(secret, digest);
        assertTrue(this.verify(BlsSigner.publicKey(secret), digest, signature));
        assertEq(this.verify(BlsSigner.publicKey(other), digest, signature), other == secret);
    }

    function verify(bytes memory key, bytes32 digest, bytes memory signature)
        external
        view
        returns (bool)
    {
        return BLS12381.verify(key, abi.encode(digest), BLS12381.SIGNATURE_TAG, signature);
    }

    function checkKey(bytes memory key) external view {
        BLS12381.checkKey(key);
    }

    function _has(string memory json, string memory list, uint256 i) private view returns (bool) {
        return vm.keyExistsJson(json, _at(list, i));
    }

    function _at(string memory list, uint256 i) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(i), "]");
    }
}
