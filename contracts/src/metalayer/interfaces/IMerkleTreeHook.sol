// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {MerkleTree} from "../libs/MerkleTree.sol";
import {IMailbox} from "./IMailbox.sol";
import {IPostDispatchHook} from "./IPostDispatchHook.sol";

/// @title IMerkleTreeHook
/// @notice Keeps every dispatched message's id in an incremental Merkle tree, whose root and count
/// lie at fixed storage slots: one account proof and two storage proofs bind them to a state root.
interface IMerkleTreeHook is IPostDispatchHook {
    /// @notice Emitted for each message put into the tree.
    /// @param messageId The leaf.
    /// @param index Its place, counted from 0.
    event InsertedIntoTree(bytes32 messageId, uint32 index);

    /// @notice Thrown when anybody but the mailbox calls {postDispatch}.
    error NotMailbox(address caller);

    /// @notice Thrown when a message is not the one that the mailbox is dispatching.
    error NotLatestDispatched(bytes32 messageId);

    /// @notice Thrown when value is sent: the tree costs nothing.
    error NoValueExpected(uint256 value);

    /// @notice Thrown when a checkpoint of an empty tree is asked for.
    error EmptyTree();

    /// @notice The mailbox whose messages are kept.
    function mailbox() external view returns (IMailbox);

    /// @notice The mailbox's domain.
    function localDomain() external view returns (uint32);

    /// @notice Block from which on messages can be in the tree.
    function deployedBlock() external view returns (uint256);

    /// @notice Number of messages in the tree.
    function count() external view returns (uint32);

    /// @notice Root of the tree.
    function root() external view returns (bytes32);

    /// @notice The left siblings of the tree's next leaf, and the count.
    function tree() external view returns (MerkleTree.Tree memory);

    /// @notice Root and index of the last message.
    function latestCheckpoint() external view returns (bytes32 root, uint32 index);
}
