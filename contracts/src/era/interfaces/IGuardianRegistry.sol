// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {GuardianSet} from "../../metalayer/interfaces/IRootVerifier.sol";

/// @title IGuardianRegistry
/// @notice Guardians stake ERA and register a BLS12-381 key here, on L1. Who is registered forms a
/// set, which other chains come to know by certificates. Formats: docs/formats.md.
interface IGuardianRegistry {
    /// @notice A guardian in the current set.
    /// @param index Position in the set, from 0 on.
    /// @param guardian Account that holds the stake.
    /// @param stake What counts in this set: ERA in wei when it was sealed.
    /// @param key BLS12-381 G1 point, 128 bytes in the form of EIP-2537.
    struct SetMember {
        uint32 index;
        address guardian;
        uint96 stake;
        bytes key;
    }

    /// @notice A registered account.
    /// @param stake ERA held for it now, in wei.
    /// @param exitRequestedAt When it asked to leave; zero if it did not.
    /// @param lastSetId Set that it was in last; zero if none.
    /// @param key BLS12-381 G1 point, 128 bytes in the form of EIP-2537.
    struct Guardian {
        uint96 stake;
        uint48 exitRequestedAt;
        uint64 lastSetId;
        bytes key;
    }

    /// @notice Emitted when an account becomes a guardian; it is in the set that is sealed next.
    event GuardianRegistered(address indexed guardian, uint96 stake, bytes key);

    /// @notice Emitted when a guardian adds to its stake.
    event StakeIncreased(address indexed guardian, uint96 amount, uint96 stake);

    /// @notice Emitted when a guardian asks to leave; it is in no set that is sealed later.
    event ExitRequested(address indexed guardian);

    /// @notice Emitted when a guardian gets its stake back.
    event ExitCompleted(address indexed guardian, uint96 stake);

    /// @notice Emitted when a guardian loses stake for what it signed; it is in no set that is sealed later.
    event GuardianSlashed(address indexed guardian, uint96 amount, uint96 stake);

    /// @notice Emitted when a set is sealed. Its commitment follows from `set` and the network id.
    event GuardianSetSealed(uint64 indexed setId, GuardianSet set, SetMember[] members);

    /// @notice Emitted when the least stake of new guardians changes.
    event MinStakeChanged(uint96 minStake);

    /// @notice Emitted when the time for which leaving guardians' stake is held changes.
    event UnbondingPeriodChanged(uint48 unbondingPeriod);

    /// @notice Thrown when an account registers again before it has left. One that was slashed of all its
    /// stake has nothing to leave with: it stays out for good.
    error AlreadyRegistered(address guardian);
    /// @notice Thrown when an account is no guardian.
    error NotRegistered(address guardian);
    /// @notice Thrown when there is no place left.
    error RegistryFull(uint256 maxGuardians);
    /// @notice Thrown when a key was registered before; a key is never used twice.
    error KeyUsed(bytes key);
    /// @notice Thrown when a proof of possession is not that of the key for this chain, registry and account.
    error InvalidProofOfPossession();
    /// @notice Thrown when a stake is less than the least.
    error StakeTooLow(uint96 stake, uint96 minStake);
    /// @notice Thrown when nothing is added to a stake, or the least stake is to be zero.
    error ZeroAmount();
    /// @notice Thrown when the guardian has asked to leave.
    error ExitAlreadyRequested(address guardian);
    /// @notice Thrown when the guardian has not asked to leave.
    error ExitNotRequested(address guardian);
    /// @notice Thrown when the guardian is in the current set: the next one must be sealed first.
    error StillInSet(address guardian, uint64 setId);
    /// @notice Thrown when the stake is held for some time yet.
    error StillBonded(address guardian, uint256 until);
    /// @notice Thrown when another than the slasher would slash.
    error NotSlasher(address caller);
    /// @notice Thrown when more would be slashed than there is.
    error SlashTooHigh(uint96 amount, uint96 stake);
    /// @notice Thrown when there is nobody to make a set of.
    error NoGuardians();
    /// @notice Thrown when the next set would be the current one.
    error SetUnchanged(uint64 setId);

    /// @notice Makes the caller a guardian and takes its stake, which it must have approved.
    /// @param key BLS12-381 G1 point, 128 bytes in the form of EIP-2537.
    /// @param proofOfPossession G2 point, 256 bytes: the key's signature over chain, registry, account and key.
    /// @param amount ERA in wei, at least `minStake()`.
    function register(bytes calldata key, bytes calldata proofOfPossession, uint96 amount) external;

    /// @notice Adds `amount` of approved ERA to the caller's stake; it counts from the next set on.
    function increaseStake(uint96 amount) external;

    /// @notice Leaves the caller out of every set that is sealed from now on.
    function requestExit() external;

    /// @notice Returns the caller's stake, once it is in no current set and the unbonding period is over.
    function completeExit() external;

    /// @notice Takes `amount` of a guardian's stake, whether it stands in a set or is unbonding, and leaves the
    /// guardian out of every set that is sealed from now on. What is left it may take as any that exits.
    /// Only the slasher, which gets the ERA, may call.
    function slash(address guardian, uint96 amount) external;

    /// @notice Makes the set of all guardians who have not asked to leave. Anybody may call.
    /// @return setId Of the new set: one more than that of the current one.
    function sealSet() external returns (uint64 setId);

    /// @notice Changes the least stake of guardians who register later.
    function setMinStake(uint96 minStake) external;

    /// @notice Changes the unbonding period, in seconds; also of guardians who are leaving.
    function setUnbondingPeriod(uint48 unbondingPeriod) external;

    /// @notice The staked token.
    function era() external view returns (IERC20);

    /// @notice May slash: the contract that judges evidence.
    function slasher() external view returns (address);

    /// @notice keccak256 of the ABI encoding of each set that was ever sealed; zero for others.
    function setHashes(uint64 setId) external view returns (bytes32);

    /// @notice Least stake of a guardian that registers, in wei.
    function minStake() external view returns (uint96);

    /// @notice Seconds for which a stake is held after its guardian left the set.
    function unbondingPeriod() external view returns (uint48);

    /// @notice The set sealed last; all zero if there is none.
    function currentSet() external view returns (GuardianSet memory);

    /// @notice Members of the current set, by index.
    function currentMembers() external view returns (SetMember[] memory);

    /// @notice The current set's member with this account; reverts with `NotRegistered` for others.
    function member(address guardian) external view returns (SetMember memory);

    /// @notice A guardian's state now; all zero for other accounts.
    function guardianOf(address guardian) external view returns (Guardian memory);

    /// @notice Who would be in a set sealed now, in the order of their indices.
    function guardians() external view returns (address[] memory);

    /// @notice When `completeExit` will be possible for a guardian that asked to leave; reverts as that would
    /// for reasons other than time.
    function exitableAt(address guardian) external view returns (uint256);
}
