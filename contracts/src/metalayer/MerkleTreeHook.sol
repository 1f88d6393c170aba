// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Governed} from "./Governed.sol";
import {IMailbox} from "./interfaces/IMailbox.sol";
import {IMerkleTreeHook} from "./interfaces/IMerkleTreeHook.sol";
import {IPostDispatchHook} from "./interfaces/IPostDispatchHook.sol";
import {MerkleTree} from "./libs/MerkleTree.sol";
import {Message} from "./libs/Message.sol";
import {StandardHookMetadata} from "./libs/StandardHookMetadata.sol";

/// @title MerkleTreeHook
/// @notice Implements {IMerkleTreeHook}, which documents it.
contract MerkleTreeHook is IMerkleTreeHook, Governed {
    using MerkleTree for MerkleTree.Tree;
    using Message for bytes;
    using StandardHookMetadata for bytes;

    // The layout is part of the formats: branch in slots 0 to 31, count in 32, root in 33.
    MerkleTree.Tree private _tree;
    /// @inheritdoc IMerkleTreeHook
    bytes32 public override root;

    /// @dev The message put into the tree last, in this transaction.
    bytes32 private transient _inserted;

    /// @inheritdoc IMerkleTreeHook
    IMailbox public immutable override mailbox;

    /// @param mailbox_ Need not have code yet.
    constructor(address mailbox_) {
        mailbox = IMailbox(mailbox_);
    }

    function initialize(address owner_) external initializer {
        __Ownable_init(owner_);
        root = MerkleTree.EMPTY_ROOT;
    }

    /// @inheritdoc IPostDispatchHook
    /// @dev Only the mailbox may call, so that nobody can put a message in again later. Within its
    /// dispatch a message may come twice, when the dispatcher names this hook beside the
    /// required one: the second time changes nothing.
    function postDispatch(bytes calldata metadata, bytes calldata message)
        external
        payable
        override
    {
        if (msg.sender != address(mailbox)) revert NotMailbox(msg.sender);
        if (msg.value != 0) revert NoValueExpected(msg.value);
        _checkMetadata(metadata);
        bytes32 id = message.id();
        if (mailbox.latestDispatchedId() != id) revert NotLatestDispatched(id);

        if (id == _inserted) return;
        _inserted = id;
        uint32 index = count();
        root = _tree.insert(id);
        emit InsertedIntoTree(id, index);
    }

    /// @inheritdoc IMerkleTreeHook
    function tree() external view override returns (MerkleTree.Tree memory) {
        return _tree;
    }

    /// @inheritdoc IMerkleTreeHook
    function latestCheckpoint() external view override returns (bytes32, uint32) {
        uint32 leaves = count();
        if (leaves == 0) revert EmptyTree();
        return (root, leaves - 1);
    }

    /// @inheritdoc IMerkleTreeHook
    function localDomain() external view override returns (uint32) {
        return mailbox.localDomain();
    }

    /// @inheritdoc IMerkleTreeHook
    function deployedBlock() external view override returns (uint256) {
        return mailbox.deployedBlock();
    }

    /// @inheritdoc IPostDispatchHook
    function quoteDispatch(bytes calldata metadata, bytes calldata)
        external
        pure
        override
        returns (uint256)
    {
        _checkMetadata(metadata);
        return 0;
    }

    /// @inheritdoc IPostDispatchHook
    function hookType() external pure override returns (uint8) {
        return uint8(HookTypes.MERKLE_TREE);
    }

    /// @inheritdoc IPostDispatchHook
    function supportsMetadata(bytes calldata metadata) external pure override returns (bool) {
        return metadata.isSupported();
    }

    /// @inheritdoc IMerkleTreeHook
    function count() public view override returns (uint32) {
        return uint32(_tree.count);
    }

    function _checkMetadata(bytes calldata metadata) private pure {
        if (!metadata.isSupported()) revert UnsupportedMetadataVariant(metadata.variant());
    }
}
