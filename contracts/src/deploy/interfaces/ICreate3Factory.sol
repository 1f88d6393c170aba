// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title ICreate3Factory
/// @notice Deploys contracts at addresses that depend on this factory and a salt alone. Anybody may call.
interface ICreate3Factory {
    /// @notice Emitted for each deployed contract.
    event Deployed(bytes32 indexed salt, address indexed account);

    /// @notice Thrown when the salt has been used.
    error AlreadyDeployed(bytes32 salt, address account);

    /// @notice Deploys a contract; the value goes to its constructor.
    /// @param salt Decides on the address; usable once.
    /// @param initCode Creation code with constructor arguments. Its revert reason is passed on.
    /// @return account The contract.
    function deploy(bytes32 salt, bytes calldata initCode)
        external
        payable
        returns (address account);

    /// @notice Where {deploy} puts the contract of `salt`, deployed or not.
    function addressOf(bytes32 salt) external view returns (address account);
}
