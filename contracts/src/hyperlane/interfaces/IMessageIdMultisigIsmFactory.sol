// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title IMessageIdMultisigIsmFactory
/// @notice Makes message-id multisig modules, one for each set of validators and threshold (Hyperlane's
/// `StaticMessageIdMultisigIsmFactory`). Anybody may call.
interface IMessageIdMultisigIsmFactory {
    /// @notice Thrown when the threshold is 0 or above the number of validators.
    error InvalidThreshold(uint8 threshold, uint256 validators);

    /// @notice Thrown when an address stands in the set twice: it would count twice.
    error DuplicateValidator(address validator);

    /// @notice The code that all modules share.
    function implementation() external view returns (address);

    /// @notice Makes the module of these validators, or finds it when it is there already.
    /// @param validators In the order that their signatures must have.
    /// @param threshold How many must sign.
    function deploy(address[] calldata validators, uint8 threshold)
        external
        returns (address module);

    /// @notice Where {deploy} puts the module of these validators.
    function getAddress(address[] calldata validators, uint8 threshold)
        external
        view
        returns (address module);
}
