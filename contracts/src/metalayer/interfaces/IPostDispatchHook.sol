// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title IPostDispatchHook
/// @notice Does something with each message that a mailbox dispatches (Hyperlane v3).
interface IPostDispatchHook {
    /// @notice Kinds of hook, numbered as in Hyperlane.
    enum HookTypes {
        UNUSED,
        ROUTING,
        AGGREGATION,
        MERKLE_TREE,
        INTERCHAIN_GAS_PAYMASTER,
        FALLBACK_ROUTING,
        ID_AUTH_ISM,
        PAUSABLE,
        PROTOCOL_FEE
    }

    /// @notice Thrown when metadata is neither empty nor of a variant that the hook knows.
    /// @param variant The metadata's first two bytes, zero when there are fewer.
    error UnsupportedMetadataVariant(uint16 variant);

    /// @notice The kind of this hook.
    function hookType() external view returns (uint8);

    /// @notice Whether the hook can work with `metadata`: {quoteDispatch} and {postDispatch} revert otherwise.
    function supportsMetadata(bytes calldata metadata) external view returns (bool);

    /// @notice Called by the mailbox after each dispatch.
    /// @param metadata Given by the dispatcher; see `StandardHookMetadata`.
    /// @param message The dispatched message.
    function postDispatch(bytes calldata metadata, bytes calldata message) external payable;

    /// @notice What {postDispatch} costs.
    /// @return fee In wei of the chain's native coin.
    function quoteDispatch(bytes calldata metadata, bytes calldata message)
        external
        view
        returns (uint256 fee);
}
