// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @notice What an epoch's certificate signs; its hash is that of 122 packed bytes (docs/formats.md).
/// @param setId Guardian set that signed.
/// @param epoch Number of the epoch, from 1 on; numbers may be skipped.
/// @param timestamp Seconds, by the aggregator's clock.
/// @param parentHash Header hash of the certified epoch before; zero for the first.
/// @param aggregateRoot Root over the shards' roots, hence over every chain's leaf.
struct EpochHeader {
    uint64 setId;
    uint64 epoch;
    uint64 timestamp;
    bytes32 parentHash;
    bytes32 aggregateRoot;
}

/// @notice A guardian of the set that did not sign.
/// @param index Position in the set, from 0 on.
/// @param guardian Account that holds the stake on L1.
/// @param stake ERA, in wei.
/// @param key BLS12-381 G1 point, 128 bytes in the form of EIP-2537.
struct AbsentMember {
    uint32 index;
    address guardian;
    uint96 stake;
    bytes key;
}

/// @notice One signature of all guardians of a set but the named ones.
/// @param absent Who did not sign, strictly ascending by index.
/// @param proof Siblings of the multi-proof of `absent` against the set's root; empty if nobody is absent.
/// @param proofFlags Flags of that multi-proof (OpenZeppelin's `MerkleProof.processMultiProof`).
/// @param signature BLS12-381 G2 point, 256 bytes in the form of EIP-2537.
struct QuorumProof {
    AbsentMember[] absent;
    bytes32[] proof;
    bool[] proofFlags;
    bytes signature;
}

/// @notice An epoch header and the quorum's signature of its hash.
struct Certificate {
    EpochHeader header;
    QuorumProof quorum;
}

/// @notice What a chain stores of a guardian set.
/// @param setId Rises with every set.
/// @param size Number of members.
/// @param totalStake Stake of all members, in ERA wei.
/// @param root Merkle root over the member hashes, ascending by index.
/// @param aggregateKey Sum of the members' keys: G1 point, 128 bytes in the form of EIP-2537.
struct GuardianSet {
    uint64 setId;
    uint32 size;
    uint96 totalStake;
    bytes32 root;
    bytes aggregateKey;
}

/// @title Checks certificates and keeps the aggregate root of each certified epoch
/// @notice A certificate counts when guardians with more than two thirds of the set's stake signed
/// it. Anybody may submit one. Formats: docs/formats.md.
interface IRootVerifier {
    /// @notice The governor installed `set`.
    event GuardianSetInstalled(
        uint64 indexed setId, bytes32 indexed networkId, bytes32 commitment, GuardianSet set
    );

    /// @notice The outgoing set handed over to `set`.
    event GuardianSetRotated(
        uint64 indexed setId, uint64 indexed outgoingSetId, bytes32 commitment, GuardianSet set
    );

    /// @notice An epoch's aggregate root is known from now on.
    event EpochCertified(uint64 indexed epoch, bytes32 aggregateRoot, bytes32 headerHash);

    /// @notice No guardian set has been installed.
    error NotInstalled();
    /// @notice A network id is set once and never changed.
    error NetworkIdFixed(bytes32 current);
    /// @notice The network id is zero.
    error NetworkIdZero();
    /// @notice The set has no members or no stake.
    error GuardianSetEmpty();
    /// @notice A new set's id must be greater than the current one's.
    error GuardianSetNotNewer(uint64 given, uint64 current);
    /// @notice The certificate is signed by another set than the current one.
    error UnknownGuardianSet(uint64 given, uint64 current);
    /// @notice Epochs are numbered from 1 on.
    error EpochZero();
    /// @notice An aggregate root is never zero.
    error AggregateRootZero();
    /// @notice Another aggregate root is certified for this epoch.
    error EpochAlreadyCertified(uint64 epoch, bytes32 aggregateRoot);
    /// @notice Absent guardians must be strictly ascending by index.
    error AbsentNotAscending();
    /// @notice The absent guardians' keys and stakes are not those of the set.
    error InvalidSetProof();
    /// @notice More than two thirds of the stake must have signed: 3 * signed > 2 * total.
    error QuorumNotReached(uint256 signedStake, uint256 totalStake);
    /// @notice The signature is not that of the signers' keys on this message.
    error InvalidSignature();

    /// @notice Checks a certificate and stores its epoch's aggregate root. Submitting an epoch again
    /// with the same root costs little and changes nothing. Epochs may come in any order.
    /// @dev A signature that encodes no point, or signers whose keys cancel out, revert with
    /// `BLS12381.InvalidPoint`.
    /// @return aggregateRoot The root that is stored for the epoch.
    function submit(Certificate calldata certificate) external returns (bytes32 aggregateRoot);

    /// @notice Installs a set by the governor's word: the first, or one after the guardians lost their quorum.
    /// @param networkId What everything signed commits to; the same in every later call.
    function install(bytes32 networkId, GuardianSet calldata set) external;

    /// @notice Replaces the current set by `next`, whose commitment the current set has signed.
    function rotate(GuardianSet calldata next, QuorumProof calldata quorum) external;

    /// @notice Aggregate root of a certified epoch; zero for any other.
    function aggregateRoots(uint64 epoch) external view returns (bytes32);

    /// @notice Highest certified epoch; zero if there is none.
    function latestEpoch() external view returns (uint64);

    /// @notice Header hash of the highest certified epoch; zero if there is none.
    function latestHeaderHash() external view returns (bytes32);

    /// @notice What everything signed on this devnet commits to; zero before `install`.
    function networkId() external view returns (bytes32);

    /// @notice The current set; all zero before `install`.
    function guardianSet() external view returns (GuardianSet memory);
}
