// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Governed} from "../metalayer/Governed.sol";
import {IBatchInbox} from "./interfaces/IBatchInbox.sol";

/// @title BatchInbox
/// @notice Implements {IBatchInbox}, which documents it.
contract BatchInbox is IBatchInbox, Governed {
    /// @dev Third word of a frame's hash, where the frame is not the transaction's own data.
    uint8 internal constant BLOBS = 1;
    uint8 internal constant COMMITMENT = 2;

    mapping(uint256 chainId => Rollup) private _rollups;
    mapping(uint256 chainId => mapping(uint64 lastBlock => bytes32)) private _commitments;

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
        if (data.length == 0) revert NothingPosted();
        bytes32 dataHash = keccak256(data);
        bytes32 open = keccak256(abi.encode(_open(chainId, frame), dataHash));
        _append(chainId, firstBlock, lastBlock, frame, isLast, dataHash, open);
    }

    /// @inheritdoc IBatchInbox
    function appendBlobs(
        uint256 chainId,
        uint64 firstBlock,
        uint64 lastBlock,
        uint16 frame,
        bool isLast
    ) external override {
        bytes memory hashes;
        for (uint256 i = 0; blobhash(i) != 0; ++i) {
            hashes = bytes.concat(hashes, blobhash(i));
        }
        if (hashes.length == 0) revert NothingPosted();
        bytes32 dataHash = keccak256(hashes);
        bytes32 open = keccak256(abi.encode(_open(chainId, frame), dataHash, BLOBS));
        _append(chainId, firstBlock, lastBlock, frame, isLast, dataHash, open);
    }

    /// @inheritdoc IBatchInbox
    function appendCommitment(
        uint256 chainId,
        uint64 firstBlock,
        uint64 lastBlock,
        uint16 frame,
        bool isLast,
        bytes calldata daCommitment
    ) external override {
        if (daCommitment.length == 0) revert NothingPosted();
        bytes32 dataHash = keccak256(daCommitment);
        bytes32 open = keccak256(abi.encode(_open(chainId, frame), dataHash, COMMITMENT));
        _append(chainId, firstBlock, lastBlock, frame, isLast, dataHash, open);
    }

    /// @inheritdoc IBatchInbox
    function rollup(uint256 chainId) external view override returns (Rollup memory) {
        return _rollups[chainId];
    }

    /// @inheritdoc IBatchInbox
    function commitment(uint256 chainId, uint64 lastBlock)
        external
        view
        override
        returns (bytes32)
    {
        return _commitments[chainId][lastBlock];
    }

    /// @dev What the frames before `frame` come to.
    function _open(uint256 chainId, uint16 frame) private view returns (bytes32) {
        return frame == 0 ? bytes32(0) : _rollups[chainId].open;
    }

    /// @dev `open` with the frame in it.
    function _append(
        uint256 chainId,
        uint64 firstBlock,
        uint64 lastBlock,
        uint16 frame,
        bool isLast,
        bytes32 dataHash,
        bytes32 open
    ) private {
        Rollup storage found = _rollups[chainId];
        if (msg.sender != found.batcher) revert NotBatcher(chainId, msg.sender, found.batcher);
        if (msg.sender.code.length != 0) revert BatcherHasCode(msg.sender);
        if (firstBlock != found.nextBlock) revert UnexpectedBlock(firstBlock, found.nextBlock);
        if (lastBlock < firstBlock) revert NothingPosted();
        if (frame != 0) {
            if (frame != found.nextFrame) revert UnexpectedFrame(frame, found.nextFrame);
            if (lastBlock != found.lastBlock) revert BlocksDiffer(lastBlock, found.lastBlock);
        }

        uint64 channel = found.channels;
        if (isLast) {
            bytes32 accumulator =
                keccak256(abi.encode(found.accumulator, firstBlock, lastBlock, open));
            found.accumulator = accumulator;
            _commitments[chainId][lastBlock] = accumulator;
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
}
