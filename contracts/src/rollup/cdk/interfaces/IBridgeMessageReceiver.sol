// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title IBridgeMessageReceiver
/// @notice What a message's receiver implements, by Polygon's ABI.
interface IBridgeMessageReceiver {
    /// @notice Called by the bridge of this chain when a message is claimed.
    /// @param originAddress Who sent it, on the other chain.
    /// @param originNetwork Network of the other chain.
    function onMessageReceived(address originAddress, uint32 originNetwork, bytes memory data)
        external
        payable;
}
