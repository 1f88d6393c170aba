// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Governed} from "../../metalayer/Governed.sol";
import {IOptimismPortal} from "../interfaces/IOptimismPortal.sol";
import {GasTokens} from "../libs/GasTokens.sol";
import {INitroBridge, Sent} from "./interfaces/INitroBridge.sol";
import {SentItem} from "./libs/SentItem.sol";

/// @title NitroBridge
/// @notice Implements {INitroBridge}, which documents it.
contract NitroBridge is INitroBridge, Governed {
    using SafeERC20 for IERC20;
    using SentItem for Sent;

    address private constant ARB_SYS = address(0x64);
    /// @dev Left after the call, to write down that it failed.
    uint256 private constant RESERVED_GAS = 60_000;

    /// @inheritdoc INitroBridge
    address public override portal;
    /// @dev By position; what came and was not made.
    mapping(uint256 index => bytes32) private _waiting;
    /// @inheritdoc INitroBridge
    mapping(uint256 index => bool) public override isSpent;

    // Who sent the call that is being made. One may be made in the course of another.
    address private transient _sender;
    uint256 private transient _l2Block;
    uint256 private transient _l1Block;
    uint256 private transient _timestamp;
    uint256 private transient _index;

    function initialize(address owner_, address portal_) external initializer {
        __Ownable_init(owner_);
        portal = portal_;
    }

    /// @inheritdoc INitroBridge
    function receiveFromRollup(Sent calldata sent) external payable override {
        if (msg.sender != portal || IOptimismPortal(portal).l2Sender() != ARB_SYS) {
            revert NotFromArbSys(msg.sender);
        }
        bytes32 item = sent.hash();
        _waiting[sent.index] = item;
        uint256 left = gasleft();
        bool success;
        if (left > RESERVED_GAS) {
            try this.carryOut{gas: left - RESERVED_GAS}(sent) {
                success = true;
            } catch {}
        }
        if (!success) emit CallFailed(sent.index, item);
    }

    /// @inheritdoc INitroBridge
    function executeTransaction(
        bytes32[] calldata,
        uint256 index,
        address l2Sender,
        address to,
        uint256 l2Block,
        uint256 l1Block,
        uint256 l2Timestamp,
        uint256 value,
        bytes calldata data
    ) external override {
        Sent memory sent;
        sent.index = index;
        sent.l2Sender = l2Sender;
        sent.to = to;
        sent.l2Block = l2Block;
        sent.l1Block = l1Block;
        sent.l2Timestamp = l2Timestamp;
        sent.value = value;
        sent.data = data;
        if (isSpent[index]) revert AlreadySpent(index);
        bytes32 item = sent.hash();
        if (_waiting[index] != item) revert NotArrived(index, item);
        _carryOut(sent);
    }

    /// @notice Makes a call, for {receiveFromRollup} alone: what fails in here leaves nothing behind.
    function carryOut(Sent calldata sent) external {
        if (msg.sender != address(this)) revert NotFromArbSys(msg.sender);
        _carryOut(sent);
    }

    /// @inheritdoc INitroBridge
    function activeOutbox() external view override returns (address) {
        return _sender == address(0) ? address(0) : address(this);
    }

    /// @inheritdoc INitroBridge
    function allowedOutboxes(address outbox) external view override returns (bool) {
        return outbox == address(this);
    }

    /// @inheritdoc INitroBridge
    function bridge() external view override returns (address) {
        return address(this);
    }

    /// @inheritdoc INitroBridge
    function l2ToL1Sender() external view override returns (address) {
        return _sender;
    }

    /// @inheritdoc INitroBridge
    function l2ToL1Block() external view override returns (uint256) {
        return _l2Block;
    }

    /// @inheritdoc INitroBridge
    function l2ToL1EthBlock() external view override returns (uint256) {
        return _l1Block;
    }

    /// @inheritdoc INitroBridge
    function l2ToL1Timestamp() external view override returns (uint256) {
        return _timestamp;
    }

    /// @inheritdoc INitroBridge
    function l2ToL1OutputId() external view override returns (bytes32) {
        return bytes32(_index);
    }

    /// @inheritdoc INitroBridge
    function calculateItemHash(
        address l2Sender,
        address to,
        uint256 l2Block,
        uint256 l1Block,
        uint256 l2Timestamp,
        uint256 value,
        bytes calldata data
    ) external pure override returns (bytes32) {
        return keccak256(abi.encodePacked(l2Sender, to, l2Block, l1Block, l2Timestamp, value, data));
    }

    /// @dev A call of this contract in its own name could make it pay out what others wait for.
    function _carryOut(Sent memory sent) private {
        if (sent.to == address(this)) revert UnsafeTarget(sent.to);
        isSpent[sent.index] = true;
        delete _waiting[sent.index];
        emit OutBoxTransactionExecuted(sent.to, sent.l2Sender, 0, sent.index);

        (address sender, uint256 l2Block, uint256 l1Block, uint256 timestamp, uint256 index) =
            (_sender, _l2Block, _l1Block, _timestamp, _index);
        (_sender, _l2Block, _l1Block, _timestamp, _index) =
        (sent.l2Sender, sent.l2Block, sent.l1Block, sent.l2Timestamp, sent.index);
        _call(sent.to, sent.value, sent.data);
        (_sender, _l2Block, _l1Block, _timestamp, _index) =
        (sender, l2Block, l1Block, timestamp, index);
        emit BridgeCallTriggered(address(this), sent.to, sent.value, sent.data);
    }

    function _call(address to, uint256 value, bytes memory data) private {
        (address token, uint8 decimals) = IOptimismPortal(portal).gasPayingToken();
        if (token != GasTokens.ETHER) {
            // a call of the token in this contract's name could move what others wait for
            if (to == token) revert UnsafeTarget(to);
            uint256 units = value / GasTokens.scaleOf(decimals);
            if (units != 0) IERC20(token).safeTransfer(to, units);
            if (data.length == 0) return;
            value = 0;
        }
        (bool success,) = to.call{value: value}(data);
        if (!success) revert BridgeCallFailed();
    }
}
