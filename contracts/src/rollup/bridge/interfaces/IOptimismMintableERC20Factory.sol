// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title IOptimismMintableERC20Factory
/// @notice Makes tokens that stand for tokens of the L1; each pair of token and names has one address.
interface IOptimismMintableERC20Factory {
    /// @notice Emitted for each token, as before Bedrock.
    event StandardL2TokenCreated(address indexed remoteToken, address indexed localToken);

    /// @notice Emitted for each token.
    event OptimismMintableERC20Created(
        address indexed localToken, address indexed remoteToken, address deployer
    );

    /// @notice Thrown when a token is to stand for none.
    error RemoteTokenZero();

    /// @notice Makes a token of 18 decimals.
    function createOptimismMintableERC20(
        address remoteToken,
        string memory name,
        string memory symbol
    ) external returns (address);

    /// @notice Makes a token. Reverts when it is there.
    function createOptimismMintableERC20WithDecimals(
        address remoteToken,
        string memory name,
        string memory symbol,
        uint8 decimals
    ) external returns (address);

    /// @notice {createOptimismMintableERC20}, as it was called before Bedrock.
    function createStandardL2Token(address remoteToken, string memory name, string memory symbol)
        external
        returns (address);

    /// @notice What a token made here stands for; zero for others.
    function deployments(address localToken) external view returns (address);

    /// @notice Where the token is, or will be.
    function tokenAddress(
        address remoteToken,
        string memory name,
        string memory symbol,
        uint8 decimals
    ) external view returns (address);

    /// @notice The bridge that mints the tokens.
    function bridge() external view returns (address);
}
