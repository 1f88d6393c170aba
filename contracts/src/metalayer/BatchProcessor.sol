// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IBatchProcessor} from "./interfaces/IBatchProcessor.sol";
import {IMailbox} from "./interfaces/IMailbox.sol";
import {Certificate, IRootVerifier} from "./interfaces/IRootVerifier.sol";
import {BoundedCall} from "./libs/BoundedCall.sol";

/// @title BatchProcessor
/// @notice Implements {IBatchProcessor}, which documents it.
contract BatchProcessor is IBatchProcessor {
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
        for (uint256 i = 0; i < certificates.length; ++i) {
            rootVerifier.submit(certificates[i]);
        }
        for (uint256 i = 0; i < items.length; ++i) {
            _process(items[i]);
        }
    }

    function _process(Item calldata item) private {
        bytes32 id = keccak256(item.message);
        if (mailbox.delivered(id)) return;

        bytes memory call = abi.encodeCall(IMailbox.process, (item.metadata, item.message));
        if (!BoundedCall.covers(gasleft(), item.gasLimit)) revert InsufficientGas();
        (bool success, bytes memory reason) =
            BoundedCall.tryCall(address(mailbox), 0, item.gasLimit, call);
        if (!success) emit MessageFailed(id, reason);
    }
}
