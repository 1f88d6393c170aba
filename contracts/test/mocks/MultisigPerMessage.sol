// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {Message} from "../../src/metalayer/libs/Message.sol";

/// @notice What batches are compared with: every message brings its validators' signatures of a root and
/// its own path to that root, as Hyperlane's merkle-root multisig sends them. Metadata: tree
/// hook (32), message index (4), signed message's id (32), path (32·32), signed index (4), signatures
/// (65 each, in the validators' order).
/// @dev Validators are read from code, not from storage, as Hyperlane's static sets are.
contract MultisigPerMessage {
    using Message for bytes;

    uint256 public constant PATH = 68;
    uint256 public constant SIGNATURES = PATH + 32 * 32 + 4;

    address private immutable _validators;
    uint256 private immutable _threshold;

    constructor(address[] memory validators, uint256 threshold) {
        bytes memory code = bytes.concat(hex"00", abi.encode(validators));
        // returns what follows its own eleven bytes
        bytes memory init =
            bytes.concat(hex"61", bytes2(uint16(code.length)), hex"80600a3d393df3", code);
        address set;
        assembly ("memory-safe") {
            set := create(0, add(init, 0x20), mload(init))
        }
        require(set.code.length == code.length, "validators not stored");
        _validators = set;
        _threshold = threshold;
    }

    function verify(bytes calldata metadata, bytes calldata message) external view returns (bool) {
        bytes32 digest = digestOf(metadata, message.origin(), message.id());
        address[] memory validators = _read();
        uint256 next = 0;
        for (uint256 i = 0; i < _threshold; ++i) {
            uint256 from = SIGNATURES + 65 * i;
            address signer = ECDSA.recover(digest, metadata[from:from + 65]);
            while (next < validators.length && validators[next] != signer) ++next;
            require(next < validators.length, "!threshold");
            ++next;
        }
        return true;
    }

    /// @notice What validators sign.
    function digestOf(bytes calldata metadata, uint32 origin, bytes32 id)
        public
        pure
        returns (bytes32)
    {
        bytes32 hook = bytes32(metadata[0:32]);
        bytes32 domainHash = keccak256(abi.encodePacked(origin, hook, "HYPERLANE"));
        bytes32 root = _branchRoot(id, metadata);
        bytes memory checkpoint = abi.encodePacked(
            domainHash, root, metadata[SIGNATURES - 4:SIGNATURES], metadata[36:68]
        );
        return MessageHashUtils.toEthSignedMessageHash(keccak256(checkpoint));
    }

    function _branchRoot(bytes32 node, bytes calldata metadata) private pure returns (bytes32) {
        uint256 index = uint32(bytes4(metadata[32:36]));
        for (uint256 i = 0; i < 32; ++i) {
            bytes32 sibling = bytes32(metadata[PATH + 32 * i:PATH + 32 * i + 32]);
            node = index >> i & 1 == 1
                ? keccak256(abi.encode(sibling, node))
                : keccak256(abi.encode(node, sibling));
        }
        return node;
    }

    function _read() private view returns (address[] memory) {
        bytes memory code = _validators.code;
        assembly ("memory-safe") {
            let length := sub(mload(code), 1)
            code := add(code, 1)
            mstore(code, length)
        }
        return abi.decode(code, (address[]));
    }
}
