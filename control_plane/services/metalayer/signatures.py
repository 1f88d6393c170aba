"""Guardians of a set asked side by side for their signatures under one digest."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from control_plane.domain.errors import Conflict
from control_plane.domain.formats import QuorumProof
from control_plane.domain.ports.metalayer import Refusal
from control_plane.domain.quorum import Tally
from control_plane.services.metalayer.lineup import Lineup


class Signer(Protocol):
    """A guardian, whatever it is asked to sign."""

    name: str
    index: int

    @property
    def available(self) -> bool: ...


S = TypeVar("S", bound=Signer)


async def collect(
    tally: Tally,
    lineup: Lineup,
    signers: Sequence[S],
    sign: Callable[[S], Awaitable[bytes | Refusal]],
    deadline: float,
) -> dict[str, str]:
    """Votes into the tally, of those who have a seat in the set. Whoever does not answer within
    `deadline` seconds is not waited for. Why the others did not sign, by name."""
    asked = [(s, lineup.seats[s.index]) for s in signers if s.index in lineup.seats]
    answers = await asyncio.gather(*(_ask(signer, sign, deadline) for signer, _ in asked))
    reasons: dict[str, str] = {}
    for (signer, seat), answer in zip(asked, answers, strict=True):
        if isinstance(answer, Refusal):
            reasons[signer.name] = answer.reason
        else:
            tally.add(seat, answer)
    return reasons


async def _ask(
    signer: S, sign: Callable[[S], Awaitable[bytes | Refusal]], deadline: float
) -> bytes | Refusal:
    if not signer.available:
        return Refusal("it does not run")
    try:
        async with asyncio.timeout(deadline):
            return await sign(signer)
    except TimeoutError:
        return Refusal("it did not answer in time")


def quorum_of(tally: Tally, reasons: dict[str, str], title: str) -> QuorumProof:
    """The proof of the votes that are valid. Conflict, of that title, names who did not sign and
    why, when they are too few."""
    if tally.reached:
        tally.drop_invalid()
    if not tally.reached:
        raise Conflict(title, told(reasons))
    return tally.proof()


def told(reasons: dict[str, str]) -> str:
    """Who is missing and why, in one line."""
    return "; ".join(f"{name}: {why}" for name, why in sorted(reasons.items()))
