"""The parts of a run: each measures on its own, or is skipped by name where it can't."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from benchmarks import (
    aggregation,
    batches,
    bridge,
    compose,
    deposits,
    deriving,
    disputes,
    op_geth,
    proofs,
    sealing,
    settlement,
    shards,
    switching,
    throughput,
)
from benchmarks.harness import Figure, new_home
from benchmarks.lifecycle import measure, measure_many
from benchmarks.messages import measure_instant, measure_paced
from benchmarks.mixed import measure_messages, measure_six


@dataclass(frozen=True)
class Group:
    """One part of a run."""

    name: str
    run: Callable[[bool], list[Figure]]
    """With few repeats when True."""
    lacks: Callable[[], str | None] = lambda: None
    """Why it can't run on this machine; None: it can."""


def _up(smoke: bool) -> list[Figure]:
    with new_home() as home:
        return measure(home, 7 if smoke else 11)


def _messages(smoke: bool) -> list[Figure]:
    with new_home() as home:
        instant = measure_instant(home, *((10, 100) if smoke else (100, 1000)))
        return instant + measure_paced(home, 6 if smoke else 100)


def _throughput(smoke: bool) -> list[Figure]:
    with new_home() as home:
        return throughput.measure(home, smoke)


def _batches(smoke: bool) -> list[Figure]:
    with new_home() as home:
        found = batches.measure(home, smoke)
        return found + sealing.measure(home, *((5, 1000) if smoke else (9, 2000)))


def _deriving(smoke: bool) -> list[Figure]:
    with new_home() as home:
        return deriving.measure(home, smoke)


def _settlement(smoke: bool) -> list[Figure]:
    with new_home() as home:
        return settlement.measure(home, smoke)


def _deposits(smoke: bool) -> list[Figure]:
    with new_home() as home:
        return deposits.measure(home, smoke)


def _switching(smoke: bool) -> list[Figure]:
    with new_home() as home:
        return switching.measure(home, smoke)


def _bridge(smoke: bool) -> list[Figure]:
    with new_home() as home:
        return bridge.measure(home, smoke)


def _disputes(smoke: bool) -> list[Figure]:
    with new_home() as home:
        return disputes.measure(home, smoke)


def _many(smoke: bool) -> list[Figure]:
    with new_home() as home:
        return measure_many(home, 2 if smoke else 10)


def _mixed(smoke: bool) -> list[Figure]:
    with new_home() as home:
        return measure_messages(home, 8 if smoke else 20) + measure_six(home)


def _compose(smoke: bool) -> list[Figure]:
    with new_home() as home:
        return compose.measure(home, smoke)


def _op_geth(smoke: bool) -> list[Figure]:
    with new_home() as home:
        return op_geth.measure(home, smoke)


def _shards(smoke: bool) -> list[Figure]:
    with new_home() as home:
        return shards.measure(home, 3 if smoke else 15)


def _lacks_docker() -> str | None:
    if shutil.which("docker") is None:
        return "there is no docker command"
    done = subprocess.run(["docker", "version"], capture_output=True, timeout=30, check=False)
    return None if done.returncode == 0 else "no Docker engine answers"


def _lacks_op_geth() -> str | None:
    from control_plane.adapters.engine.binaries import resolve_program
    from control_plane.adapters.engine.program_cache import cache_dir
    from control_plane.domain.errors import MissingDependency

    cache = cache_dir(os.environ)
    try:
        resolve_program("op-geth", named=None, cache=cache, environ=os.environ, build=False)
    except MissingDependency as error:
        return f"{error.title}; {error.hint}"
    return None


GROUPS: Final = (
    Group("up", _up),
    Group("messages", _messages),
    Group("throughput", _throughput),
    Group("proofs", proofs.measure, proofs.lacks),
    Group("batches", _batches),
    Group("disputes", _disputes),
    Group("deriving", _deriving),
    Group("settlement", _settlement),
    Group("switching", _switching),
    Group("deposits", _deposits),
    Group("bridge", _bridge),
    Group("many", _many),
    Group("shards", _shards),
    Group("aggregation", aggregation.measure),
    Group("compose", _compose, _lacks_docker),
    Group("op-geth", _op_geth, _lacks_op_geth),
    Group("mixed", _mixed, _lacks_op_geth),
)
