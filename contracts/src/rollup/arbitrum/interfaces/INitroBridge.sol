// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @notice What `ArbSys` sent, as Nitro's outbox identifies it.
/// @param index Its position: how many the rollup had sent before.
/// @param l2Sender Who called `ArbSys`.
/// @param to Who is called on the L1.
/// @param l2Block Number of the rollup's block.
/// @param l1Block Number of the L1's block that the rollup knew.
/// @param l2Timestamp Of the rollup's block, seconds.
/// @param value Wei of the rollup that go along.
/// @param data The call.
struct Sent {
    uint256 index;
    address l2Sender;
    address to;
    uint256 l2Block;
    uint256 l1Block;
    uint256 l2Timestamp;
    uint256 value;
    bytes data;
}

/// @title INitroBridge
/// @notice Makes the calls that one rollup sends to the L1 by `ArbSys`, and says who sent the one that is
/// being made: Nitro's `Bridge` and `Outbox` in one contract, by their ABI. A receiver sees this
/// contract call, asks it for {activeOutbox}, and that for {l2ToL1Sender}.
/// @dev What is sent comes as a withdrawal of `ArbSys`, so by the portal's proof against a final output
/// and not by an outbox's. A call that fails can be made again by anybody, as on Nitro. Where the
/// rollup's coin is a token, the receiver gets that before its call, which carries nothing.
interface INitroBridge {
    /// @notice Emitted when a call was made; Nitro's event.
    event OutBoxTransactionExecuted(
        address indexed to, address indexed l2Sender, uint256 indexed zero, uint256 transactionIndex
    );

    /// @notice Emitted when a call was made; Nitro's event.
    event BridgeCallTriggered(
        address indexed outbox, address indexed to, uint256 value, bytes data
    );

    /// @notice Emitted when a call failed that came from the portal: it can be made by
    /// {executeTransaction} now.
    event CallFailed(uint256 indexed transactionIndex, bytes32 item);

    /// @notice Thrown for whoever is not the portal with a withdrawal of `ArbSys`.
    error NotFromArbSys(address caller);
    /// @notice Thrown for a call that has not come, or whose parts are others; Nitro's name is
    /// `UnknownRoot`.
    error NotArrived(uint256 index, bytes32 item);
    /// @notice Thrown for a call that was made; Nitro's error.
    error AlreadySpent(uint256 index);
    /// @notice Thrown when the call fails; Nitro's error.
    error BridgeCallFailed();
    /// @notice Thrown for a call of this contract in its own name.
    error UnsafeTarget(address to);

    /// @notice The rollup's portal.
    function portal() external view returns (address);

    /// @notice This contract while a call is made, else zero.
    function activeOutbox() external view returns (address);

    /// @notice Whether `outbox` makes calls: this contract does.
    function allowedOutboxes(address outbox) external view returns (bool);

    /// @notice The bridge of the outbox: this contract.
    function bridge() external view returns (address);

    /// @notice Who sent the call that is being made, on the rollup; zero when none is.
    function l2ToL1Sender() external view returns (address);

    /// @notice In which block of the rollup.
    function l2ToL1Block() external view returns (uint256);

    /// @notice What block of the L1 the rollup knew then.
    function l2ToL1EthBlock() external view returns (uint256);

    /// @notice When, seconds.
    function l2ToL1Timestamp() external view returns (uint256);

    /// @notice At which position.
    function l2ToL1OutputId() external view returns (bytes32);

    /// @notice Whether the call at `index` was made.
    function isSpent(uint256 index) external view returns (bool);

    /// @notice What identifies a call, as in the rollup's `L2ToL1Tx`.
    function calculateItemHash(
        address l2Sender,
        address to,
        uint256 l2Block,
        uint256 l1Block,
        uint256 l2Timestamp,
        uint256 value,
        bytes calldata data
    ) external pure returns (bytes32);

    /// @notice Takes a call from the portal and makes it; a failure is written down.
    function receiveFromRollup(Sent calldata sent) external payable;

    /// @notice Makes a call that came and failed: anybody may, once it works. The proof is not used:
    /// the portal has seen one.
    function executeTransaction(
        bytes32[] calldata proof,
        uint256 index,
        address l2Sender,
        address to,
        uint256 l2Block,
        uint256 l1Block,
        uint256 l2Timestamp,
        uint256 value,
        bytes calldata data
    ) external;
}
