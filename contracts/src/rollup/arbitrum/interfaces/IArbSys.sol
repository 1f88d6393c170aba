// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title IArbSys
/// @notice A rollup's system contract, by Nitro's ABI (Arbitrum documentation, "Precompiles
/// reference"), as far as a contract can be it. Messages to the L1 are withdrawals of the
/// {IL2ToL1MessagePasser}, so proofs and finality are the portal's; {INitroBridge} makes their calls.
interface IArbSys {
    /// @notice Emitted for each message to the L1, as Nitro emits it.
    /// @param caller Who sends, whom {INitroBridge-l2ToL1Sender} names on the L1.
    /// @param destination Who is called on the L1.
    /// @param hash What identifies the message: {INitroBridge-calculateItemHash}, as on Nitro.
    /// @param position How many messages there were before.
    /// @param arbBlockNum Number of the rollup's block.
    /// @param ethBlockNum Number of the L1's block that the rollup knows last.
    /// @param timestamp The block's, Unix seconds.
    /// @param callvalue Wei that the destination receives.
    /// @param data The call.
    event L2ToL1Tx(
        address caller,
        address indexed destination,
        uint256 indexed hash,
        uint256 indexed position,
        uint256 arbBlockNum,
        uint256 ethBlockNum,
        uint256 timestamp,
        uint256 callvalue,
        bytes data
    );

    /// @notice Thrown for the hash of a block that is not one of the last 256.
    error InvalidBlockNumber(uint256 requested, uint256 current);
    /// @notice Thrown where the answer depends on who called the caller, which no contract can see.
    error CallersCallerUnknown();

    /// @notice Number of the rollup's block. So is `block.number` here; on Nitro that is the L1's.
    function arbBlockNumber() external view returns (uint256);

    /// @notice Hash of one of the last 256 blocks.
    function arbBlockHash(uint256 arbBlockNum) external view returns (bytes32);

    /// @notice The rollup's chain id.
    function arbChainID() external view returns (uint256);

    /// @notice 55, which Nitro adds to the version of its ArbOS: none runs here.
    function arbOSVersion() external pure returns (uint256);

    /// @notice 0, as on Nitro: storage has no gas of its own.
    function getStorageGasAvailable() external pure returns (uint256);

    /// @notice True for an account that calls by itself. Nitro also says true to a contract that an
    /// account has called; here any contract is refused.
    function isTopLevelCall() external view returns (bool);

    /// @notice False in a transaction that pays for its gas, whose sender is never aliased. Refused in
    /// deposits, and in calls that name no gas price.
    function wasMyCallersAddressAliased() external view returns (bool);

    /// @notice Always refused.
    function myCallersAddressWithoutAliasing() external pure returns (address);

    /// @notice The address on the rollup of a contract on the L1. The second argument is not used.
    function mapL1SenderContractAddressToL2Alias(address sender, address unused)
        external
        pure
        returns (address);

    /// @notice Gas that `destination` gets on the L1 for coins without a call.
    function WITHDRAW_GAS_LIMIT() external view returns (uint256);

    /// @notice Gas that `destination` gets on the L1 for a call at least. Nitro knows no such limit.
    function CALL_GAS_LIMIT() external view returns (uint256);

    /// @notice Sends the call's coins to `destination` on the L1.
    /// @return The message's position.
    function withdrawEth(address destination) external payable returns (uint256);

    /// @notice Calls `destination` on the L1 with `data` and the call's coins. A call that fails there
    /// can be made again, with any gas: {INitroBridge-executeTransaction}.
    /// @return The message's position.
    function sendTxToL1(address destination, bytes calldata data) external payable returns (uint256);
}
