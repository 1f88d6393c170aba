"""What an epoch costs as rollups, shards and guardians grow; ``simulation.py`` makes the epochs."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from benchmarks.harness import Figure, median
from benchmarks.simulation import Round, Simulation
from control_plane.domain import bls

GUARDIANS: Final = 500
_ROUND_LIMIT, _SHARD_LIMIT, _WRONG_LIMIT = 60.0, 35.0, 25.0
"""What CI holds them to, in pairing checks of the same run."""
_GROWTH: Final = ((10, 0, 500), (1000, 0, 500), (10_000, 100, 500), (100, 0, 4), (100, 0, 32))
"""Rollups, shards and guardians."""


@dataclass
class _Measured:
    """Rounds of one simulation, and what a pairing took between them, in milliseconds."""

    simulation: Simulation
    rounds: list[Round] = field(default_factory=list)
    pairings: list[float] = field(default_factory=list)

    def repeat(self, times: int, wrong: Sequence[int] = ()) -> "_Measured":
        asyncio.run(self.simulation.measure(wrong))  # the first one reads every key
        for _ in range(times):
            self.pairings += [_pairing() for _ in range(3)]
            self.rounds.append(asyncio.run(self.simulation.measure(wrong)))
        return self

    def median(self, part: Callable[[Round], float]) -> float:
        return median([part(each) for each in self.rounds])

    def figure(self, name: str, value: float, target: float | None, limit: float | None) -> Figure:
        base = median(self.pairings)
        return Figure(name, value, "ms", base, "one pairing check", target, limit=limit)


def _pairing() -> float:
    secret, digest = bls.SecretKey(bytes(32)), bytes(32)
    signature = secret.sign(digest)
    began = time.perf_counter()
    bls.verify(secret.key, digest, signature)
    return 1000 * (time.perf_counter() - began)


def measure(smoke: bool) -> list[Figure]:
    """100 rollups × 500 guardians, 1,000 in shards, a wrong signature; growth when not smoke."""
    repeats = 5 if smoke else 9
    figures = _hundred(repeats, (1,) if smoke else (1, 10)) + _sharded(1000, 10, repeats)
    for rollups, shards, guardians in () if smoke else _GROWTH:
        found = _Measured(Simulation(rollups, shards, guardians)).repeat(5)
        name = f"round of {rollups} rollups" + (f" in {shards} shards" if shards else "")
        whole = found.median(lambda each: each.whole)
        figures.append(found.figure(f"{name}, {guardians} guardians", whole, None, None))
    return figures


def _hundred(repeats: int, wrong: Sequence[int]) -> list[Figure]:
    simulation = Simulation(100, 0, GUARDIANS)
    plain = _Measured(simulation).repeat(repeats)
    name = f"round of 100 rollups, {GUARDIANS} guardians"
    parts: list[tuple[str, Callable[[Round], float], float | None, float | None]] = [
        (f"{name}: aggregator and one guardian", lambda e: e.whole, 100, _ROUND_LIMIT),
        ("— of it the aggregator", lambda e: e.aggregator, None, None),
        ("— of it the guardian", lambda e: e.guardian, None, None),
    ]
    figures = [plain.figure(name, plain.median(part), *held) for name, part, *held in parts]
    for count in wrong:
        bad = sorted(GUARDIANS - 1 - 37 * at for at in range(count))
        found = _Measured(simulation).repeat(repeats, bad)
        more = found.median(lambda e: e.collect) - plain.median(lambda e: e.collect)
        name = f"{count} wrong among {GUARDIANS} signatures: more than none"
        figures.append(found.figure(name, more, None, _WRONG_LIMIT if count == 1 else None))
    return figures


def _sharded(rollups: int, shards: int, repeats: int) -> list[Figure]:
    found = _Measured(Simulation(rollups, shards, GUARDIANS)).repeat(repeats)
    whole = found.median(lambda each: each.whole)
    name = f"round of {rollups} rollups in {shards} shards, {GUARDIANS} guardians: a shard"
    return [
        found.figure(name, whole / shards, 50, _SHARD_LIMIT),
        found.figure("— all shards and the root", whole, None, None),
    ]
