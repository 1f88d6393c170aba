// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {
    IInterchainSecurityModule,
    ISpecifiesInterchainSecurityModule
} from "../../src/metalayer/interfaces/IInterchainSecurityModule.sol";
import {IMailbox} from "../../src/metalayer/interfaces/IMailbox.sol";
import {IMessageRecipient} from "../../src/metalayer/interfaces/IMessageRecipient.sol";
import {
    IMetalayerRecipient,
    ReadOperation
} from "../../src/metalayer/interfaces/IMetalayerRecipient.sol";

/// @notice Both `handle`s end in one function.
abstract contract AnyRecipient is IMessageRecipient, IMetalayerRecipient {
    function handle(uint32 origin, bytes32 sender, bytes calldata body) external payable {
        _onMessage(origin, sender, body);
    }

    function handle(
        uint32 origin,
        bytes32 sender,
        bytes calldata body,
        ReadOperation[] calldata,
        bytes[] calldata
    ) external payable {
        _onMessage(origin, sender, body);
    }

    function _onMessage(uint32 origin, bytes32 sender, bytes calldata body) internal virtual;
}

/// @notice Reverts by name.
contract RevertingRecipient is AnyRecipient {
    error Refused(uint256 code);

    function _onMessage(uint32, bytes32, bytes calldata) internal pure override {
        revert Refused(42);
    }
}

/// @notice Uses all the gas that it gets.
contract GasBurningRecipient is AnyRecipient {
    function _onMessage(uint32, bytes32, bytes calldata) internal pure override {
        assembly ("memory-safe") {
            invalid()
        }
    }
}

/// @notice Reverts with as much data as its gas allows, up to `size`.
contract ReturnBombRecipient is AnyRecipient {
    uint256 public immutable size;

    constructor(uint256 size_) {
        size = size_;
    }

    function _onMessage(uint32, bytes32, bytes calldata) internal view override {
        uint256 length = size;
        assembly ("memory-safe") {
            revert(mload(0x40), length)
        }
    }
}

/// @notice Tells how much gas it got.
contract GasMeterRecipient is AnyRecipient {
    uint256 public gasAtEntry;

    function _onMessage(uint32, bytes32, bytes calldata) internal override {
        gasAtEntry = gasleft();
    }
}

/// @notice Tries to have its message processed again while handling it.
contract ReentrantRecipient is AnyRecipient {
    IMailbox public immutable mailbox;
    bytes public metadata;
    bytes public message;
    bytes public innerReason;
    uint256 public handled;

    constructor(IMailbox mailbox_) {
        mailbox = mailbox_;
    }

    function arm(bytes calldata metadata_, bytes calldata message_) external {
        metadata = metadata_;
        message = message_;
    }

    function _onMessage(uint32, bytes32, bytes calldata) internal override {
        ++handled;
        try mailbox.process(metadata, message) {}
        catch (bytes memory reason) {
            innerReason = reason;
        }
    }
}

/// @notice Answers each message by a message to its sender.
contract ReplyingRecipient is AnyRecipient {
    IMailbox public immutable mailbox;
    bytes32 public replyId;

    constructor(IMailbox mailbox_) {
        mailbox = mailbox_;
    }

    function _onMessage(uint32 origin, bytes32 sender, bytes calldata) internal override {
        replyId = mailbox.dispatch(origin, sender, "reply");
    }
}

/// @notice Names a module of its own.
contract GuardedRecipient is AnyRecipient, ISpecifiesInterchainSecurityModule {
    IInterchainSecurityModule public override interchainSecurityModule;
    uint256 public handled;

    constructor(IInterchainSecurityModule module) {
        interchainSecurityModule = module;
    }

    function _onMessage(uint32, bytes32, bytes calldata) internal override {
        ++handled;
    }
}

    /// @notice Answers every call, also those for a module, with the same bytes.
    contract TalkativeAccount {
        bytes public answer;

        constructor(bytes memory answer_) {
            answer = answer_;
        }

        fallback(bytes calldata) external payable returns (bytes memory) {
            return answer;
        }
    }

    /// @notice Takes no coins.
    contract CoinRefuser {}
