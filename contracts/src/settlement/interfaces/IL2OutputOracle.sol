// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IBatchInbox} from "./IBatchInbox.sol";
import {IProofVerifier} from "./IProofVerifier.sol";

/// @title IL2OutputOracle
/// @notice What a rollup's proposer says of its blocks, on the L1: one output after another, each with
/// a bond, until it is disputed away or final. Money leaves the rollup by final outputs alone.
/// @dev An output is made of a block's header and a proof of the message passer's account in its state,
/// so it can lie in one way only: the header is not the rollup's. Getters in the second half are those
/// of the OP Stack's oracle before fault proofs, for its clients.
interface IL2OutputOracle {
    /// @notice An output.
    /// @param outputRoot keccak(0, stateRoot, messagePasserStorageRoot, blockHash): the OP Stack's
    /// output root of version 0.
    /// @param blockHash Hash of the header.
    /// @param stateRoot State root after the block.
    /// @param messagePasserStorageRoot Storage root of 0x42…16 in that state.
    /// @param batchCommitment What the inbox holds once the block is posted.
    /// @param l2BlockNumber Number of the block.
    /// @param l2Timestamp Its time.
    /// @param proposedAt Time of the L1's block with the proposal.
    /// @param finalAt Time from which it is final unless a dispute is open; never before that of the
    /// output on which it stands.
    /// @param serial How many outputs were proposed before, removed ones included: tells an output
    /// from another one that has its index later.
    /// @param proposer Who proposed it.
    /// @param bond Wei that it is held to; 0 once withdrawn.
    struct Output {
        bytes32 outputRoot;
        bytes32 blockHash;
        bytes32 stateRoot;
        bytes32 messagePasserStorageRoot;
        bytes32 batchCommitment;
        uint64 l2BlockNumber;
        uint48 l2Timestamp;
        uint48 proposedAt;
        uint48 finalAt;
        uint48 serial;
        address proposer;
        uint96 bond;
    }

    /// @notice An output as the OP Stack's oracle gives it.
    struct OutputProposal {
        bytes32 outputRoot;
        uint128 timestamp;
        uint128 l2BlockNumber;
    }

    /// @notice What an oracle is made with.
    /// @param chainId Of the rollup.
    /// @param inbox Where its blocks are posted.
    /// @param proposer Who may propose.
    /// @param disputeGame Who may lock and remove outputs.
    /// @param verifier Who tells valid proofs; zero where outputs are disputed instead.
    /// @param finalizationPeriod Seconds after which an output is final; 0 with a verifier.
    struct Config {
        uint256 chainId;
        IBatchInbox inbox;
        address proposer;
        address disputeGame;
        IProofVerifier verifier;
        uint64 finalizationPeriod;
    }

    /// @notice Emitted for each output; the OP Stack's event.
    event OutputProposed(
        bytes32 indexed outputRoot,
        uint256 indexed l2OutputIndex,
        uint256 indexed l2BlockNumber,
        uint256 l1Timestamp
    );

    /// @notice Emitted when outputs are removed, the first of which was `newNextOutputIndex`; the OP
    /// Stack's event.
    event OutputsDeleted(uint256 indexed prevNextOutputIndex, uint256 indexed newNextOutputIndex);

    /// @notice Emitted when a dispute holds an output back, `disputes` of them are open.
    event OutputLocked(uint256 indexed index, uint256 disputes);

    /// @notice Emitted when a dispute over an output has ended in its favour.
    event OutputUnlocked(uint256 indexed index, uint256 disputes);

    /// @notice Emitted when the rollup's block 0 is named.
    event GenesisSet(bytes32 blockHash, bytes32 stateRoot);

    /// @notice The proof system of all outputs from `nextOutputIndex` on.
    /// @param verifier Who tells valid proofs; zero where outputs are disputed.
    /// @param finalizationPeriod Seconds.
    event ProofSystemSet(
        address indexed verifier, uint256 finalizationPeriod, uint256 indexed nextOutputIndex
    );

    /// @notice Emitted when bonds go to somebody.
    event BondPaid(address indexed to, uint256 amount);

    /// @notice Emitted when a bond waits to be claimed, for its owner did not take it.
    event BondOwed(address indexed to, uint256 amount);

    /// @notice Thrown when somebody else than the proposer proposes.
    error NotProposer(address sender, address proposer);

    /// @notice Thrown when somebody else than the dispute game decides.
    error NotDisputeGame(address sender, address disputeGame);

    /// @notice Thrown when a proposal's value is not the bond.
    error WrongBond(uint256 given, uint256 wanted);

    /// @notice Thrown when the header is no list of at least 12 fields.
    error InvalidHeader();

    /// @notice Thrown when the block is not after the one of the latest output.
    error BlockNotAfter(uint256 blockNumber, uint256 latest);

    /// @notice Thrown when no posted channel ends with the block.
    error NotPosted(uint256 blockNumber);

    /// @notice Thrown when the verifier does not accept the proof.
    error InvalidProof();

    /// @notice Thrown when there is no such output.
    error NoSuchOutput(uint256 index, uint256 outputs);

    /// @notice Thrown when a final output is to be disputed.
    error AlreadyFinal(uint256 index);

    /// @notice Thrown when an output is not final yet whose bond is to go back.
    error NotFinal(uint256 index);

    /// @notice Thrown when an output is decided over that no dispute is about.
    error NotLocked(uint256 index);

    /// @notice Thrown when outputs are proposed before the rollup's genesis is named.
    error GenesisUnknown();

    /// @notice Thrown when the genesis is named a second time, or is nothing.
    error GenesisKnown(bytes32 blockHash);

    /// @notice Thrown when there is nothing to pay.
    error NothingOwed(address to);

    /// @notice Thrown when somebody does not take what is owed to them.
    error PaymentFailed(address to);

    /// @notice Thrown when an oracle is made with a verifier and a window, or with neither.
    error WindowWithVerifier();

    /// @notice Names the rollup's block 0, once. Only the owner's: the contracts are made before the
    /// rollup has one.
    function setGenesis(bytes32 blockHash, bytes32 stateRoot) external;

    /// @notice Choose another proof system for the outputs to come; by the governor. The first of them
    /// stands on the last one before, whose dispute may still remove both.
    /// @param verifier_ Who tells valid proofs; zero where outputs are disputed instead.
    /// @param finalizationPeriod_ Seconds; 0 with a verifier.
    function setProofSystem(IProofVerifier verifier_, uint64 finalizationPeriod_) external;

    /// @notice Proposes the block of `header`. Only the proposer's, and `msg.value` must be {BOND}.
    /// @param header RLP of the block's header; its keccak is the block's hash.
    /// @param messagePasserProof Nodes from the state root to the account of the message passer, as
    /// `eth_getProof` gives them.
    /// @param proof For the verifier; not looked at without one.
    /// @return index Of the output.
    function propose(
        bytes calldata header,
        bytes[] calldata messagePasserProof,
        bytes calldata proof
    ) external payable returns (uint256 index);

    /// @notice Holds an output back, and so all later ones. Only the dispute game's; final outputs
    /// can't be. Disputes over one output are counted.
    function lock(uint256 index) external;

    /// @notice Ends one dispute over an output in its favour. Only the dispute game's.
    function unlock(uint256 index) external;

    /// @notice Removes an output that a dispute is about, and all later ones; their bonds go to
    /// `winner`. Only the dispute game's.
    function remove(uint256 index, address winner) external;

    /// @notice Gives the bond of a final output back to its proposer. Anybody's.
    function withdrawBond(uint256 index) external;

    /// @notice Pays what waits for `to`, who did not take it before. Anybody's.
    function claim(address to) external;

    /// @notice Bonds that wait for `to`.
    function owed(address to) external view returns (uint256);

    /// @notice Wei that an output is held to.
    function BOND() external view returns (uint256);

    /// @notice The rollup's chain id.
    function chainId() external view returns (uint256);

    /// @notice Where the rollup's blocks are posted.
    function inbox() external view returns (IBatchInbox);

    /// @notice Who may lock and remove outputs.
    function disputeGame() external view returns (address);

    /// @notice Who tells valid proofs; zero where outputs are disputed instead.
    function verifier() external view returns (IProofVerifier);

    /// @notice Hash of the rollup's block 0, which the first output follows; 0 while it is not named.
    function genesisHash() external view returns (bytes32);

    /// @notice State root of the rollup's block 0.
    function genesisStateRoot() external view returns (bytes32);

    /// @notice The output `index`; {NoSuchOutput}.
    function output(uint256 index) external view returns (Output memory);

    /// @notice The block before those that output `index` is about: that of the output before it, or
    /// the genesis.
    function parentOf(uint256 index)
        external
        view
        returns (bytes32 blockHash, bytes32 stateRoot, uint64 blockNumber);

    /// @notice Whether an output can't be disputed any more: its window has passed, and no dispute is
    /// open over it or one before it. It is final from the second `proposedAt + window` on, for good.
    function isFinal(uint256 index) external view returns (bool);

    /// @notice The last final output.
    /// @return found False when there is none.
    function latestFinalIndex() external view returns (bool found, uint256 index);

    /// @notice How many disputes are open over output `index`.
    function locks(uint256 index) external view returns (uint256);

    /// @notice Output `index` as the OP Stack gives it.
    function getL2Output(uint256 index) external view returns (OutputProposal memory);

    /// @notice Index of the first output whose block is `blockNumber` or later.
    /// @dev Reverts with the OP Stack's text, by which its clients know that they have to wait.
    function getL2OutputIndexAfter(uint256 blockNumber) external view returns (uint256);

    /// @notice The first output whose block is `blockNumber` or later.
    function getL2OutputAfter(uint256 blockNumber) external view returns (OutputProposal memory);

    /// @notice Index of the latest output; reverts when there is none.
    function latestOutputIndex() external view returns (uint256);

    /// @notice How many outputs there are: the index of the next.
    function nextOutputIndex() external view returns (uint256);

    /// @notice Block of the latest output; 0 when there is none.
    function latestBlockNumber() external view returns (uint256);

    /// @notice Seconds after which an output that nobody disputes is final.
    function FINALIZATION_PERIOD_SECONDS() external view returns (uint256);

    /// @notice The same.
    function finalizationPeriodSeconds() external view returns (uint256);

    /// @notice Blocks between two outputs, as the OP Stack counts them; here they follow channels, so
    /// clients that multiply it with {L2_BLOCK_TIME} shall ask again after a second.
    function SUBMISSION_INTERVAL() external view returns (uint256);

    /// @notice Seconds between two blocks, see {SUBMISSION_INTERVAL}.
    function L2_BLOCK_TIME() external view returns (uint256);

    /// @notice Who may propose.
    function PROPOSER() external view returns (address);

    /// @notice Semantic version of the OP Stack's oracle whose getters these are.
    function version() external view returns (string memory);
}
