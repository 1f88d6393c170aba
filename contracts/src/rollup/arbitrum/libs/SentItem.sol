// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Sent} from "../interfaces/INitroBridge.sol";

/// @title SentItem
/// @notice What stands for a call from the rollup to the L1, on both ends.
library SentItem {
    /// @notice The hash of everything but its position, as Nitro has it.
    function hash(Sent memory sent) internal pure returns (bytes32) {
        return keccak256(
            abi.encodePacked(
                sent.l2Sender,
                sent.to,
                sent.l2Block,
                sent.l1Block,
                sent.l2Timestamp,
                sent.value,
                sent.data
            )
        );
    }
}
