// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title IGasPriceOracle
/// @notice What a transaction costs on the rollup besides its gas, by the OP Stack's formulas of
/// Fjord (data on the L1) and of Isthmus or Jovian (operator), with the values of {IL1Block}. Where
/// those say that data and operator cost nothing, that is what is answered.
interface IGasPriceOracle {
    /// @notice Thrown by what had a meaning before Ecotone only, as on the OP Stack.
    error Deprecated();

    /// @notice Fee for the data of a transaction, wei.
    /// @param data The unsigned transaction as RLP; a signature's 68 bytes are added.
    function getL1Fee(bytes calldata data) external view returns (uint256);

    /// @notice The most that {getL1Fee} answers for practically every transaction of that size, for
    /// much less gas.
    function getL1FeeUpperBound(uint256 unsignedTxSize) external view returns (uint256);

    /// @notice Gas that the transaction's compressed data would cost as calldata of the L1.
    function getL1GasUsed(bytes calldata data) external view returns (uint256);

    /// @notice Fee of the operator for a transaction that uses `gasUsed`, wei.
    function getOperatorFee(uint256 gasUsed) external view returns (uint256);

    /// @notice The rollup's base fee, wei.
    function gasPrice() external view returns (uint256);

    /// @notice The same.
    function baseFee() external view returns (uint256);

    /// @notice Base fee of the L1, wei.
    function l1BaseFee() external view returns (uint256);

    /// @notice Blob base fee of the L1, wei.
    function blobBaseFee() external view returns (uint256);

    /// @notice Weight of the L1's base fee, millionths.
    function baseFeeScalar() external view returns (uint32);

    /// @notice Weight of the L1's blob base fee, millionths.
    function blobBaseFeeScalar() external view returns (uint32);

    /// @notice Reverts with {Deprecated}.
    function overhead() external view returns (uint256);

    /// @notice Reverts with {Deprecated}.
    function scalar() external view returns (uint256);

    /// @notice Decimals of the weights: 6.
    function decimals() external pure returns (uint256);

    /// @notice The same.
    // forge-lint: disable-next-line(mixed-case-function)
    function DECIMALS() external pure returns (uint256);

    /// @notice Whether the rules of Ecotone hold; set by the genesis, as the others.
    function isEcotone() external view returns (bool);

    /// @notice Whether the rules of Fjord hold.
    function isFjord() external view returns (bool);

    /// @notice Whether the rules of Isthmus hold.
    function isIsthmus() external view returns (bool);

    /// @notice Whether the rules of Jovian hold: a hundred times more of the operator's weight is
    /// taken, not a millionth.
    function isJovian() external view returns (bool);

    /// @notice Version of this ABI.
    function version() external pure returns (string memory);
}
