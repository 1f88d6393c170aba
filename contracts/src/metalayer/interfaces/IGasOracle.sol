// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title IGasOracle
/// @notice Says what gas costs on another chain (Hyperlane v3).
interface IGasOracle {
    /// @notice Price of gas on `destinationDomain`.
    /// @return tokenExchangeRate Price of that chain's native coin in this chain's, times 10^10.
    /// @return gasPrice Price of a unit of gas there, in wei of that chain's coin.
    function getExchangeRateAndGasPrice(uint32 destinationDomain)
        external
        view
        returns (uint128 tokenExchangeRate, uint128 gasPrice);
}
