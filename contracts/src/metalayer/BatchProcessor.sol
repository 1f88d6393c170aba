// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IBatchProcessor} from "./interfaces/IBatchProcessor.sol";
import {IMailbox} from "./interfaces/IMailbox.sol";
import {Certificate, IRootVerifier} from "./interfaces/IRootVerifier.sol";
import {BoundedCall} from "./libs/BoundedCall.sol";

/// @title BatchProcessor
/// @notice Implements {IBatchProcessor}, which documents it.
contract BatchProcessor is IBatchProcessor {
    /// @dev Metadata of a message whose proof was brought before.
    bytes private constant PROVEN = hex"02";

    /// @inheritdoc IBatchProcessor
    IMailbox public immutable override mailbox;
    /// @inheritdoc IBatchProcessor
    IRootVerifier public immutable override rootVerifier;

    constructor(address mailbox_, address rootVerifier_) {
        mailbox = IMailbox(mailbox_);
        rootVerifier = IRootVerifier(rootVerifier_);
    }

    /// @inheritdoc IBatchProcessor
    function processBatch(Certificate[] calldata certificates, Item[] calldata items)
        external
        override
    {
        _submit(certificates);
        _processItems(items);
    }

    /// @inheritdoc IBatchProcessor
    function processGroups(
        Certificate[] calldata certificates,
        Group[] calldata groups,
        Item[] calldata items
    ) external override {
        _submit(certificates);
        for (uint256 i = 0; i < groups.length; ++i) {
            _processGroup(groups[i]);
        }
        _processItems(items);
    }

    function _submit(Certificate[] calldata certificates) private {
        for (uint256 i = 0; i < certificates.length; ++i) {
            rootVerifier.submit(certificates[i]);
        }
    }

    function _processItems(Item[] calldata items) private {
        for (uint256 i = 0; i < items.length; ++i) {
            Item calldata item = items[i];
            _process(keccak256(item.message), item.gasLimit, item.metadata, item.message);
        }
    }

    function _processGroup(Group calldata group) private {
        bytes[] calldata messages = group.messages;
        bytes32[] memory ids = new bytes32[](messages.length);
        for (uint256 i = 0; i < messages.length; ++i) {
            ids[i] = keccak256(messages[i]);
        }
        group.module.prove(group.proof, ids);
        uint256 gasLimit = group.gasLimit;
        bytes memory proven = PROVEN;
        for (uint256 i = 0; i < messages.length; ++i) {
            _process(ids[i], gasLimit, proven, messages[i]);
        }
    }

    /// @dev That a message has been delivered before is looked up only when it fails: so the others
    /// do not pay for the question.
    function _process(bytes32 id, uint256 gasLimit, bytes memory metadata, bytes calldata message)
        private
    {
        bytes memory call = abi.encodeCall(IMailbox.process, (metadata, message));
        if (!BoundedCall.covers(gasleft(), gasLimit)) revert InsufficientGas();
        (bool success, bytes memory reason) =
            BoundedCall.tryCall(address(mailbox), 0, gasLimit, call);
        if (!success && !mailbox.delivered(id)) emit MessageFailed(id, reason);
    }
}
