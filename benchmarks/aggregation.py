"""What an epoch costs as rollups, shards and guardians grow; ``simulation.py`` makes the epochs."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from benchmarks.harness import Figure, median
from benchmarks.simulation import Round, Simulation
from control_plane.domain import bls

GUARDIANS: Final = 500
_ROUND_LIMIT, _SHARD_LIMIT, _WRONG_LIMIT = 60.0, 35.0, 25.0
"""What CI holds them to, in pairing checks of the same run."""
_BASE: Final = "one pairing check"


def _pairing() -> float:
    """Milliseconds of checking one signature, whatever else is remembered."""
    secret = bls.SecretKey(bytes(32))
    digest = bytes(32)
    signature = secret.sign(digest)
    taken = []
    for _ in range(20):
        began = time.perf_counter()
        bls.verify(secret.key, digest, signature)
        taken.append(1000 * (time.perf_counter() - began))
    return median(taken)


def _rounds(simulation: Simulation, repeats: int, wrong: Sequence[int] = ()) -> list[Round]:
    asyncio.run(simulation.measure(wrong))  # the first one reads every key
    return [asyncio.run(simulation.measure(wrong)) for _ in range(repeats)]


def measure(smoke: bool) -> list[Figure]:
    """100 rollups × 500 guardians, 1,000 in shards, a wrong signature; growth when not smoke."""
    repeats = 3 if smoke else 9
    base = _pairing()
    hundred = Simulation(100, 0, GUARDIANS)
    plain = _rounds(hundred, repeats)
    whole = median([each.whole for each in plain])
    collect = median([each.collect for each in plain])
    figures = [
        Figure(
            f"round of 100 rollups, {GUARDIANS} guardians: aggregator and one guardian",
            whole,
            "ms",
            base,
            _BASE,
            100,
            limit=_ROUND_LIMIT,
        ),
        Figure("— of it the aggregator", median([e.aggregator for e in plain]), "ms", base, _BASE),
        Figure("— of it the guardian", median([e.guardian for e in plain]), "ms", base, _BASE),
    ]
    for count in (1,) if smoke else (1, 10):
        wrong = [GUARDIANS - 1 - 37 * at for at in reversed(range(count))]
        found = median([each.collect for each in _rounds(hundred, repeats, wrong)])
        figures.append(
            Figure(
                f"{count} wrong among {GUARDIANS} signatures: more than none",
                found - collect,
                "ms",
                base,
                _BASE,
                limit=_WRONG_LIMIT if count == 1 else None,
            )
        )
    return figures + _sharded(1000, 10, repeats, base) + ([] if smoke else _growth(base))


def _sharded(rollups: int, shards: int, repeats: int, base: float) -> list[Figure]:
    rounds = _rounds(Simulation(rollups, shards, GUARDIANS), repeats)
    whole = median([each.whole for each in rounds])
    return [
        Figure(
            f"round of {rollups} rollups in {shards} shards, {GUARDIANS} guardians: a shard",
            whole / shards,
            "ms",
            base,
            _BASE,
            50,
            limit=_SHARD_LIMIT,
        ),
        Figure("— all shards and the root", whole, "ms", base, _BASE),
    ]


def _growth(base: float) -> list[Figure]:
    figures = []
    for rollups, shards, guardians in (
        (10, 0, GUARDIANS),
        (1000, 0, GUARDIANS),
        (10_000, 100, GUARDIANS),
        (100, 0, 4),
        (100, 0, 32),
    ):
        rounds = _rounds(Simulation(rollups, shards, guardians), 3)
        name = f"round of {rollups} rollups" + (f" in {shards} shards" if shards else "")
        whole = median([each.whole for each in rounds])
        figures.append(Figure(f"{name}, {guardians} guardians", whole, "ms", base, _BASE))
    return figures
