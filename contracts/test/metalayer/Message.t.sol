// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {Leaf} from "../../src/metalayer/libs/Leaf.sol";
import {Message} from "../../src/metalayer/libs/Message.sol";
import {ReadOperation} from "../../src/metalayer/interfaces/IMetalayerRecipient.sol";
import {RouterBody} from "../../src/metalayer/libs/RouterBody.sol";
import {StandardHookMetadata} from "../../src/metalayer/libs/StandardHookMetadata.sol";

/// @notice Message, leaf, router body and hook metadata: what is written is what is read.
contract MessageTest is Test {
    struct Fields {
        uint8 version;
        uint32 nonce;
        uint32 origin;
        bytes32 sender;
        uint32 destination;
        bytes32 recipient;
        bytes body;
    }

    function encodeMessage(Fields calldata f) external pure returns (bytes memory) {
        return
            Message.encode(
                f.version, f.nonce, f.origin, f.sender, f.destination, f.recipient, f.body
            );
    }

    function decodeMessage(bytes calldata message) external pure returns (Fields memory) {
        return Fields({
            version: Message.version(message),
            nonce: Message.nonce(message),
            origin: Message.origin(message),
            sender: Message.sender(message),
            destination: Message.destination(message),
            recipient: Message.recipient(message),
            body: Message.body(message)
        });
    }

    function addresses(bytes calldata message) external pure returns (address, address) {
        return (Message.senderAddress(message), Message.recipientAddress(message));
    }

    function encodeBody(
        uint8 finality,
        uint256 gasLimit,
        bytes32 sender,
        bytes32 recipient,
        ReadOperation[] calldata reads,
        bytes calldata data
    ) external pure returns (bytes memory) {
        return RouterBody.encode(finality, gasLimit, sender, recipient, reads, data);
    }

    function demandsOf(bytes calldata body) external pure returns (uint8, uint256) {
        return RouterBody.demands(body);
    }

    function decodeBody(bytes calldata body) external pure returns (uint8, RouterBody.Data memory) {
        return (RouterBody.version(body), RouterBody.decode(body));
    }

    function readMetadata(bytes calldata metadata)
        external
        pure
        returns (uint16 variant, bool supported, uint256 gasLimit, address refundAddress)
    {
        return (
            StandardHookMetadata.variant(metadata),
            StandardHookMetadata.isSupported(metadata),
            StandardHookMetadata.gasLimit(metadata, 123),
            StandardHookMetadata.refundAddress(metadata, address(456))
        );
    }

    function testFuzz_message_roundTrip(Fields calldata fields) public view {
        bytes memory message = this.encodeMessage(fields);
        assertEq(message.length, 77 + fields.body.length);
        assertEq(abi.encode(this.decodeMessage(message)), abi.encode(fields));
    }

    function test_message_headerAlone() public view {
        Fields memory fields;
        fields.version = 3;
        bytes memory message = this.encodeMessage(fields);
        assertEq(message.length, 77);
        assertEq(this.decodeMessage(message).body.length, 0);
    }

    function testFuzz_addresses_roundTrip(address sender, address recipient) public view {
        Fields memory fields;
        fields.sender = Message.toBytes32(sender);
        fields.recipient = Message.toBytes32(recipient);
        (address a, address b) = this.addresses(this.encodeMessage(fields));
        assertEq(a, sender);
        assertEq(b, recipient);
    }

    function testFuzz_addresses_revertWithInvalidAddress(bytes32 value) public {
        vm.assume(uint256(value) > type(uint160).max);
        Fields memory fields;
        fields.recipient = value;
        bytes memory message = this.encodeMessage(fields);
        vm.expectRevert(abi.encodeWithSelector(Message.InvalidAddress.selector, value));
        this.addresses(message);
    }

    function testFuzz_routerBody_roundTrip(
        uint8 finality,
        uint256 gasLimit,
        bytes32 sender,
        bytes32 recipient,
        ReadOperation[] calldata reads,
        bytes calldata data
    ) public view {
        bytes memory body = this.encodeBody(finality, gasLimit, sender, recipient, reads, data);
        (uint8 version, RouterBody.Data memory decoded) = this.decodeBody(body);
        (uint8 demanded, uint256 readCount) = this.demandsOf(body);
        assertEq(demanded, finality);
        assertEq(readCount, reads.length);
        assertEq(version, 1);
        assertEq(decoded.finality, finality);
        assertEq(decoded.gasLimit, gasLimit);
        assertEq(decoded.sender, sender);
        assertEq(decoded.recipient, recipient);
        assertEq(abi.encode(decoded.reads), abi.encode(reads));
        assertEq(decoded.writeCallData, data);
    }

    function testFuzz_leaf_isHundredAndFourteenBytes(Leaf.Data memory leaf) public pure {
        bytes memory packed = Leaf.encode(leaf);
        assertEq(packed.length, 114);
        assertEq(uint8(packed[0]), 1);
        assertEq(uint8(packed[113]), leaf.finality);
        assertEq(Leaf.hash(leaf), keccak256(packed));
    }

    function testFuzz_metadata_roundTrip(
        uint256 value,
        uint256 gasLimit,
        address refund,
        bytes calldata custom
    ) public view {
        bytes memory packed = StandardHookMetadata.encode(value, gasLimit, refund);
        assertEq(packed.length, 86);
        (uint16 variant, bool supported, uint256 gas_, address refund_) =
            this.readMetadata(bytes.concat(packed, custom));
        assertEq(variant, 1);
        assertTrue(supported);
        assertEq(gas_, gasLimit);
        assertEq(refund_, refund);
    }

    function test_metadata_mayEndAfterAnyField() public view {
        bytes memory whole = StandardHookMetadata.encode(0, 77, address(88));
        (uint16 variant, bool supported, uint256 gas_, address refund) = this.readMetadata("");
        assertEq(variant, 0);
        assertTrue(supported);
        assertEq(gas_, 123);
        assertEq(refund, address(456));
        (,, gas_, refund) = this.readMetadata(_cut(whole, 65));
        assertEq(gas_, 123);
        (,, gas_, refund) = this.readMetadata(_cut(whole, 66));
        assertEq(gas_, 77);
        assertEq(refund, address(456));
        (,, gas_, refund) = this.readMetadata(_cut(whole, 85));
        assertEq(refund, address(456));
    }

    function _cut(bytes memory data, uint256 length) private pure returns (bytes memory cut) {
        cut = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            cut[i] = data[i];
        }
    }
}
