// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Governed} from "../metalayer/Governed.sol";
import {
    AbsentMember,
    GuardianSet,
    IRootVerifier,
    QuorumProof
} from "../metalayer/interfaces/IRootVerifier.sol";
import {GuardianSets} from "../metalayer/libs/GuardianSets.sol";
import {QuorumProofs} from "../metalayer/libs/QuorumProofs.sol";
import {Absences, IGuardianRewards, UptimeReport} from "./interfaces/IGuardianRewards.sol";
import {IGuardianRegistry} from "./interfaces/IGuardianRegistry.sol";

/// @title GuardianRewards
/// @notice Implements {IGuardianRewards}, which documents it.
/// @dev A report costs the same for any size of set: it moves one sum for all members, and takes something off
/// those that missed certificates.
contract GuardianRewards is IGuardianRewards, Governed {
    using SafeERC20 for IERC20;

    /// @param index Sum over all reports of rate times seconds: what full uptime earned.
    struct Account {
        uint64 lastEpoch;
        uint48 until;
        uint128 index;
    }

    uint256 private constant WHOLE = 10_000;
    uint256 private constant YEAR = 365 days;
    uint256 private constant LEAST_RATE = 800;
    uint256 private constant MOST_RATE = 1_500;

    /// @inheritdoc IGuardianRewards
    IGuardianRegistry public immutable override registry;
    /// @inheritdoc IGuardianRewards
    IRootVerifier public immutable override rootVerifier;

    /// @inheritdoc IGuardianRewards
    uint16 public override rate;
    /// @inheritdoc IGuardianRewards
    uint16 public override leastUptime;
    /// @inheritdoc IGuardianRewards
    uint32 public override leastEpochs;
    /// @inheritdoc IGuardianRewards
    uint48 public override jailPeriod;

    mapping(uint64 setId => Account) private _sets;
    mapping(uint64 setId => mapping(address guardian => uint256)) private _reduced;
    mapping(uint64 setId => mapping(address guardian => uint256)) private _paid;

    constructor(address registry_, address rootVerifier_) {
        registry = IGuardianRegistry(registry_);
        rootVerifier = IRootVerifier(rootVerifier_);
    }

    function initialize(address owner_) external initializer {
        __Ownable_init(owner_);
        _setRate(1_000);
        _setJailRules(5_000, 20, 1 hours);
    }

    /// @inheritdoc IGuardianRewards
    function report(
        UptimeReport calldata uptime,
        Absences calldata absences,
        QuorumProof calldata quorum
    ) external override {
        uint256 duration = _advance(uptime);
        _checkAbsences(uptime, absences);
        QuorumProofs.check(quorum, digestOf(uptime, absences.absent), rootVerifier.guardianSet());
        emit UptimeReported(uptime.setId, uptime.lastEpoch, uptime.epochs, duration, rate);

        uint256 earnedPerStake = duration * rate;
        for (uint256 i = 0; i < absences.absent.length; ++i) {
            _reduce(uptime, absences.absent[i], uptime.missed[i], earnedPerStake);
        }
    }

    /// @inheritdoc IGuardianRewards
    function pay(GuardianSet calldata set, AbsentMember calldata member, bytes32[] calldata proof)
        external
        override
        returns (uint256 amount)
    {
        address guardian = member.guardian;
        _checkSet(set);
        bytes32 hash = GuardianSets.memberHash(member.index, guardian, member.stake, member.key);
        if (!MerkleProof.verifyCalldata(proof, set.root, hash)) {
            revert NotInSet(guardian, set.setId);
        }
        (, uint256 due) = earned(set.setId, guardian, member.stake);
        IERC20 era = registry.era();
        amount = Math.min(due, era.balanceOf(address(this)));
        if (amount == 0) revert NothingToPay(guardian);

        _paid[set.setId][guardian] += amount;
        emit RewardPaid(guardian, set.setId, amount);
        era.safeTransfer(guardian, amount);
    }

    /// @inheritdoc IGuardianRewards
    function setRate(uint16 rate_) external override onlyOwner {
        _setRate(rate_);
    }

    /// @inheritdoc IGuardianRewards
    function setJailRules(uint16 leastUptime_, uint32 leastEpochs_, uint48 jailPeriod_)
        external
        override
        onlyOwner
    {
        _setJailRules(leastUptime_, leastEpochs_, jailPeriod_);
    }

    /// @inheritdoc IGuardianRewards
    function earned(uint64 setId, address guardian, uint96 stake)
        public
        view
        override
        returns (uint256 total, uint256 due)
    {
        uint256 whole = uint256(stake) * _sets[setId].index / (WHOLE * YEAR);
        // each reduction is rounded up, so that a guardian that is never there ends at nothing
        total = Math.saturatingSub(whole, _reduced[setId][guardian]);
        due = Math.saturatingSub(total, _paid[setId][guardian]);
    }

    /// @inheritdoc IGuardianRewards
    function reported(uint64 setId)
        external
        view
        override
        returns (uint64 lastEpoch, uint48 until)
    {
        return (_sets[setId].lastEpoch, _sets[setId].until);
    }

    /// @inheritdoc IGuardianRewards
    function digestOf(UptimeReport calldata uptime, AbsentMember[] calldata absent)
        public
        view
        override
        returns (bytes32)
    {
        bytes memory missed = new bytes(0);
        for (uint256 i = 0; i < absent.length; ++i) {
            missed = abi.encodePacked(missed, absent[i].index, uptime.missed[i]);
        }
        return GuardianSets.uptimeDigest(
            rootVerifier.networkId(),
            abi.encodePacked(
                uptime.setId, uptime.firstEpoch, uptime.lastEpoch, uptime.epochs, uptime.until
            ),
            keccak256(missed)
        );
    }

    /// @dev Moves the set's account on; the seconds that are paid for.
    function _advance(UptimeReport calldata uptime) private returns (uint256 duration) {
        Account storage account = _sets[uptime.setId];
        uint48 from = account.until == 0 ? registry.sealedAt(uptime.setId) : account.until;
        uint48 end = registry.sealedAt(uptime.setId + 1);
        bool ahead = uptime.until > block.timestamp || (end != 0 && uptime.until > end);
        if (
            uptime.epochs == 0 || uptime.firstEpoch <= account.lastEpoch
                || uptime.lastEpoch < uptime.firstEpoch || uptime.until <= from || ahead
        ) {
            revert ReportOutOfOrder(uptime.setId, account.lastEpoch, from);
        }
        duration = uptime.until - from;
        account.lastEpoch = uptime.lastEpoch;
        account.until = uptime.until;
        // forge-lint: disable-next-line(unsafe-typecast)
        account.index += uint128(duration * rate);
    }

    function _checkSet(GuardianSet calldata set) private view {
        if (registry.setHashes(set.setId) != keccak256(abi.encode(set))) {
            revert UnknownSet(set.setId);
        }
    }

    function _checkAbsences(UptimeReport calldata uptime, Absences calldata absences) private view {
        if (absences.set.setId != uptime.setId) revert UnknownSet(absences.set.setId);
        _checkSet(absences.set);
        if (absences.absent.length != uptime.missed.length) revert MalformedReport();
        if (absences.absent.length == 0) return;
        QuorumProofs.checkMembers(
            absences.absent, absences.proof, absences.proofFlags, absences.set.root
        );
    }

    function _reduce(
        UptimeReport calldata uptime,
        AbsentMember calldata member,
        uint32 missed,
        uint256 earnedPerStake
    ) private {
        if (missed == 0 || missed > uptime.epochs) revert MalformedReport();
        uint256 amount = Math.ceilDiv(
            uint256(member.stake) * earnedPerStake * missed, WHOLE * YEAR * uptime.epochs
        );
        _reduced[uptime.setId][member.guardian] += amount;
        emit RewardReduced(member.guardian, uptime.setId, missed, amount);

        bool tooLow = (uptime.epochs - missed) * WHOLE < uint256(uptime.epochs) * leastUptime;
        if (tooLow && uptime.epochs >= leastEpochs) {
            registry.jail(member.guardian, uint48(block.timestamp) + jailPeriod);
        }
    }

    function _setRate(uint16 rate_) private {
        if (rate_ < LEAST_RATE || rate_ > MOST_RATE) {
            revert RateOutOfBounds(rate_, LEAST_RATE, MOST_RATE);
        }
        rate = rate_;
        emit RateChanged(rate_);
    }

    function _setJailRules(uint16 leastUptime_, uint32 leastEpochs_, uint48 jailPeriod_) private {
        if (leastUptime_ > WHOLE) revert ShareTooHigh(leastUptime_);
        leastUptime = leastUptime_;
        leastEpochs = leastEpochs_;
        jailPeriod = jailPeriod_;
        emit JailRulesChanged(leastUptime_, leastEpochs_, jailPeriod_);
    }
}
