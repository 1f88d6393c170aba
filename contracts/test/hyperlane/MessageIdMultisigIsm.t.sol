// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Test} from "forge-std/Test.sol";
import {MessageIdMultisigIsm} from "../../src/hyperlane/MessageIdMultisigIsm.sol";
import {MessageIdMultisigIsmFactory} from "../../src/hyperlane/MessageIdMultisigIsmFactory.sol";
import {IMessageIdMultisigIsm} from "../../src/hyperlane/interfaces/IMessageIdMultisigIsm.sol";
import {
    IMessageIdMultisigIsmFactory
} from "../../src/hyperlane/interfaces/IMessageIdMultisigIsmFactory.sol";
import {Checkpoint} from "../../src/hyperlane/libs/Checkpoint.sol";
import {Message} from "../../src/metalayer/libs/Message.sol";

contract MessageIdMultisigIsmTest is Test {
    uint32 internal constant ORIGIN = 901;
    uint8 internal constant THRESHOLD = 3;

    MessageIdMultisigIsmFactory internal factory;
    MessageIdMultisigIsm internal ism;
    uint256[] internal keys;
    address[] internal validators;

    bytes32 internal hook = bytes32(uint256(0xbeef));
    bytes32 internal root = keccak256("root");
    bytes internal message;

    function setUp() public {
        factory = new MessageIdMultisigIsmFactory(address(new MessageIdMultisigIsm()));
        for (uint256 i = 0; i < 5; ++i) {
            keys.push(uint256(keccak256(abi.encode("validator", i))));
            validators.push(vm.addr(keys[i]));
        }
        ism = MessageIdMultisigIsm(factory.deploy(validators, THRESHOLD));
        message = _message(ORIGIN, "body");
    }

    function test_moduleTellsWhatItIs() public view {
        assertEq(ism.moduleType(), 5);
        (address[] memory found, uint8 threshold) = ism.validatorsAndThreshold(message);
        assertEq(found, validators);
        assertEq(threshold, THRESHOLD);
    }

    function test_factory_findsTheModuleAgain() public {
        assertEq(factory.getAddress(validators, THRESHOLD), address(ism));
        assertEq(factory.deploy(validators, THRESHOLD), address(ism));
        assertNotEq(factory.deploy(validators, 2), address(ism));
    }

    function test_factory_refusesAThresholdThatCantBe() public {
        vm.expectRevert(
            abi.encodeWithSelector(IMessageIdMultisigIsmFactory.InvalidThreshold.selector, 0, 5)
        );
        factory.deploy(validators, 0);
        vm.expectRevert(
            abi.encodeWithSelector(IMessageIdMultisigIsmFactory.InvalidThreshold.selector, 6, 5)
        );
        factory.deploy(validators, 6);
    }

    function test_factory_refusesAValidatorTwice() public {
        validators[4] = validators[1];
        vm.expectRevert(
            abi.encodeWithSelector(
                IMessageIdMultisigIsmFactory.DuplicateValidator.selector, validators[1]
            )
        );
        factory.deploy(validators, THRESHOLD);
    }

    function test_implementationIsNoModule() public {
        IMessageIdMultisigIsm shared = IMessageIdMultisigIsm(factory.implementation());
        vm.expectRevert(IMessageIdMultisigIsm.NotAModule.selector);
        shared.verify(_metadata(0, 1, 2), message);
        vm.expectRevert(IMessageIdMultisigIsm.NotAModule.selector);
        shared.validatorsAndThreshold(message);
    }

    /// @dev Any three of the five, in order.
    function testFuzz_verify_acceptsAnyQuorum(uint8 a, uint8 b) public view {
        a = uint8(bound(a, 0, 4));
        b = uint8(bound(b, 0, 4));
        vm.assume(a < b);
        uint256[] memory signers = new uint256[](3);
        uint256 n;
        for (uint256 i = 0; i < 5; ++i) {
            if (i != a && i != b) signers[n++] = i;
        }
        assertTrue(ism.verify(_metadata(signers[0], signers[1], signers[2]), message));
    }

    function test_verify_looksAtNoMoreThanTheThreshold() public view {
        assertTrue(ism.verify(bytes.concat(_metadata(0, 2, 4), new bytes(130)), message));
        assertEq(ism.signatureCount(bytes.concat(_metadata(0, 2, 4), new bytes(130))), 5);
    }

    function test_verify_refusesTooFew() public {
        bytes memory metadata = abi.encodePacked(hook, root, uint32(7), _sign(0), _sign(1));
        vm.expectRevert(
            abi.encodeWithSelector(IMessageIdMultisigIsm.TooFewSignatures.selector, 3, 2)
        );
        ism.verify(metadata, message);
        vm.expectRevert(
            abi.encodeWithSelector(IMessageIdMultisigIsm.TooFewSignatures.selector, 3, 0)
        );
        ism.verify("", message);
    }

    function test_verify_refusesOneSignatureTwice() public {
        bytes memory metadata = _metadata(1, 1, 2);
        vm.expectRevert(
            abi.encodeWithSelector(IMessageIdMultisigIsm.NotByValidator.selector, 1, validators[1])
        );
        ism.verify(metadata, message);
    }

    function test_verify_refusesAnotherOrder() public {
        bytes memory metadata = _metadata(2, 0, 4);
        vm.expectRevert(
            abi.encodeWithSelector(IMessageIdMultisigIsm.NotByValidator.selector, 1, validators[0])
        );
        ism.verify(metadata, message);
    }

    function test_verify_refusesStrangers() public {
        keys[3] = uint256(keccak256("stranger"));
        bytes memory metadata = _metadata(0, 1, 3);
        vm.expectRevert(
            abi.encodeWithSelector(
                IMessageIdMultisigIsm.NotByValidator.selector, 2, vm.addr(keys[3])
            )
        );
        ism.verify(metadata, message);
    }

    /// @dev Whatever of metadata or message is changed, the quorum's signatures are worth nothing.
    function testFuzz_verify_refusesWhatWasNotSigned(uint256 position, uint8 flip) public {
        vm.assume(flip != 0);
        bytes memory metadata = _metadata(0, 1, 2);
        position = bound(position, 0, 68 + message.length - 1);
        if (position < 68) {
            metadata[position] ^= bytes1(flip);
        } else {
            message[position - 68] ^= bytes1(flip);
        }
        vm.expectRevert();
        ism.verify(metadata, message);
    }

    function test_verify_refusesMalleatedSignatures() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[1], _digest());
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        bytes32 high = bytes32(order - uint256(s));
        bytes memory forged = abi.encodePacked(r, high, v == 27 ? uint8(28) : uint8(27));
        bytes memory metadata = abi.encodePacked(hook, root, uint32(7), _sign(0), forged, _sign(2));
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureS.selector, high));
        ism.verify(metadata, message);
    }

    function test_vectors_ofHyperlanesSdk() public {
        string memory json = vm.readFile("../tests/vectors/hyperlane.json");
        address[] memory set = vm.parseJsonAddressArray(json, ".validators");
        uint8 threshold = uint8(vm.parseJsonUint(json, ".threshold"));
        ism = MessageIdMultisigIsm(factory.deploy(set, threshold));
        for (uint256 i = 0; i < 3; ++i) {
            string memory at = string.concat(".checkpoints[", vm.toString(i), "]");
            bytes[] memory signatures =
                vm.parseJsonBytesArray(json, string.concat(at, ".signatures"));
            bytes memory metadata = abi.encodePacked(
                vm.parseJsonBytes32(
                    json, string.concat(at, ".checkpoint.merkle_tree_hook_address")
                ),
                vm.parseJsonBytes32(json, string.concat(at, ".checkpoint.root")),
                uint32(vm.parseJsonUint(json, string.concat(at, ".checkpoint.index"))),
                bytes.concat(signatures[0], signatures[1], signatures[3])
            );
            bytes memory sent = vm.parseJsonBytes(json, string.concat(at, ".message"));
            assertTrue(ism.verify(metadata, sent));
        }
    }

    function _message(uint32 origin, bytes memory body) internal view returns (bytes memory) {
        return abi.encodePacked(
            uint8(3),
            uint32(7),
            origin,
            Message.toBytes32(address(this)),
            uint32(902),
            Message.toBytes32(address(this)),
            body
        );
    }

    function _digest() internal view returns (bytes32) {
        return Checkpoint.digest(ORIGIN, hook, root, 7, keccak256(message));
    }

    function _sign(uint256 signer) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[signer], _digest());
        return abi.encodePacked(r, s, v);
    }

    function _metadata(uint256 a, uint256 b, uint256 c) internal view returns (bytes memory) {
        return abi.encodePacked(hook, root, uint32(7), _sign(a), _sign(b), _sign(c));
    }
}
