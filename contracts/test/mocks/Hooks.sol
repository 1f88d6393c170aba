// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IMailbox} from "../../src/metalayer/interfaces/IMailbox.sol";
import {IPostDispatchHook} from "../../src/metalayer/interfaces/IPostDispatchHook.sol";

/// @notice Asks a fixed fee and records what it gets.
contract RecordingHook is IPostDispatchHook {
    error FeeTooLow(uint256 provided);

    uint256 public fee;
    uint256 public received;
    bytes public metadata;
    bytes public message;

    constructor(uint256 fee_) {
        fee = fee_;
    }

    function postDispatch(bytes calldata metadata_, bytes calldata message_)
        external
        payable
        virtual
    {
        if (msg.value < fee) revert FeeTooLow(msg.value);
        received += msg.value;
        metadata = metadata_;
        message = message_;
    }

    function quoteDispatch(bytes calldata, bytes calldata) external view returns (uint256) {
        return fee;
    }

    function supportsMetadata(bytes calldata) external pure returns (bool) {
        return true;
    }

    function hookType() external pure returns (uint8) {
        return uint8(HookTypes.UNUSED);
    }
}

/// @notice Dispatches another message while one is dispatched, then puts the outer one into the tree again.
contract ReentrantHook is RecordingHook(0) {
    IMailbox public immutable mailbox;
    bytes32 public innerId;
    bytes public treeAnswer;

    constructor(IMailbox mailbox_) {
        mailbox = mailbox_;
    }

    function postDispatch(bytes calldata metadata_, bytes calldata message_)
        external
        payable
        override
    {
        innerId = mailbox.dispatch(1, bytes32(uint256(1)), "inner");
        try mailbox.requiredHook().postDispatch(metadata_, message_) {}
        catch (bytes memory reason) {
            treeAnswer = reason;
        }
    }
}
