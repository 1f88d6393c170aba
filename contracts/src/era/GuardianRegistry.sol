// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {Time} from "@openzeppelin/contracts/utils/types/Time.sol";
import {Governed} from "../metalayer/Governed.sol";
import {GuardianSet} from "../metalayer/interfaces/IRootVerifier.sol";
import {BLS12381} from "../metalayer/libs/BLS12381.sol";
import {GuardianSets} from "../metalayer/libs/GuardianSets.sol";
import {IGuardianRegistry} from "./interfaces/IGuardianRegistry.sol";

/// @title GuardianRegistry
/// @notice Implements {IGuardianRegistry}, which documents it.
/// @dev Stake leaves a record by {withdraw} and {slash} alone, and until then all of it is the guardian's
/// bond: what counts in sets (`stake`) and what it has taken out of them (`unbonding`). Who was slashed of
/// everything keeps an empty record, for its key may stand in the current set; so it never registers again.
contract GuardianRegistry is IGuardianRegistry, Governed {
    using EnumerableSet for EnumerableSet.AddressSet;
    using SafeERC20 for IERC20;

    /// @param firstSetId Set from which on it has been in every set, while it is active.
    /// @param lastSetId Last set that it was in when it stopped being active; zero if in none.
    /// @param unbondingSetId Last set in which what is unbonding counted; zero if in none.
    struct Record {
        uint96 stake;
        uint96 unbonding;
        uint48 unbondingSince;
        uint64 firstSetId;
        uint64 lastSetId;
        uint64 unbondingSetId;
        uint48 jailedUntil;
        BLS12381.StoredKey key;
    }

    /// @notice Sealing a set of so many fits into one transaction under the cap of EIP-7825.
    uint256 public constant MAX_GUARDIANS = 600;

    /// @inheritdoc IGuardianRegistry
    IERC20 public immutable override era;

    /// @inheritdoc IGuardianRegistry
    address public immutable override slasher;

    /// @inheritdoc IGuardianRegistry
    address public immutable override jailer;

    /// @inheritdoc IGuardianRegistry
    uint96 public override minStake;
    /// @inheritdoc IGuardianRegistry
    uint48 public override unbondingPeriod;

    mapping(address guardian => Record) private _guardians;
    mapping(bytes32 keyHash => bool) private _usedKeys;
    /// @dev Who is in the next set.
    EnumerableSet.AddressSet private _active;

    GuardianSet private _current;
    /// @inheritdoc IGuardianRegistry
    mapping(uint64 setId => uint48) public override sealedAt;
    /// @inheritdoc IGuardianRegistry
    mapping(uint64 setId => bytes32) public override setHashes;

    /// @param slasher_ Need not have code yet.
    /// @param jailer_ Need not have code yet.
    constructor(address era_, address slasher_, address jailer_) {
        era = IERC20(era_);
        slasher = slasher_;
        jailer = jailer_;
    }

    function initialize(address owner_, uint96 minStake_) external initializer {
        __Ownable_init(owner_);
        _setMinStake(minStake_);
        _setUnbondingPeriod(7 days);
    }

    /// @inheritdoc IGuardianRegistry
    function register(bytes calldata key, bytes calldata proofOfPossession, uint96 amount)
        external
        override
    {
        Record storage record = _guardians[msg.sender];
        if (_exists(record)) revert AlreadyRegistered(msg.sender);
        if (amount < minStake) revert StakeTooLow(amount, minStake);
        _useKey(key);
        _checkPossession(key, proofOfPossession);

        record.stake = amount;
        record.key = BLS12381.pack(key);
        _join(msg.sender, record);
        emit GuardianRegistered(msg.sender, amount, key);
        era.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @inheritdoc IGuardianRegistry
    function increaseStake(uint96 amount) external override {
        Record storage record = _staked(msg.sender);
        if (amount == 0) revert ZeroAmount();
        record.stake += amount;
        emit StakeIncreased(msg.sender, amount, record.stake);
        era.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @inheritdoc IGuardianRegistry
    function decreaseStake(uint96 amount) external override {
        Record storage record = _staked(msg.sender);
        if (amount == 0) revert ZeroAmount();
        uint96 left = amount < record.stake ? record.stake - amount : 0;
        if (left < minStake) revert StakeTooLow(left, minStake);
        _unbond(msg.sender, record, amount);
        emit StakeDecreased(msg.sender, amount, left);
    }

    /// @inheritdoc IGuardianRegistry
    function requestExit() external override {
        _exit(msg.sender, _staked(msg.sender));
    }

    /// @inheritdoc IGuardianRegistry
    function withdraw() external override returns (uint96 amount) {
        uint256 until = withdrawableAt(msg.sender);
        // forge-lint: disable-next-line(block-timestamp)
        if (block.timestamp < until) revert StillBonded(msg.sender, until);
        Record storage record = _guardians[msg.sender];
        amount = record.unbonding;
        if (record.stake == 0) delete _guardians[msg.sender];
        else record.unbonding = 0;
        emit Withdrawn(msg.sender, amount);
        era.safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc IGuardianRegistry
    function slash(address guardian, uint96 amount) external override {
        if (msg.sender != slasher) revert NotSlasher(msg.sender);
        Record storage record = _bonded(guardian);
        if (amount == 0) revert ZeroAmount();
        uint96 bond = record.stake + record.unbonding;
        if (amount > bond) revert SlashTooHigh(amount, bond);

        if (record.stake != 0) _exit(guardian, record);
        record.unbonding = bond - amount;
        emit GuardianSlashed(guardian, amount, bond - amount);
        era.safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc IGuardianRegistry
    function jail(address guardian, uint48 until) external override returns (bool jailed) {
        if (msg.sender != jailer) revert NotJailer(msg.sender);
        if (!_active.contains(guardian)) return false;
        Record storage record = _guardians[guardian];
        _leave(guardian, record);
        record.jailedUntil = until;
        emit GuardianJailed(guardian, until);
        return true;
    }

    /// @inheritdoc IGuardianRegistry
    function unjail() external override {
        Record storage record = _staked(msg.sender);
        uint48 until = record.jailedUntil;
        if (until == 0) revert NotJailed(msg.sender);
        // forge-lint: disable-next-line(block-timestamp)
        if (block.timestamp < until) revert StillJailed(msg.sender, until);
        record.jailedUntil = 0;
        _join(msg.sender, record);
        emit GuardianUnjailed(msg.sender);
    }

    /// @inheritdoc IGuardianRegistry
    function sealSet() external override returns (uint64 setId) {
        uint256 size = _active.length();
        if (size == 0) revert NoGuardians();
        setId = _current.setId + 1;

        SetMember[] memory members = new SetMember[](size);
        for (uint32 i = 0; i < size; ++i) {
            address guardian = _active.at(i);
            Record storage record = _guardians[guardian];
            members[i] = SetMember(i, guardian, record.stake, BLS12381.unpack(record.key));
        }
        GuardianSet memory set = _setOf(setId, members);
        if (set.root == _current.root) revert SetUnchanged(_current.setId);

        _current = set;
        sealedAt[setId] = Time.timestamp();
        setHashes[setId] = keccak256(abi.encode(set));
        emit GuardianSetSealed(setId, set, members);
    }

    /// @inheritdoc IGuardianRegistry
    function setMinStake(uint96 minStake_) external override onlyOwner {
        _setMinStake(minStake_);
    }

    /// @inheritdoc IGuardianRegistry
    function setUnbondingPeriod(uint48 unbondingPeriod_) external override onlyOwner {
        _setUnbondingPeriod(unbondingPeriod_);
    }

    /// @inheritdoc IGuardianRegistry
    function currentSet() external view override returns (GuardianSet memory) {
        return _current;
    }

    /// @inheritdoc IGuardianRegistry
    function guardianOf(address guardian) external view override returns (Guardian memory) {
        Record storage record = _guardians[guardian];
        return Guardian({
            stake: record.stake,
            unbonding: record.unbonding,
            jailedUntil: record.jailedUntil,
            active: _active.contains(guardian),
            key: BLS12381.unpack(record.key)
        });
    }

    /// @inheritdoc IGuardianRegistry
    function guardians() external view override returns (address[] memory) {
        return _active.values();
    }

    /// @inheritdoc IGuardianRegistry
    /// @dev The period begins when a set is sealed in which the stake does not count: until then it
    /// answers for what is signed.
    function withdrawableAt(address guardian) public view override returns (uint256) {
        Record storage record = _bonded(guardian);
        if (record.unbonding == 0) revert NothingUnbonding(guardian);
        uint64 setId = record.unbondingSetId;
        if (setId != 0 && setId == _current.setId) revert StillInSet(guardian, setId);
        uint256 left = setId == 0 ? 0 : sealedAt[setId + 1];
        return Math.max(left, record.unbondingSince) + unbondingPeriod;
    }

    function _useKey(bytes calldata key) private {
        bytes32 hash = keccak256(key);
        if (_usedKeys[hash]) revert KeyUsed(key);
        _usedKeys[hash] = true;
    }

    function _checkPossession(bytes calldata key, bytes calldata proof) private view {
        bytes32 digest = GuardianSets.possessionDigest(address(this), msg.sender, key);
        bool valid = BLS12381.verify(key, abi.encode(digest), BLS12381.POSSESSION_TAG, proof);
        if (!valid) revert InvalidProofOfPossession();
    }

    function _exists(Record storage record) private view returns (bool) {
        return record.key.xLow != 0;
    }

    /// @dev Of an account that has something to lose.
    function _bonded(address guardian) private view returns (Record storage record) {
        record = _guardians[guardian];
        if (record.stake == 0 && record.unbonding == 0) revert NotRegistered(guardian);
    }

    /// @dev Of a guardian that has not asked to leave.
    function _staked(address guardian) private view returns (Record storage record) {
        record = _bonded(guardian);
        if (record.stake == 0) revert ExitAlreadyRequested(guardian);
    }

    function _join(address guardian, Record storage record) private {
        if (_active.length() == MAX_GUARDIANS) revert RegistryFull(MAX_GUARDIANS);
        record.firstSetId = _current.setId + 1;
        _active.add(guardian);
    }

    /// @dev Out of the next set; no change for who is in none anyway.
    function _leave(address guardian, Record storage record) private {
        record.lastSetId = _lastSetOf(guardian, record);
        _active.remove(guardian);
    }

    function _exit(address guardian, Record storage record) private {
        _unbond(guardian, record, record.stake);
        _leave(guardian, record);
        record.jailedUntil = 0;
        emit ExitRequested(guardian);
    }

    /// @dev What unbonds already waits as long as what is added to it.
    function _unbond(address guardian, Record storage record, uint96 amount) private {
        record.stake -= amount;
        record.unbonding += amount;
        record.unbondingSince = Time.timestamp();
        record.unbondingSetId = _lastSetOf(guardian, record);
    }

    /// @dev The last set that was sealed with this guardian; zero if none was.
    function _lastSetOf(address guardian, Record storage record) private view returns (uint64) {
        uint64 current = _current.setId;
        bool inCurrent = _active.contains(guardian) && record.firstSetId <= current;
        return inCurrent ? current : record.lastSetId;
    }

    function _setOf(uint64 setId, SetMember[] memory members)
        private
        view
        returns (GuardianSet memory set)
    {
        bytes32[] memory hashes = new bytes32[](members.length);
        set.setId = setId;
        // forge-lint: disable-next-line(unsafe-typecast)
        set.size = uint32(members.length);
        set.aggregateKey = new bytes(BLS12381.G1_LENGTH);
        for (uint256 i = 0; i < members.length; ++i) {
            SetMember memory one = members[i];
            hashes[i] = GuardianSets.memberHash(one.index, one.guardian, one.stake, one.key);
            set.totalStake += one.stake;
            set.aggregateKey = BLS12381.addG1(set.aggregateKey, one.key);
        }
        set.root = GuardianSets.root(hashes);
    }

    function _setMinStake(uint96 minStake_) private {
        if (minStake_ == 0) revert ZeroAmount();
        minStake = minStake_;
        emit MinStakeChanged(minStake_);
    }

    function _setUnbondingPeriod(uint48 unbondingPeriod_) private {
        unbondingPeriod = unbondingPeriod_;
        emit UnbondingPeriodChanged(unbondingPeriod_);
    }
}
