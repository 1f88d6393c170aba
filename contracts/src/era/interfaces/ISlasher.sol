// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {
    Certificate,
    GuardianSet,
    IRootVerifier
} from "../../metalayer/interfaces/IRootVerifier.sol";
import {IFinalOutputs} from "./IFinalOutputs.sol";
import {IGuardianRegistry} from "./IGuardianRegistry.sol";

/// @notice Shows that a guardian is one of those whose signatures a certificate sums up.
/// @param set As the registry sealed it.
/// @param index The guardian's position in it.
/// @param stake What counts in it.
/// @param proof Siblings from its member hash up to the set's root.
struct Seat {
    GuardianSet set;
    uint32 index;
    uint96 stake;
    bytes32[] proof;
}

/// @notice An epoch header that a guardian signed.
/// @param signed The header, and either the guardian's own signature, in which case nobody is absent,
/// or a sum of signatures.
/// @param seat None for the guardian's own signature; one for a sum.
struct Vote {
    Certificate signed;
    Seat[] seat;
}

/// @notice Takes a leaf to the header that was signed, and contradicts it by its own block.
/// @param leaf Leaf proof: a meta-proof with message index 0 and without message path (docs/formats.md).
/// @param blockHeader RLP whose hash is the leaf's block hash.
/// @param nodes Trie nodes, RLP; none when the header alone contradicts the leaf.
/// @param accountPath Positions in `nodes` from the state root to the message tree's account.
/// @param countPath Positions from its storage root to slot 32; empty paths when there is no account.
/// @param rootPath Likewise to slot 33.
struct Refutation {
    bytes leaf;
    bytes blockHeader;
    bytes[] nodes;
    bytes accountPath;
    bytes countPath;
    bytes rootPath;
}

/// @title Judges evidence against guardians and slashes their stake
/// @notice Anybody may report; who does gets a share of what is slashed. Trusted for it: nobody. Each
/// judgement is a function of what the guardian signed, of hashes and of the registry. One is not, and
/// says so: no contract here can tell what executing a rollup's transaction gives, so who signed a false
/// verdict in a dispute is slashed by governance ({slashVerdict}).
///
/// What a sum of signatures proves: keys are registered with a proof of possession, so a sum valid under
/// a sum of keys cannot be made unless the holder of *each* of them took part; nobody can make a
/// guardian seem to have signed. A quorum is not asked for: a minority's sum accuses its signers alike.
/// Two certificates of one epoch number accuse those who are absent from neither.
///
/// Why no reorg can slash: an INSTANT leaf is held against the block that it names, by that block's hash,
/// and never against what its chain has at that height. A block that was reorganised away still hashes
/// to its hash, with the same number, state and message tree in it; so whoever signed what the block
/// held stays right for ever. And a new epoch for the same chain has a new number: a guardian that
/// attests the other branch there signs no epoch number twice. A leaf that names a block that never
/// was cannot be refuted here unless somebody shows what hashes to that name.
interface ISlasher {
    /// @notice What a guardian is slashed for.
    enum Offence {
        EQUIVOCATION,
        FALSE_LEAF,
        NOT_FINAL,
        FALSE_VERDICT
    }

    /// @notice Emitted when evidence was found right.
    /// @param offenceId Slashed once and never again.
    /// @param amount ERA taken, in wei; `reward` of it went to the reporter.
    event Slashed(
        address indexed guardian,
        Offence indexed offence,
        bytes32 indexed offenceId,
        uint64 epoch,
        uint96 amount,
        uint96 reward,
        address reporter
    );

    /// @notice Emitted when shares change, in hundredths of a per cent.
    event SharesChanged(uint16 equivocation, uint16 falseLeaf, uint16 reward);

    /// @notice Emitted when the source of final outputs changes.
    event FinalOutputsChanged(IFinalOutputs finalOutputs);

    /// @notice Thrown before the L1's root verifier has a network id.
    error NotInstalled();
    /// @notice Thrown when two votes are for different epoch numbers.
    error DifferentEpochs(uint64 first, uint64 second);
    /// @notice Thrown when two votes are for the same header.
    error SameHeader(bytes32 headerHash);
    /// @notice Thrown when the guardian was punished for this already.
    error AlreadyPunished(bytes32 offenceId);
    /// @notice Thrown when the signature is not the guardian's, or not that of those who are named.
    error InvalidVote(address guardian);
    /// @notice Thrown when a vote names more than one seat, or absent guardians and no seat.
    error MalformedVote();
    /// @notice Thrown for a set that the registry did not seal, or another than the header names.
    error UnknownSet(uint64 setId);
    /// @notice Thrown when the guardian has no such seat in the set.
    error NotInSet(address guardian, uint64 setId);
    /// @notice Thrown when the certificate names the guardian as absent.
    error NotASigner(address guardian);
    /// @notice Thrown when the leaf is not under the header that was signed.
    error LeafNotSigned(bytes32 signedRoot, bytes32 computedRoot);
    /// @notice Thrown when the header is not that of the leaf's block.
    error NotTheBlock(bytes32 expected, bytes32 actual);
    /// @notice Thrown when header and proof say what the leaf says.
    error LeafHolds();
    /// @notice Thrown when the leaf does not claim to be final.
    error LeafNotFinalized();
    /// @notice Thrown when no final output tells of the leaf's block.
    error OutputUnknown(uint32 domain, uint64 blockNumber);
    /// @notice Thrown for shares out of their bounds.
    error ShareOutOfBounds(uint256 share, uint256 least, uint256 most);

    /// @notice Slashes a guardian that signed two different headers with one epoch number.
    /// @param guardian The account that holds the stake.
    function reportEquivocation(address guardian, Vote calldata first, Vote calldata second)
        external;

    /// @notice Slashes a guardian that signed a header over a leaf that is refuted by its own block: by the
    /// number or state root in its header, or by count or root of the message tree in its state.
    function reportFalseLeaf(address guardian, Vote calldata vote, Refutation calldata refutation)
        external;

    /// @notice Slashes a guardian that signed a header over a FINALIZED leaf that a final output contradicts.
    /// @param leaf Leaf proof, as in {Refutation}.
    function reportNotFinal(address guardian, Vote calldata vote, bytes calldata leaf) external;

    /// @notice Slashes a guardian that signed a verdict in a dispute which governance holds to be false.
    /// Only for the owner, who is trusted for it: no evidence is looked at. Nobody gets a reward.
    /// @param verdict What names it, the same for all who signed it: each is punished once for it. By
    /// custom the hash of the transaction that brought it.
    /// @param share Of all that the guardian has, in hundredths of a per cent: 1,000 to 5,000.
    function slashVerdict(address guardian, bytes32 verdict, uint16 share) external;

    /// @notice Sets what share of its stake a guardian loses for each offence, and what share of that the
    /// reporter gets, in hundredths of a per cent.
    /// @param equivocation 1 to 10,000.
    /// @param falseLeaf 1,000 to 5,000; also for leaves that were not final.
    /// @param reward 0 to 5,000: less than all, so that reporting oneself does not pay.
    function setShares(uint16 equivocation, uint16 falseLeaf, uint16 reward) external;

    /// @notice Sets where final outputs are learnt; zero for nowhere.
    function setFinalOutputs(IFinalOutputs finalOutputs) external;

    /// @notice Share for two signatures, in hundredths of a per cent.
    function equivocationShare() external view returns (uint16);

    /// @notice Share for a false leaf, in hundredths of a per cent.
    function falseLeafShare() external view returns (uint16);

    /// @notice The reporter's share of what is slashed, in hundredths of a per cent.
    function rewardShare() external view returns (uint16);

    /// @notice Gets what the reporter does not.
    function treasury() external view returns (address);

    /// @notice Where final outputs are learnt; zero for nowhere.
    function finalOutputs() external view returns (IFinalOutputs);

    /// @notice Whether an offence was punished. Its id is keccak256(abi.encode(offence, keccak256(key), what)):
    /// `what` is the epoch number for EQUIVOCATION, the verdict for FALSE_VERDICT, else the leaf hash, however
    /// many epochs repeat it.
    function punished(bytes32 offenceId) external view returns (bool);

    /// @notice Holds the stakes.
    function registry() external view returns (IGuardianRegistry);

    /// @notice Knows the network id.
    function rootVerifier() external view returns (IRootVerifier);

    /// @notice The message tree's account, the same on every chain.
    function merkleTreeHook() external view returns (address);
}
