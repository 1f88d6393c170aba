// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title IBatchInbox
/// @notice Where the batchers of all rollups post their channels, so that anybody can rebuild a rollup
/// from the L1 alone (docs/formats.md, "Channels").
/// @dev The inbox keeps the order: the blocks of a rollup are posted once each and without a gap. It
/// can't look into the data; whoever derives the rollup does, and ignores nothing: a channel that
/// can't be decoded, or says something false, is where derivation stops.
interface IBatchInbox {
    /// @notice Emitted for each frame. The data are with the transaction: in its calldata, in its
    /// blobs, or where the commitment in its calldata says; which one its selector tells.
    /// @param chainId Of the rollup.
    /// @param channel Number of the rollup's channel, from 0.
    /// @param frame Number of the frame within its channel, from 0.
    /// @param firstBlock First block of the channel.
    /// @param lastBlock Last block of the channel.
    /// @param isLast Whether the channel is complete with this frame.
    /// @param dataHash keccak of the frame's data, of its blobs' versioned hashes one after the
    /// other, or of its commitment.
    event FramePosted(
        uint256 indexed chainId,
        uint64 indexed channel,
        uint16 frame,
        uint64 firstBlock,
        uint64 lastBlock,
        bool isLast,
        bytes32 dataHash
    );

    /// @notice Emitted when a rollup's batcher is named.
    event BatcherSet(uint256 indexed chainId, address batcher);

    /// @notice Thrown when somebody else than the rollup's batcher posts.
    error NotBatcher(uint256 chainId, address sender, address batcher);

    /// @notice Thrown when the batcher's account has code (EIP-7702): the call would be no transaction's own, and
    /// nobody would find the frame in its calldata.
    error BatcherHasCode(address batcher);

    /// @notice Thrown when the channel does not begin with the first block that is missing.
    error UnexpectedBlock(uint64 firstBlock, uint64 nextBlock);

    /// @notice Thrown when a frame is not the next of its channel, nor the first of one begun anew.
    error UnexpectedFrame(uint16 frame, uint16 nextFrame);

    /// @notice Thrown when a later frame names other blocks than the first one.
    error BlocksDiffer(uint64 lastBlock, uint64 expected);

    /// @notice Thrown when a channel has no block, or a frame no data.
    error NothingPosted();

    /// @notice Thrown when a batcher is the zero address.
    error BatcherZero();

    /// @notice What the inbox knows of a rollup.
    /// @param batcher Who may post; zero where there is no such rollup.
    /// @param nextBlock First block that is missing; 1 at the beginning.
    /// @param lastBlock Last block of the channel that is open.
    /// @param channels How many channels are complete.
    /// @param nextFrame Frames of the open channel; 0 when none is open.
    /// @param open keccak over the frames of the open channel, see {append}.
    /// @param accumulator keccak over all complete channels, see {append}.
    struct Rollup {
        address batcher;
        uint64 nextBlock;
        uint64 lastBlock;
        uint64 channels;
        uint16 nextFrame;
        bytes32 open;
        bytes32 accumulator;
    }

    /// @notice Names the batcher of a rollup, or another one for it. Only the owner's.
    function setBatcher(uint256 chainId, address batcher) external;

    /// @notice Posts one frame of a channel.
    /// @dev `open = keccak(open, keccak(data))` over the frames, beginning with 0 at frame 0; with the
    /// last one `accumulator = keccak(accumulator, firstBlock, lastBlock, open)` (abi.encode).
    /// A batcher that lost its way begins the channel anew with frame 0; what was open is void.
    function append(
        uint256 chainId,
        uint64 firstBlock,
        uint64 lastBlock,
        uint16 frame,
        bool isLast,
        bytes calldata data
    ) external;

    /// @notice Posts one frame of a channel whose data are in the transaction's blobs, all of them,
    /// in their order.
    /// @dev As {append} with `open = keccak(open, keccak(versioned hashes), 1)`: three words, so that
    /// no calldata come to the same.
    function appendBlobs(
        uint256 chainId,
        uint64 firstBlock,
        uint64 lastBlock,
        uint16 frame,
        bool isLast
    ) external;

    /// @notice Posts one frame of a channel whose data an external DA holds.
    /// @dev As {append} with `open = keccak(open, keccak(daCommitment), 2)`. Nobody here can tell
    /// whether the data are there: whoever wants them has to ask that DA.
    /// @param daCommitment What it takes to get them and to check them; its first byte says from whom
    /// (docs/formats.md, "Channels").
    function appendCommitment(
        uint256 chainId,
        uint64 firstBlock,
        uint64 lastBlock,
        uint16 frame,
        bool isLast,
        bytes calldata daCommitment
    ) external;

    /// @notice What is known of the rollup `chainId`.
    function rollup(uint256 chainId) external view returns (Rollup memory);

    /// @notice The accumulator right after the channel that ends with `lastBlock`; 0 where none does.
    function commitment(uint256 chainId, uint64 lastBlock) external view returns (bytes32);
}
