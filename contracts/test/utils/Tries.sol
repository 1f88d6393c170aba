// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";

/// @notice Merkle-Patricia tries with one key (yellow paper, appendix D).
library Tries {
    using RLP for *;

    /// @notice A trie's root and its only node.
    /// @param value What stands there, encoded already.
    function single(bytes32 key, bytes memory value)
        internal
        pure
        returns (bytes32 root, bytes[] memory nodes)
    {
        nodes = new bytes[](1);
        bytes memory path = abi.encodePacked(uint8(0x20), key);
        nodes[0] = RLP.encoder().push(path).push(value).encode();
        root = keccak256(nodes[0]);
    }

    /// @notice A state with one account, in which one slot is not zero.
    function state(address account, bytes32 slot, bytes32 word)
        internal
        pure
        returns (bytes32 stateRoot, bytes[] memory accountProof, bytes[] memory storageProof)
    {
        bytes32 storageRoot;
        (storageRoot, storageProof) = single(keccak256(abi.encode(slot)), RLP.encode(uint256(word)));
        bytes memory leaf = RLP.encoder().push(uint256(1)).push(uint256(0)).push(storageRoot)
            .push(keccak256("code")).encode();
        (stateRoot, accountProof) = single(keccak256(abi.encodePacked(account)), leaf);
    }
}
