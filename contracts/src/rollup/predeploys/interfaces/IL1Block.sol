// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title IL1Block
/// @notice What a rollup knows of its L1: written by the first transaction of every block, a deposit
/// of the protocol itself (OP Stack specifications, "L1 Attributes"). The engine reads the fee
/// parameters out of the storage, so the layout is part of the interface: number and timestamp in
/// slot 0, basefee 1, hash 2, sequenceNumber with both scalars 3, batcherHash 4, two slots of
/// history, blobBaseFee 7, the operator fee with the footprint scalar 8. What the rollup's coin is stands
/// in slots of its own from genesis on (OP Stack specifications, "Custom Gas Token") and never changes.
interface IL1Block {
    /// @notice Thrown when anybody but the protocol writes.
    error NotDepositor();

    /// @notice Who may write; nobody has its key.
    function DEPOSITOR_ACCOUNT() external pure returns (address);

    /// @notice Number of the rollup's L1 origin.
    function number() external view returns (uint64);

    /// @notice Time of the origin, in Unix seconds.
    function timestamp() external view returns (uint64);

    /// @notice Base fee of the origin, wei.
    function basefee() external view returns (uint256);

    /// @notice Hash of the origin.
    function hash() external view returns (bytes32);

    /// @notice How many blocks of the rollup have had this origin before the present one.
    function sequenceNumber() external view returns (uint64);

    /// @notice Weight of the L1's blob base fee in the data fee, millionths.
    function blobBaseFeeScalar() external view returns (uint32);

    /// @notice Weight of the L1's base fee in the data fee, millionths.
    function baseFeeScalar() external view returns (uint32);

    /// @notice Whose batches count.
    function batcherHash() external view returns (bytes32);

    /// @notice Blob base fee of the origin, wei.
    function blobBaseFee() external view returns (uint256);

    /// @notice Wei that each transaction pays to the operator.
    function operatorFeeConstant() external view returns (uint64);

    /// @notice Weight of the gas used in the operator's fee.
    function operatorFeeScalar() external view returns (uint32);

    /// @notice Gas that a byte of estimated data counts against the block's limit (from Jovian on).
    function daFootprintGasScalar() external view returns (uint16);

    /// @notice What the rollup's coin is on the L1.
    /// @return token An ERC-20 of the L1; 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE for ether.
    /// @return decimals Of that token there. The coin has 18 on the rollup whatever the token has: one
    /// unit of the token is 10^(18 - decimals) wei.
    function gasPayingToken() external view returns (address token, uint8 decimals);

    /// @notice Name of the rollup's coin; Ether for ether.
    function gasPayingTokenName() external view returns (string memory);

    /// @notice Symbol of the rollup's coin; ETH for ether.
    function gasPayingTokenSymbol() external view returns (string memory);

    /// @notice Whether the rollup's coin is a token of the L1.
    function isCustomGasToken() external view returns (bool);

    /// @notice Writes all but the last value, packed behind the selector (Isthmus format).
    function setL1BlockValuesIsthmus() external;

    /// @notice Writes all values, packed behind the selector (Jovian format).
    function setL1BlockValuesJovian() external;
}
