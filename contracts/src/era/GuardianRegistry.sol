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
/// @dev Stake leaves a record by {completeExit} alone, and until then it is the guardian's whole bond,
/// in the current set or unbonding: {slash} takes from it. Who lost all of it keeps a record without
/// stake, for its key may stand in the current set; so it never registers again.
contract GuardianRegistry is IGuardianRegistry, Governed {
    using EnumerableSet for EnumerableSet.AddressSet;
    using SafeERC20 for IERC20;

    struct Record {
        uint96 stake;
        uint48 exitRequestedAt;
        uint64 lastSetId;
        BLS12381.StoredKey key;
    }

    struct Seat {
        address guardian;
        uint96 stake;
    }

    /// @notice Sealing a set of so many fits into one transaction.
    uint256 public constant MAX_GUARDIANS = 256;

    /// @inheritdoc IGuardianRegistry
    IERC20 public immutable override era;

    /// @inheritdoc IGuardianRegistry
    address public immutable override slasher;

    /// @inheritdoc IGuardianRegistry
    uint96 public override minStake;
    /// @inheritdoc IGuardianRegistry
    uint48 public override unbondingPeriod;

    mapping(address guardian => Record) private _guardians;
    mapping(bytes32 keyHash => bool) private _usedKeys;
    /// @dev Who is in the next set.
    EnumerableSet.AddressSet private _active;

    GuardianSet private _current;
    Seat[] private _seats;
    mapping(uint64 setId => uint48) private _sealedAt;
    /// @inheritdoc IGuardianRegistry
    mapping(uint64 setId => bytes32) public override setHashes;

    /// @param slasher_ Need not have code yet.
    constructor(address era_, address slasher_) {
        era = IERC20(era_);
        slasher = slasher_;
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
        if (record.stake != 0 || record.exitRequestedAt != 0) revert AlreadyRegistered(msg.sender);
        if (amount < minStake) revert StakeTooLow(amount, minStake);
        if (_active.length() == MAX_GUARDIANS) revert RegistryFull(MAX_GUARDIANS);
        _useKey(key);
        _checkPossession(key, proofOfPossession);

        record.stake = amount;
        record.key = BLS12381.pack(key);
        _active.add(msg.sender);
        emit GuardianRegistered(msg.sender, amount, key);
        era.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @inheritdoc IGuardianRegistry
    function increaseStake(uint96 amount) external override {
        Record storage record = _activeRecord();
        if (amount == 0) revert ZeroAmount();
        record.stake += amount;
        emit StakeIncreased(msg.sender, amount, record.stake);
        era.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @inheritdoc IGuardianRegistry
    function requestExit() external override {
        _activeRecord().exitRequestedAt = Time.timestamp();
        _active.remove(msg.sender);
        emit ExitRequested(msg.sender);
    }

    /// @inheritdoc IGuardianRegistry
    function completeExit() external override {
        uint256 until = exitableAt(msg.sender);
        // forge-lint: disable-next-line(block-timestamp)
        if (block.timestamp < until) revert StillBonded(msg.sender, until);
        uint96 stake = _guardians[msg.sender].stake;
        delete _guardians[msg.sender];
        emit ExitCompleted(msg.sender, stake);
        era.safeTransfer(msg.sender, stake);
    }

    /// @inheritdoc IGuardianRegistry
    function slash(address guardian, uint96 amount) external override {
        if (msg.sender != slasher) revert NotSlasher(msg.sender);
        Record storage record = _registered(guardian);
        if (amount == 0) revert ZeroAmount();
        if (amount > record.stake) revert SlashTooHigh(amount, record.stake);

        record.stake -= amount;
        emit GuardianSlashed(guardian, amount, record.stake);
        if (record.exitRequestedAt == 0) {
            record.exitRequestedAt = Time.timestamp();
            _active.remove(guardian);
            emit ExitRequested(guardian);
        }
        era.safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc IGuardianRegistry
    function sealSet() external override returns (uint64 setId) {
        address[] memory active = _active.values();
        if (active.length == 0) revert NoGuardians();
        setId = _current.setId + 1;

        SetMember[] memory members = new SetMember[](active.length);
        for (uint32 i = 0; i < members.length; ++i) {
            Record storage record = _guardians[active[i]];
            record.lastSetId = setId;
            members[i] = SetMember(i, active[i], record.stake, BLS12381.unpack(record.key));
        }
        GuardianSet memory set = _setOf(setId, members);
        if (set.root == _current.root) revert SetUnchanged(_current.setId);

        _current = set;
        _sealedAt[setId] = Time.timestamp();
        setHashes[setId] = keccak256(abi.encode(set));
        _seat(members);
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
    function currentMembers() external view override returns (SetMember[] memory members) {
        members = new SetMember[](_seats.length);
        for (uint32 i = 0; i < members.length; ++i) {
            members[i] = _memberAt(i);
        }
    }

    /// @inheritdoc IGuardianRegistry
    function member(address guardian) external view override returns (SetMember memory) {
        for (uint32 i = 0; i < _seats.length; ++i) {
            if (_seats[i].guardian == guardian) return _memberAt(i);
        }
        revert NotRegistered(guardian);
    }

    /// @inheritdoc IGuardianRegistry
    function guardianOf(address guardian) external view override returns (Guardian memory) {
        Record storage record = _guardians[guardian];
        return Guardian(
            record.stake, record.exitRequestedAt, record.lastSetId, BLS12381.unpack(record.key)
        );
    }

    /// @inheritdoc IGuardianRegistry
    function guardians() external view override returns (address[] memory) {
        return _active.values();
    }

    /// @inheritdoc IGuardianRegistry
    /// @dev The period begins when a set without the guardian is sealed: until then it may sign.
    function exitableAt(address guardian) public view override returns (uint256) {
        Record storage record = _registered(guardian);
        if (record.exitRequestedAt == 0) revert ExitNotRequested(guardian);
        uint64 setId = record.lastSetId;
        if (setId != 0 && setId == _current.setId) revert StillInSet(guardian, setId);
        uint256 left = setId == 0 ? 0 : _sealedAt[setId + 1];
        return Math.max(left, record.exitRequestedAt) + unbondingPeriod;
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

    function _registered(address guardian) private view returns (Record storage record) {
        record = _guardians[guardian];
        if (record.stake == 0) revert NotRegistered(guardian);
    }

    /// @dev The caller's, who has not asked to leave.
    function _activeRecord() private view returns (Record storage record) {
        record = _registered(msg.sender);
        if (record.exitRequestedAt != 0) revert ExitAlreadyRequested(msg.sender);
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

    function _seat(SetMember[] memory members) private {
        while (_seats.length > members.length) {
            _seats.pop();
        }
        for (uint256 i = 0; i < members.length; ++i) {
            Seat memory seat = Seat(members[i].guardian, members[i].stake);
            if (i < _seats.length) _seats[i] = seat;
            else _seats.push(seat);
        }
    }

    function _memberAt(uint32 index) private view returns (SetMember memory) {
        Seat storage seat = _seats[index];
        bytes memory key = BLS12381.unpack(_guardians[seat.guardian].key);
        return SetMember(index, seat.guardian, seat.stake, key);
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
