// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Governed} from "../metalayer/Governed.sol";
import {IBatchInbox} from "./interfaces/IBatchInbox.sol";

/// @title BatchInbox
/// @notice Implements {IBatchInbox}, which documents it.
contract BatchInbox is IBatchInbox, Governed {
    mapping(uint256 chainId => Rollup) private _rollups;

    function initialize(address owner_) external initializer {
        __Ownable_init(owner_);
    }

    /// @inheritdoc IBatchInbox
    function setBatcher(uint256 chainId, address batcher) external override onlyOwner {
        if (batcher == address(0)) revert BatcherZero();
        Rollup storage found = _rollups[chainId];
        if (found.nextBlock == 0) found.nextBlock = 1;
        found.batcher = batcher;
        emit BatcherSet(chainId, batcher);
    }

    /// @inheritdoc IBatchInbox
    function append(
        uint256 chainId,
        uint64 firstBlock,
        uint64 lastBlock,
        uint16 frame,
        bool isLast,
        bytes calldata data
    ) external override {
        Rollup storage found = _rollups[chainId];
        if (msg.sender != found.batcher) revert NotBatcher(chainId, msg.sender, found.batcher);
        if (firstBlock != found.nextBlock) revert UnexpectedBlock(firstBlock, found.nextBlock);
        if (lastBlock < firstBlock || data.length == 0) revert NothingPosted();
        if (frame != 0) {
            if (frame != found.nextFrame) revert UnexpectedFrame(frame, found.nextFrame);
            if (lastBlock != found.lastBlock) revert BlocksDiffer(lastBlock, found.lastBlock);
        }

        bytes32 dataHash = keccak256(data);
        bytes32 open = keccak256(abi.encode(frame == 0 ? bytes32(0) : found.open, dataHash));
        uint64 channel = found.channels;
        if (isLast) {
            found.accumulator =
                keccak256(abi.encode(found.accumulator, firstBlock, lastBlock, open));
            found.nextBlock = lastBlock + 1;
            found.channels = channel + 1;
            found.nextFrame = 0;
            found.lastBlock = 0;
            found.open = 0;
        } else {
            found.open = open;
            found.lastBlock = lastBlock;
            found.nextFrame = frame + 1;
        }
        emit FramePosted(chainId, channel, frame, firstBlock, lastBlock, isLast, dataHash);
    }

    /// @inheritdoc IBatchInbox
    function rollup(uint256 chainId) external view override returns (Rollup memory) {
        return _rollups[chainId];
    }
}
