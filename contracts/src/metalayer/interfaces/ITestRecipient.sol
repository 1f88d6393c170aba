// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IMessageRecipient} from "./IMessageRecipient.sol";
import {IMetalayerRecipient} from "./IMetalayerRecipient.sol";

/// @title ITestRecipient
/// @notice Takes messages from mailbox and router alike and remembers them. For trying things out: it
/// does not check who calls.
interface ITestRecipient is IMessageRecipient, IMetalayerRecipient {
    /// @notice Emitted for each message taken.
    event Received(
        uint32 indexed origin,
        bytes32 indexed sender,
        address indexed caller,
        uint256 value,
        bytes body
    );

    /// @notice Emitted when the recipient starts or stops to refuse messages.
    event BrokenSet(bool broken);

    /// @notice Thrown for every message while the recipient is broken.
    error RecipientBroken(string reason);

    /// @notice Whether the recipient refuses every message.
    function broken() external view returns (bool);

    /// @notice Makes the recipient refuse, or take, every message from now on. Anybody may call.
    function setBroken(bool broken) external;

    /// @notice Number of messages taken.
    function count() external view returns (uint256);

    /// @notice Body of the message taken at place `index`, counted from 0; empty when there is none.
    function messages(uint256 index) external view returns (bytes memory body);

    /// @notice Who brought the last message: mailbox or router, if all is well.
    function lastCaller() external view returns (address);

    /// @notice The last message's origin.
    function lastOrigin() external view returns (uint32);

    /// @notice The last message's sender.
    function lastSender() external view returns (bytes32);

    /// @notice The last message's body.
    function lastData() external view returns (bytes memory body);
}
