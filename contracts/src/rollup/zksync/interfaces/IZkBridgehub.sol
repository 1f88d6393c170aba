// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IL2OutputOracle} from "../../../settlement/interfaces/IL2OutputOracle.sol";

/// @notice A call on the rollup.
/// @param mintValue Coins that come along; what `l2Value` leaves of them is refunded.
/// @param l2Value Coins that the call carries.
/// @param l2GasPerPubdataByteLimit Not needed: data cost nothing.
/// @param factoryDeps Bytecodes; there can be none.
/// @param refundRecipient Who gets the refund; zero for the caller.
struct L2TransactionRequestDirect {
    uint256 chainId;
    uint256 mintValue;
    address l2Contract;
    uint256 l2Value;
    bytes l2Calldata;
    uint256 l2GasLimit;
    uint256 l2GasPerPubdataByteLimit;
    bytes[] factoryDeps;
    address refundRecipient;
}

/// @notice A message of the rollup's {IL1Messenger}.
/// @param txNumberInBatch 0.
/// @param sender Who sent it.
struct L2Message {
    uint16 txNumberInBatch;
    address sender;
    bytes data;
}

/// @title IZkBridgehub
/// @notice One rollup's entry point on the L1 by the ABI of the ZK Stack's `Bridgehub`, and of a chain's
/// `Mailbox`, as which {getZKChain} names it. Calls become deposits of the {IOptimismPortal} in the
/// caller's name. Messages are shown against a root of the rollup's {IL1Messenger} that a final
/// output has proven: that output's index stands for the ZK Stack's batch number.
interface IZkBridgehub {
    /// @notice Emitted when a root was proven: messages up to that output can be shown.
    event MessageRootProven(
        uint256 indexed l2OutputIndex, uint256 indexed l2BlockNumber, bytes32 messageRoot
    );
    /// @notice Emitted for each call; the ZK Stack's event names its transaction's hash.
    event NewPriorityRequestId(uint256 indexed txId, bytes32 indexed txHash);

    /// @notice Thrown for another chain than this contract's.
    error InvalidChainId();
    /// @notice Thrown when the coins sent are not `mintValue`; the ZK Stack's error.
    error MsgValueMismatch(uint256 expectedMsgValue, uint256 providedMsgValue);
    /// @notice Thrown when the call carries more than comes along; the ZK Stack's error.
    error MsgValueTooLow(uint256 required, uint256 provided);
    /// @notice Thrown for bytecodes: the rollup executes the EVM's own.
    error NoFactoryDeps();
    /// @notice Thrown for more gas than any deposit can have.
    error GasLimitTooLarge();
    /// @notice Thrown when no root was proven against the output.
    error BatchUnknown(uint256 batchNumber);
    /// @notice Thrown when the output is not of a later block than the one that was proven against last.
    error OutputNotNewer(uint256 l2BlockNumber, uint256 lastBlockNumber);
    /// @notice Thrown when the rollup sent no message up to the output.
    error NoMessages(uint256 l2OutputIndex);

    /// @notice Gas of a refund.
    // forge-lint: disable-next-line(mixed-case-function)
    function REFUND_GAS_LIMIT() external view returns (uint64);

    /// @notice Where deposits are made.
    function portal() external view returns (address);

    /// @notice The rollup's outputs.
    function l2Oracle() external view returns (IL2OutputOracle);

    /// @notice This contract, for its own chain.
    function getZKChain(uint256 chainId) external view returns (address);

    /// @notice 0x…01 for ether, else the token that is the rollup's coin.
    function baseToken(uint256 chainId) external view returns (address);

    /// @notice 0: nothing is to be paid.
    function l2TransactionBaseCost(
        uint256 chainId,
        uint256 gasPrice,
        uint256 l2GasLimit,
        uint256 l2GasPerPubdataByteLimit
    ) external view returns (uint256);

    /// @notice Calls `l2Contract` on the rollup, from the caller, or its alias, if it is a contract. Happens
    /// once; a call that fails leaves its coins with who sends it there.
    /// @return An id of its own. It is not the hash of the rollup's transaction, which no contract knows.
    function requestL2TransactionDirect(L2TransactionRequestDirect calldata request)
        external
        payable
        returns (bytes32);

    /// @notice The root that was proven last.
    function lastMessageRoot() external view returns (bytes32);

    /// @notice The output against which it was, as {proveL2MessageInclusion} wants it.
    function lastBatchNumber() external view returns (uint256);

    /// @notice The root that was proven against the output at `batchNumber`; zero when none was.
    function messageRootOf(uint256 batchNumber) external view returns (bytes32);

    /// @notice Shows the root of the rollup's messages: anybody may.
    /// @param l2OutputIndex A final output.
    /// @param accountProof Nodes of the output's state trie that lead to the rollup's {IL1Messenger}.
    /// @param storageProof Nodes of its storage trie that lead to slot 33.
    function proveMessageRoot(
        uint256 l2OutputIndex,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external;

    /// @notice Whether the rollup sent `message` as the one at `index` of all up to the output at
    /// `batchNumber`, whose root must have been proven.
    /// @param proof All 32 siblings, from the leaf up.
    function proveL2MessageInclusion(
        uint256 chainId,
        uint256 batchNumber,
        uint256 index,
        L2Message calldata message,
        bytes32[] calldata proof
    ) external view returns (bool);

    /// @notice The same, as a chain's `Mailbox` has it.
    function proveL2MessageInclusion(
        uint256 batchNumber,
        uint256 index,
        L2Message calldata message,
        bytes32[] calldata proof
    ) external view returns (bool);
}
