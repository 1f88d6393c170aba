// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @notice A call to make.
/// @param target Whom to call.
/// @param value Wei to send.
/// @param data What to call it with.
struct Call {
    address target;
    uint256 value;
    bytes data;
}

/// @title IGovernanceExecutor
/// @notice Owns everything that is governed, and does what its own owner says.
interface IGovernanceExecutor {
    /// @notice Emitted for each call made.
    event Executed(address indexed target, uint256 value, bytes data);

    /// @notice Thrown when a call reverts.
    /// @param index Its place in the batch, counted from 0.
    /// @param reason What it reverted with.
    error CallFailed(uint256 index, bytes reason);

    /// @notice Thrown when a call with data goes to an account without code, which would do nothing.
    error TargetNotContract(uint256 index, address target);

    /// @notice Makes one call. Only for the owner.
    /// @return result What it returned.
    function execute(Call calldata call) external payable returns (bytes memory result);

    /// @notice Makes calls in their order, all or none. Only for the owner.
    /// @return results What they returned.
    function executeBatch(Call[] calldata calls) external payable returns (bytes[] memory results);
}
