// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {AbsentMember, GuardianSet, QuorumProof} from "../../metalayer/interfaces/IRootVerifier.sol";
import {IRootVerifier} from "../../metalayer/interfaces/IRootVerifier.sol";
import {IGuardianRegistry} from "./IGuardianRegistry.sol";

/// @notice How often the members of a guardian set signed, from the last report on it to `until`.
/// @param setId The set that is reported on.
/// @param firstEpoch First epoch that is counted; above the last one of the report before.
/// @param lastEpoch Last epoch that is counted.
/// @param epochs Certificates of this set among them.
/// @param until End of the time that is paid for, in seconds.
/// @param missed Of each member in `absent`, how many of the certificates name it absent.
struct UptimeReport {
    uint64 setId;
    uint64 firstEpoch;
    uint64 lastEpoch;
    uint32 epochs;
    uint48 until;
    uint32[] missed;
}

/// @notice Shows which members a report's `missed` is about.
/// @param set The set, as the registry sealed it.
/// @param absent Its members that missed something, ascending by index.
/// @param proof Multi-proof of their hashes against the set's root, with `proofFlags`.
struct Absences {
    GuardianSet set;
    AbsentMember[] absent;
    bytes32[] proof;
    bool[] proofFlags;
}

/// @title Rewards of guardians, by stake and uptime, and jails for those that are not there
/// @notice A member of a set earns `rate()` a year on the stake that counts in the set, times the share of
/// certificates that it signed. How many those are says a report that more than two thirds of the stake of the
/// current set signed: the quorum is trusted for the counts, nobody for the sums. What is paid comes
/// from the ERA that this contract holds; anybody may send some. Formats: docs/formats.md.
interface IGuardianRewards {
    /// @notice A report was taken: every member of the set earned `rate` for `duration` seconds, but what its
    /// absences cost it.
    event UptimeReported(
        uint64 indexed setId, uint64 lastEpoch, uint32 epochs, uint256 duration, uint16 rate
    );

    /// @notice A member earns `amount` wei less, for it missed `missed` certificates.
    event RewardReduced(
        address indexed guardian, uint64 indexed setId, uint32 missed, uint256 amount
    );

    /// @notice A guardian was paid.
    event RewardPaid(address indexed guardian, uint64 indexed setId, uint256 amount);

    /// @notice The yearly rate changed, in hundredths of a percent.
    event RateChanged(uint16 rate);

    /// @notice The rules of jail changed.
    event JailRulesChanged(uint16 leastUptime, uint32 leastEpochs, uint48 jailPeriod);

    /// @notice A rate lies between 8 and 15 percent a year.
    error RateOutOfBounds(uint16 rate, uint256 least, uint256 most);
    /// @notice A share is given in hundredths of a percent, at most all.
    error ShareTooHigh(uint16 share);
    /// @notice The set is not the one that the registry sealed under this id.
    error UnknownSet(uint64 setId);
    /// @notice The report's epochs or time do not follow on those of the report before, or lie ahead.
    error ReportOutOfOrder(uint64 setId, uint64 lastEpoch, uint48 reportedUntil);
    /// @notice The report does not fit together: as many counts as absences, none of them zero or above
    /// the number of certificates.
    error MalformedReport();
    /// @notice The guardian is no member of the set with this index and stake.
    error NotInSet(address guardian, uint64 setId);
    /// @notice Nothing is due, or there is nothing to pay it from.
    error NothingToPay(address guardian);

    /// @notice Takes a report that a quorum of the current set signed; jails whose uptime was too low. Anybody may
    /// call.
    function report(
        UptimeReport calldata uptime,
        Absences calldata absences,
        QuorumProof calldata quorum
    ) external;

    /// @notice Pays a member what it earned in a set, as far as there is ERA. Anybody may call.
    /// @param member The member as it stands in the set.
    /// @param proof Path of its hash to the set's root.
    function pay(GuardianSet calldata set, AbsentMember calldata member, bytes32[] calldata proof)
        external
        returns (uint256 amount);

    /// @notice Sets the yearly rate, in hundredths of a percent: 800 to 1,500. It holds from the last report on.
    function setRate(uint16 rate) external;

    /// @notice Sets who is jailed, and for how long.
    /// @param leastUptime Share of certificates that must be signed, in hundredths of a percent.
    /// @param leastEpochs A report on fewer certificates jails nobody.
    /// @param jailPeriod Seconds.
    function setJailRules(uint16 leastUptime, uint32 leastEpochs, uint48 jailPeriod) external;

    /// @notice What a member with `stake` wei in a set has earned there, and what of it was not paid yet.
    function earned(uint64 setId, address guardian, uint96 stake)
        external
        view
        returns (uint256 total, uint256 due);

    /// @notice What a quorum signs of a report: docs/formats.md.
    function digestOf(UptimeReport calldata uptime, AbsentMember[] calldata absent)
        external
        view
        returns (bytes32);

    function registry() external view returns (IGuardianRegistry);

    /// @notice Names the set whose quorum signs reports.
    function rootVerifier() external view returns (IRootVerifier);

    /// @notice Yearly rate, in hundredths of a percent.
    function rate() external view returns (uint16);

    function leastUptime() external view returns (uint16);

    function leastEpochs() external view returns (uint32);

    function jailPeriod() external view returns (uint48);

    /// @notice Last epoch that was counted of a set, and the time until which it is paid.
    function reported(uint64 setId) external view returns (uint64 lastEpoch, uint48 until);
}
