// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title IOptimismMintableERC20
/// @notice A token that stands for one of the other chain (OP Stack specifications, "Standard Bridges").
interface IOptimismMintableERC20 {
    /// @notice Thrown when anybody but the bridge mints or burns.
    error NotBridge(address caller);

    /// @notice Makes tokens that arrived.
    function mint(address to, uint256 amount) external;

    /// @notice Destroys tokens that set out.
    function burn(address from, uint256 amount) external;

    /// @notice The token that this one stands for.
    function remoteToken() external view returns (address);

    /// @notice Who mints and burns.
    function bridge() external view returns (address);
}
