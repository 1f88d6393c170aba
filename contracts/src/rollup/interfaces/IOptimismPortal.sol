// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @notice A withdrawal, as the rollup's L2ToL1MessagePasser hashes it.
/// @param nonce Different for every withdrawal of a rollup.
/// @param sender Who withdraws, on the rollup.
/// @param target Who is called on the L1.
/// @param value Wei that the call carries; where the rollup's coin is a token, wei of the rollup, paid in
/// units of that token before the call.
/// @param gasLimit Least gas that the call gets.
/// @param data The call.
struct WithdrawalTransaction {
    uint256 nonce;
    address sender;
    address target;
    uint256 value;
    uint256 gasLimit;
    bytes data;
}

/// @notice What an output root of version 0 is the hash of.
struct OutputRootProof {
    bytes32 version;
    bytes32 stateRoot;
    bytes32 messagePasserStorageRoot;
    bytes32 latestBlockhash;
}

/// @title IOptimismPortal
/// @notice Deposits from the L1 into one rollup, and withdrawals out of it (OP Stack specifications,
/// "Deposits" and "Withdrawals"). The rollup's sequencer takes every deposit of this contract into a
/// block, as a transaction that nobody can hold back and that needs no signature there. A withdrawal
/// is proven by Merkle-Patricia proof against an output of the rollup, and paid once that output is
/// final. Where the rollup's coin is a token of this chain (OP Stack specifications, "Custom Gas Token"),
/// that token is locked and released here, and ether is refused.
/// @dev Simplified against the OP Stack's own: gas bought for the rollup is bounded for each L1 block,
/// but has no price, so no gas is burned on the L1. Finality is the output's alone: no second delay runs
/// from the proof on. A portal without an oracle takes deposits only.
interface IOptimismPortal {
    /// @notice Emitted for each deposit.
    /// @param from Sender on the rollup; an alias when a contract made the deposit.
    /// @param to Who is called on the rollup.
    /// @param version Of the encoding of what follows: 0.
    /// @param opaqueData Wei minted (32 bytes), wei sent (32), gas (8), whether a contract is
    /// created (1), then the call.
    event TransactionDeposited(
        address indexed from, address indexed to, uint256 indexed version, bytes opaqueData
    );

    /// @notice Emitted when a withdrawal is proven.
    event WithdrawalProven(
        bytes32 indexed withdrawalHash, address indexed from, address indexed to
    );

    /// @notice Emitted when a withdrawal is made; never again for the same one.
    /// @param success Whether its call returned. What a call that failed carried stays here.
    event WithdrawalFinalized(bytes32 indexed withdrawalHash, bool success);

    /// @notice Emitted when the relay is named.
    event RelaySet(address indexed relay);

    /// @notice Thrown for whoever names a sender and is not the relay.
    error NotRelay(address caller);

    /// @notice Thrown when a deposit creates a contract and yet names a recipient, and when a withdrawal is
    /// to call the gas token in the portal's name.
    error BadTarget(address to);

    /// @notice Thrown when the gas does not even pay for the deposit's data.
    error GasLimitTooLow(uint64 gasLimit, uint64 minimum);

    /// @notice Thrown when the data are longer than what rollups pass on among themselves.
    error CalldataTooLarge(uint256 length);

    /// @notice Thrown when the deposits of one L1 block want more gas than there is for them.
    error OutOfGas(uint64 wanted, uint64 left);

    /// @notice Thrown when the rollup posts no outputs, so that nothing can be withdrawn.
    error NoOutputs();

    /// @notice Thrown when a withdrawal is to call the portal itself.
    error UnsafeTarget(address target);

    /// @notice Thrown when ether comes to the portal of a rollup whose coin is `token`.
    error OnlyGasToken(address token);

    /// @notice Thrown when tokens are deposited and the rollup's coin is ether.
    error OnlyEther();

    /// @notice Thrown when a token has more decimals than a rollup's coin, which has 18.
    error TooManyDecimals(address token, uint8 decimals);

    /// @notice Thrown when a transfer moved another number of units than it should: tokens that take a fee
    /// out of transfers can't be a rollup's coin.
    error InexactTransfer(address token, uint256 moved, uint256 expected);

    /// @notice Thrown when more units would be locked than the rollup could count the wei of.
    error EscrowTooLarge(uint256 units, uint256 most);

    /// @notice Thrown when a withdrawal's wei are no whole number of units of the gas token.
    /// @param unit Wei of one unit.
    error DustNotWithdrawable(uint256 value, uint256 unit);

    /// @notice Thrown when there is no output at `index`.
    error UnknownOutput(uint256 index, uint256 outputs);

    /// @notice Thrown when the parts of the output do not hash to it.
    error InvalidOutputRootProof(bytes32 posted, bytes32 computed);

    /// @notice Thrown when the nodes do not show that the rollup sent the withdrawal.
    error InvalidWithdrawalProof(bytes32 withdrawalHash);

    /// @notice Thrown when a withdrawal is proven again while the output that it was proven against
    /// stands.
    error AlreadyProven(bytes32 withdrawalHash, uint256 l2OutputIndex);

    /// @notice Thrown when a withdrawal is finalized that was not proven.
    error NotProven(bytes32 withdrawalHash);

    /// @notice Thrown when a dispute removed the output after the withdrawal was proven against it.
    /// Another proof is needed.
    error OutputRemoved(bytes32 withdrawalHash, uint256 l2OutputIndex);

    /// @notice Thrown when the output's finalization window runs, or a dispute about it.
    error OutputNotFinal(uint256 l2OutputIndex);

    /// @notice Thrown when a withdrawal was made already.
    error AlreadyFinalized(bytes32 withdrawalHash);

    /// @notice Thrown when a withdrawal's call tries to make another, and when the gas token calls back
    /// while it is moved and would move more.
    error Reentered();

    /// @notice Thrown when the call could not get the gas that the withdrawal asks for.
    error InsufficientGas(uint256 wanted);

    /// @notice Thrown when more is withdrawn than was deposited: a rollup's genesis gives coins that
    /// nothing is locked for. Try again when there is enough. In units of the gas token, or wei of ether.
    error EscrowTooSmall(uint256 wanted, uint256 held);

    /// @notice The rollup that the deposits go to.
    function rollupChainId() external view returns (uint256);

    /// @notice The contract with the rollup's outputs; zero when it posts none.
    function l2Oracle() external view returns (address);

    /// @notice What the rollup's coin is here.
    /// @return token An ERC-20, or 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE for ether.
    /// @return decimals Of it. The coin has 18 on the rollup: one unit is 10^(18 - decimals) wei there.
    function gasPayingToken() external view returns (address token, uint8 decimals);

    /// @notice What deposits locked here and no withdrawal has released: units of the gas token, by
    /// account of this contract; or wei of ether, all that it holds.
    function balance() external view returns (uint256);

    /// @notice Who sent the withdrawal that is being made, on the rollup; 0x…dEaD when none is.
    function l2Sender() external view returns (address);

    /// @notice The proof of a withdrawal.
    /// @return outputRoot What it was proven against.
    /// @return timestamp When, in seconds; 0 when it was not.
    /// @return l2OutputIndex Where the output stands in the oracle.
    function provenWithdrawals(bytes32 withdrawalHash)
        external
        view
        returns (bytes32 outputRoot, uint128 timestamp, uint128 l2OutputIndex);

    /// @notice Whether a withdrawal was made.
    function finalizedWithdrawals(bytes32 withdrawalHash) external view returns (bool);

    /// @notice Whether withdrawals that were proven against the output at `index` can be made.
    function isOutputFinalized(uint256 index) external view returns (bool);

    /// @notice Version of this ABI: the OP Stack's, of before its dispute games.
    function version() external view returns (string memory);

    /// @notice Deposits a transaction. The ether sent is locked here and minted on the rollup; there must
    /// be none where the rollup's coin is a token.
    /// @param to Who is called; nobody when a contract is created.
    /// @param value Wei that the sender on the rollup passes on, out of all that it has there.
    /// @param gasLimit Gas of the transaction on the rollup.
    /// @param isCreation Whether `data` is creation code.
    /// @param data The call.
    function depositTransaction(
        address to,
        uint256 value,
        uint64 gasLimit,
        bool isCreation,
        bytes memory data
    ) external payable;

    /// @notice Deposits a transaction to a rollup whose coin is a token. The caller's tokens, which it has
    /// approved, are locked here and minted on the rollup as 10^(18 - decimals) wei each.
    /// @param mint Units of the token.
    /// @param value Wei of the rollup that the sender passes on there, out of all that it has.
    function depositERC20Transaction(
        address to,
        uint256 mint,
        uint256 value,
        uint64 gasLimit,
        bool isCreation,
        bytes memory data
    ) external;

    /// @notice Who may say in whose name a deposit is made: the entry point of another framework, which
    /// names who called it. Zero where there is none.
    function relay() external view returns (address);

    /// @notice Names the relay, or another one: the owner does.
    function setRelay(address relay_) external;

    /// @notice Deposits a transaction in the name of `from`: the relay does. The value sent is minted.
    /// @param from Sender on the rollup, as it is known there.
    function relayTransaction(
        address from,
        address to,
        uint256 value,
        uint64 gasLimit,
        bytes memory data
    ) external payable;

    /// @notice Shows that the rollup sent `withdrawal`: anybody may.
    /// @param l2OutputIndex An output at or after the withdrawal's block.
    /// @param outputRootProof What that output is made of.
    /// @param withdrawalProof Nodes of the message passer's storage trie, from the root down to the
    /// withdrawal's slot.
    function proveWithdrawalTransaction(
        WithdrawalTransaction memory withdrawal,
        uint256 l2OutputIndex,
        OutputRootProof calldata outputRootProof,
        bytes[] calldata withdrawalProof
    ) external;

    /// @notice Makes a proven withdrawal whose output is final: anybody may, once.
    function finalizeWithdrawalTransaction(WithdrawalTransaction memory withdrawal) external;

    /// @notice Takes coins without a deposit.
    function donateETH() external payable;

    /// @notice Least gas of a deposit with that many bytes of data.
    function minimumGasLimit(uint64 byteCount) external pure returns (uint64);
}
