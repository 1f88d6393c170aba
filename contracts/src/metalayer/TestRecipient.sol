// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IMessageRecipient} from "./interfaces/IMessageRecipient.sol";
import {IMetalayerRecipient, ReadOperation} from "./interfaces/IMetalayerRecipient.sol";
import {ITestRecipient} from "./interfaces/ITestRecipient.sol";

/// @title TestRecipient
/// @notice Implements {ITestRecipient}, which documents it.
/// @dev Slots that every message writes are never zero, so that the first message costs no more gas than
/// any other: a body of up to 31 bytes fits into the paymaster's default of 50,000.
contract TestRecipient is ITestRecipient {
    /// @inheritdoc ITestRecipient
    address public override lastCaller;
    /// @inheritdoc ITestRecipient
    uint32 public override lastOrigin;
    /// @dev One more than {count}.
    uint48 private _next = 1;
    /// @inheritdoc ITestRecipient
    bool public override broken;

    /// @dev Every bit of {lastSender} turned.
    bytes32 private _lastSenderTurned = ~bytes32(0);

    /// @inheritdoc ITestRecipient
    mapping(uint256 index => bytes body) public override messages;

    /// @inheritdoc IMessageRecipient
    function handle(uint32 origin, bytes32 sender, bytes calldata body) external payable override {
        _receive(origin, sender, body);
    }

    /// @inheritdoc IMetalayerRecipient
    function handle(
        uint32 originDomain,
        bytes32 sender,
        bytes calldata message,
        ReadOperation[] calldata,
        bytes[] calldata
    ) external payable override {
        _receive(originDomain, sender, message);
    }

    /// @inheritdoc ITestRecipient
    function setBroken(bool broken_) external override {
        broken = broken_;
        emit BrokenSet(broken_);
    }

    /// @inheritdoc ITestRecipient
    function lastSender() external view override returns (bytes32) {
        return ~_lastSenderTurned;
    }

    /// @inheritdoc ITestRecipient
    function lastData() external view override returns (bytes memory) {
        return count() == 0 ? bytes("") : messages[count() - 1];
    }

    /// @inheritdoc ITestRecipient
    function count() public view override returns (uint256) {
        return _next - 1;
    }

    function _receive(uint32 origin, bytes32 sender, bytes calldata body) private {
        if (broken) revert RecipientBroken("this recipient refuses every message");
        messages[_next - 1] = body;
        ++_next;
        lastCaller = msg.sender;
        lastOrigin = origin;
        _lastSenderTurned = ~sender;
        emit Received(origin, sender, msg.sender, msg.value, body);
    }
}
