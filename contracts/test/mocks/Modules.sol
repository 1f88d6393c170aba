// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {
    IInterchainSecurityModule
} from "../../src/metalayer/interfaces/IInterchainSecurityModule.sol";
import {IMailbox} from "../../src/metalayer/interfaces/IMailbox.sol";

/// @notice Says the same of every message.
contract ConstantIsm is IInterchainSecurityModule {
    bool public immutable verdict;

    constructor(bool verdict_) {
        verdict = verdict_;
    }

    function verify(bytes calldata, bytes calldata) external view returns (bool) {
        return verdict;
    }

    function moduleType() external pure returns (uint8) {
        return uint8(Types.NULL);
    }
}

/// @notice Tries to have the message processed again while verifying it.
contract ReentrantIsm is IInterchainSecurityModule {
    IMailbox public immutable mailbox;

    constructor(IMailbox mailbox_) {
        mailbox = mailbox_;
    }

    function verify(bytes calldata metadata, bytes calldata message) external returns (bool) {
        mailbox.process(metadata, message);
        return true;
    }

    function moduleType() external pure returns (uint8) {
        return uint8(Types.NULL);
    }
}
