// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title IInterchainSecurityModule
/// @notice Decides whether a mailbox may process a message (Hyperlane v3).
interface IInterchainSecurityModule {
    /// @notice Kinds of module that relayers know, numbered as in Hyperlane.
    enum Types {
        UNUSED,
        ROUTING,
        AGGREGATION,
        LEGACY_MULTISIG,
        MERKLE_ROOT_MULTISIG,
        MESSAGE_ID_MULTISIG,
        NULL,
        CCIP_READ
    }

    /// @notice The kind of this module, from which relayers infer the metadata that it wants.
    function moduleType() external view returns (uint8);

    /// @notice Checks a message against the metadata that a relayer brought.
    /// @param metadata What proves the message, in the module's own format.
    /// @param message The whole message, header and body.
    /// @return verified Whether the message may be processed. Modules may also revert.
    function verify(bytes calldata metadata, bytes calldata message)
        external
        returns (bool verified);
}

/// @title ISpecifiesInterchainSecurityModule
/// @notice What a recipient implements to be guarded by another module than the mailbox's default.
interface ISpecifiesInterchainSecurityModule {
    /// @notice The module that guards this recipient; zero means the mailbox's default.
    function interchainSecurityModule() external view returns (IInterchainSecurityModule);
}
