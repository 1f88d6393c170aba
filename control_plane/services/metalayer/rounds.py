"""One round: a header proposed to all guardians, their answers, and the certificate or why not."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from control_plane.domain.aggregate import Aggregate
from control_plane.domain.bls import SecretKey
from control_plane.domain.formats import Certificate, EpochHeader, Leaf, Member
from control_plane.domain.network import FIRST_SET, GuardianKeys, Keys, Network
from control_plane.domain.ports.metalayer import Attester, Refusal
from control_plane.domain.quorum import Roster, Tally, is_quorum
from control_plane.domain.reads import Answer

_DEADLINE: Final = 5.0
_GRACE_EXPECTED: Final = 1.0
"""Seconds that a quorum waits for guardians that answered the last time."""
_GRACE_OTHERS: Final = 0.02
"""Seconds that it waits for those that did not."""


def make_roster(set_id: int, keys: Sequence[GuardianKeys], stake: int) -> Roster:
    """The guardian set of a devnet whose guardians all have the same stake, in ERA wei."""
    return Roster(
        set_id,
        [
            Member(
                index=guardian.index,
                guardian=bytes.fromhex(guardian.account.address[2:]),
                stake=stake,
                key=SecretKey(guardian.bls_seed).key,
            )
            for guardian in keys
        ],
    )


def founding_roster(network: Network, keys: Keys) -> Roster:
    """The guardian set that a devnet starts with."""
    plan = network.plan.metalayer.guardians
    return make_roster(FIRST_SET, keys.guardians[: plan.count], plan.stake)


@dataclass(frozen=True, slots=True)
class Proposal:
    header: EpochHeader
    digest: bytes
    """The header's hash."""
    aggregate: Aggregate
    parent: EpochHeader | None
    answers: tuple[Answer, ...] = ()
    """To reads of messages."""

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        """All leaves in the order of the trees."""
        return self.aggregate.leaves


@dataclass(frozen=True, slots=True)
class Outcome:
    """`certificate` is None when the quorum was missed."""

    certificate: Certificate | None
    signers: tuple[int, ...]
    absent: tuple[int, ...]
    reasons: dict[str, str]
    """Why each guardian that did not sign did not, by its name."""
    bad: tuple[int, ...] = ()
    """Guardians whose signature was none."""
    votes: tuple[tuple[Member, bytes], ...] = ()
    """Every signature that was given, valid or not."""


@dataclass(slots=True)
class Panel:
    """The guardians of a set, and who of them answered the last time."""

    roster: Roster
    attesters: Sequence[Attester]
    seats: Mapping[int, int] | None = None
    """Index in the set by the attester's number; None where each sits where its number says."""
    _silent: set[int] = field(default_factory=set)

    def seat(self, attester: Attester) -> int | None:
        """Its index in the set; None when it is not in the set."""
        if self.seats is not None:
            return self.seats.get(attester.index)
        return attester.index if attester.index < len(self.roster.members) else None

    def lacking(self) -> dict[str, str]:
        """Names of those known not to run, if without them there is no quorum; else nothing."""
        members = self.roster.members
        seated = {a: seat for a in self.attesters if (seat := self.seat(a)) is not None}
        there = sum(members[seat].stake for a, seat in seated.items() if a.available)
        if is_quorum(there, self.roster.guardian_set.total_stake):
            return {}
        known = set(seated.values())
        return {a.name: "it does not run" for a in seated if not a.available} | {
            f"0x{m.guardian.hex()}": "no process is known that signs for it"
            for m in members
            if m.index not in known
        }

    async def hold(self, proposal: Proposal) -> Outcome:
        """Ask all side by side. Once there is a quorum, only those that answered the last time
        are waited for, and not for long; nobody is waited for beyond the deadline."""
        tally = Tally(self.roster, proposal.digest)
        reasons: dict[str, str] = {}
        leaves = proposal.leaves
        tasks = {
            asyncio.create_task(
                a.check_and_sign(proposal.header, leaves, proposal.parent, proposal.answers),
                name=f"{a.name} epoch {proposal.header.epoch}",
            ): a
            for a in self.attesters
            if self.seat(a) is not None
        }
        try:
            await self._collect(tasks, tally, reasons)
        finally:
            late = [task for task in tasks if not task.done()]
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._silent = {tasks[task].index for task in late}
        reasons |= {tasks[task].name: "it did not answer in time" for task in late}
        names = {self.seat(attester): attester.name for attester in tasks.values()}
        return _close(proposal, tally, reasons, names)

    async def _collect(
        self,
        tasks: dict["asyncio.Task[bytes | Refusal]", Attester],
        tally: Tally,
        reasons: dict[str, str],
    ) -> None:
        """Count answers as they come; each costs the same however many are awaited."""
        clock = asyncio.get_running_loop().time
        until = clock() + _DEADLINE
        answers: asyncio.Queue[asyncio.Task[bytes | Refusal]] = asyncio.Queue()
        for task in tasks:
            task.add_done_callback(answers.put_nowait)
        pending, expected = len(tasks), sum(a.index not in self._silent for a in tasks.values())
        reached = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until) as limit:
                while pending:
                    task = await answers.get()
                    pending -= 1
                    expected -= tasks[task].index not in self._silent
                    _count(tasks[task], self.seat(tasks[task]), task, tally, reasons)
                    if tally.reached and not (reached and expected):
                        grace = _GRACE_EXPECTED if expected else _GRACE_OTHERS
                        until = min(until, clock() + grace)
                        limit.reschedule(until)
                        reached = True


def _count(
    attester: Attester,
    seat: int | None,
    task: "asyncio.Task[bytes | Refusal]",
    tally: Tally,
    reasons: dict[str, str],
) -> None:
    error = task.exception()
    if error is not None:
        reasons[attester.name] = f"{type(error).__name__}: {error}"
        return
    answer = task.result()
    if isinstance(answer, Refusal):
        reasons[attester.name] = answer.reason
    elif seat is not None:
        tally.add(seat, answer)


def _close(
    proposal: Proposal, tally: Tally, reasons: dict[str, str], names: Mapping[int | None, str]
) -> Outcome:
    """Verify all at once; take out whoever did not sign what was asked."""
    votes = tally.votes
    bad = tally.drop_invalid() if tally.reached else ()
    reasons |= {names[index]: "its signature is invalid" for index in bad}
    absent = tuple(member.index for member in tally.missing)
    certificate = Certificate(proposal.header, tally.proof()) if tally.reached else None
    return Outcome(certificate, tally.signers, absent, reasons, bad, votes)
