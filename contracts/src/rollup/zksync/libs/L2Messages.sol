// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title L2Messages
/// @notice How a message is a leaf: as a log of the ZK Stack's, 88 bytes. A contract does not know its
/// transaction's place in the block, so that number is 0.
library L2Messages {
    address internal constant L1_MESSENGER = address(0x8008);

    function leafOf(uint16 txNumberInBatch, address sender, bytes32 hash)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(
            abi.encodePacked(
                uint8(0), // shard
                true, // a system contract's
                txNumberInBatch,
                L1_MESSENGER,
                uint256(uint160(sender)),
                hash
            )
        );
    }
}
