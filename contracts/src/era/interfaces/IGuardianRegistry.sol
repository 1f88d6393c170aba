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
    /// @param stake ERA that counts in sets sealed from now on, in wei; zero once it asked to leave.
    /// @param unbonding ERA that it has taken out of them and that is held, and can be slashed, for some time.
    /// @param jailedUntil When it may come back; zero if it is not jailed.
    /// @param active Whether it is in a set sealed now.
    /// @param key BLS12-381 G1 point, 128 bytes in the form of EIP-2537.
    struct Guardian {
        uint96 stake;
        uint96 unbonding;
        uint48 jailedUntil;
        bool active;
        bytes key;
    }

    /// @notice Emitted when an account becomes a guardian; it is in the set that is sealed next.
    event GuardianRegistered(address indexed guardian, uint96 stake, bytes key);

    /// @notice Emitted when a guardian adds to its stake.
    event StakeIncreased(address indexed guardian, uint96 amount, uint96 stake);

    /// @notice Emitted when a guardian takes part of its stake out of the sets sealed later.
    event StakeDecreased(address indexed guardian, uint96 amount, uint96 stake);

    /// @notice Emitted when a guardian asks to leave, or was slashed; it is in no set that is sealed later.
    event ExitRequested(address indexed guardian);

    /// @notice Emitted when a guardian gets back what was unbonding.
    event Withdrawn(address indexed guardian, uint96 amount);

    /// @notice Emitted when a guardian loses stake for what it signed.
    /// @param left What remains of its stake, all of it unbonding.
    event GuardianSlashed(address indexed guardian, uint96 amount, uint96 left);

    /// @notice Emitted when a guardian is left out of the sets sealed later because it was absent.
    /// @param until When it may come back.
    event GuardianJailed(address indexed guardian, uint48 until);

    /// @notice Emitted when a guardian comes back; it is in the set that is sealed next.
    event GuardianUnjailed(address indexed guardian);

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
    /// @notice Thrown when nothing of the guardian's stake is unbonding.
    error NothingUnbonding(address guardian);
    /// @notice Thrown when the stake counts in the current set: the next one must be sealed first.
    error StillInSet(address guardian, uint64 setId);
    /// @notice Thrown when the stake is held for some time yet.
    error StillBonded(address guardian, uint256 until);
    /// @notice Thrown when another than the slasher would slash.
    error NotSlasher(address caller);
    /// @notice Thrown when more would be slashed than there is.
    error SlashTooHigh(uint96 amount, uint96 bond);
    /// @notice Thrown when another than the jailer would jail.
    error NotJailer(address caller);
    /// @notice Thrown when the guardian is not jailed.
    error NotJailed(address guardian);
    /// @notice Thrown when the guardian may not come back yet.
    error StillJailed(address guardian, uint256 until);
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

    /// @notice Takes `amount` out of the caller's stake; it counts in no set that is sealed from now on, and
    /// can be withdrawn when it has unbonded. At least `minStake()` must remain.
    /// @dev What unbonds already waits as long as what is added to it.
    function decreaseStake(uint96 amount) external;

    /// @notice Leaves the caller out of every set that is sealed from now on; all of its stake unbonds.
    function requestExit() external;

    /// @notice Pays the caller what was unbonding, once that counts in no current set and the unbonding
    /// period is over. Who has left may register again, with another key.
    function withdraw() external returns (uint96 amount);

    /// @notice Takes `amount` of a guardian's bond, which is its stake and what is unbonding, and leaves the
    /// guardian out of every set that is sealed from now on. What is left unbonds.
    /// Only the slasher, which gets the ERA, may call.
    function slash(address guardian, uint96 amount) external;

    /// @notice Leaves a guardian out of every set that is sealed until it comes back. Only the jailer may call.
    /// @param until From when on the guardian may come back, in seconds.
    /// @return jailed False for one that is in no next set anyway; then nothing changes.
    function jail(address guardian, uint48 until) external returns (bool jailed);

    /// @notice Brings the caller back after its time in jail.
    function unjail() external;

    /// @notice Makes the set of all active guardians. Anybody may call.
    /// @return setId Of the new set: one more than that of the current one.
    function sealSet() external returns (uint64 setId);

    /// @notice Changes the least stake of guardians who register later.
    function setMinStake(uint96 minStake) external;

    /// @notice Changes the unbonding period, in seconds; also of what is unbonding.
    function setUnbondingPeriod(uint48 unbondingPeriod) external;

    /// @notice The staked token.
    function era() external view returns (IERC20);

    /// @notice May slash: the contract that judges evidence.
    function slasher() external view returns (address);

    /// @notice May jail: the contract that judges uptime.
    function jailer() external view returns (address);

    /// @notice keccak256 of the ABI encoding of each set that was ever sealed; zero for others. Its members are
    /// in the event of its sealing.
    function setHashes(uint64 setId) external view returns (bytes32);

    /// @notice When a set was sealed, in seconds; zero for others.
    function sealedAt(uint64 setId) external view returns (uint48);

    /// @notice Least stake of a guardian that registers, in wei.
    function minStake() external view returns (uint96);

    /// @notice Seconds for which stake is held after it left the set.
    function unbondingPeriod() external view returns (uint48);

    /// @notice The set sealed last; all zero if there is none.
    function currentSet() external view returns (GuardianSet memory);

    /// @notice A guardian's state now; all zero for other accounts.
    function guardianOf(address guardian) external view returns (Guardian memory);

    /// @notice Who would be in a set sealed now, in the order of their indices.
    function guardians() external view returns (address[] memory);

    /// @notice When `withdraw` will be possible for what is unbonding; reverts as that would for reasons
    /// other than time.
    function withdrawableAt(address guardian) external view returns (uint256);
}
