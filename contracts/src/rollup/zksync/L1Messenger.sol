// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {MerkleTree} from "../../metalayer/libs/MerkleTree.sol";
import {NotHere} from "../libs/NotHere.sol";
import {IL1Messenger} from "./interfaces/IL1Messenger.sol";
import {L2Messages} from "./libs/L2Messages.sol";

/// @title L1Messenger
/// @notice Implements {IL1Messenger}, which documents it.
/// @dev Stands at 0x0000000000000000000000000000000000008008 from genesis on.
contract L1Messenger is IL1Messenger, NotHere {
    using MerkleTree for MerkleTree.Tree;

    // The layout is part of the formats: branch in slots 0 to 31, count in 32, root in 33.
    MerkleTree.Tree private _tree;
    bytes32 private _root;

    /// @inheritdoc IL1Messenger
    function sendToL1(bytes calldata message) external override returns (bytes32 hash) {
        hash = keccak256(message);
        _root = _tree.insert(L2Messages.leafOf(0, msg.sender, hash));
        emit L1MessageSent(msg.sender, hash, message);
    }

    /// @inheritdoc IL1Messenger
    function messageCount() external view override returns (uint256) {
        return _tree.count;
    }

    /// @inheritdoc IL1Messenger
    function messageRoot() external view override returns (bytes32) {
        return _tree.count == 0 ? MerkleTree.EMPTY_ROOT : _root;
    }
}
