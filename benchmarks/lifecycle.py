"""How long it takes to bring devnets up, look at them, change them and take them down."""

import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.bare import bare_nodes
from benchmarks.harness import Figure, Home, median

WARM_LIMIT = 4.0
COLD_LIMIT = 12.0
"""What CI holds `up` to, as ratios to bare nodes of the same run."""


def genesis_files(home: Home, name: str) -> list[Path]:
    """The genesis of each chain of a devnet that is up, the L1 first."""
    nodes = home.directory / "devnets" / name / "nodes"
    status = home.json("status", name)
    chains = ["l1", *(rollup["name"] for rollup in status["rollups"])]
    return [nodes / chain / "genesis.json" for chain in chains]


def anvil_of(home: Home, name: str) -> str:
    """The Anvil binary that a devnet runs."""
    services = home.json("status", name)["services"]
    return str(next(s["command"][0] for s in services if s["kind"] == "node"))


def measure(home: Home, repeats: int) -> list[Figure]:
    """Cold, warm, down, status, one more rollup; leaves nothing running. What is held to a ratio is
    measured in turn with the bare nodes: the machine may be slower for a while."""
    home.run("up")  # makes the home, whose database stays
    files, anvil = genesis_files(home, "default"), anvil_of(home, "default")
    kept = [keep(file, home.directory / f"genesis-{i}.json") for i, file in enumerate(files)]
    cold, bare_by_cold = [], []
    for _ in range(max(5, repeats // 2)):
        home.run("down", "--all", "-y")
        home.stop_daemon()
        with bare_nodes(anvil, kept) as (_, seconds):
            bare_by_cold.append(seconds)
        cold.append(home.timed("up"))
    status = [home.timed("status", "default", "--json") for _ in range(repeats)]
    added = [_add_rollup(home, index) for index in range(max(2, repeats // 2))]
    down = [home.timed("down", "default", "-y")]
    warm, bare = [], []
    with home.serving():
        home.run("up")  # the first one still imports
        home.run("down", "default", "-y")
        for _ in range(repeats):
            with bare_nodes(anvil, kept) as (_, seconds):
                bare.append(seconds)
            warm.append(home.timed("up"))
            down.append(home.timed("down", "default", "-y"))
    base, name = median(bare), f"{len(kept)} bare Anvils answer"
    cold_base = median(bare_by_cold)
    return [
        Figure("up, warm daemon", median(warm), "s", base, name, 0.6, limit=WARM_LIMIT),
        Figure("up, cold", median(cold), "s", cold_base, name, 2.0, limit=COLD_LIMIT),
        Figure("one more rollup", median(added), "s", base, name, 0.3),
        Figure("down", median(down), "s", base, name, 0.3),
        Figure("status", median(status), "s", base, name, 0.15),
    ]


def keep(source: Path, target: Path) -> Path:
    """A copy, for when the devnet is gone."""
    target.write_bytes(source.read_bytes())
    return target


def _add_rollup(home: Home, index: int) -> float:
    return home.timed("rollup", "add", f"extra{index}", "--devnet", "default")


def measure_many(home: Home, count: int) -> list[Figure]:
    """`count` devnets of the default template, started side by side by one command each."""
    names = [f"many{index}" for index in range(count)]
    began = time.perf_counter()
    running = [home.start("up", "--name", name) for name in names]
    codes = [process.wait(timeout=300) for process in running]
    seconds = time.perf_counter() - began
    failed = [name for name, code in zip(names, codes, strict=True) if code]
    if failed:
        raise RuntimeError(f"these devnets did not come up: {failed}")
    base = _bare_many(home, names)
    home.run("down", "--all", "-y")
    label = f"{4 * count} bare Anvils answer"
    target = 10.0 if count == 10 else None
    return [Figure(f"{count} devnets of three rollups at once", seconds, "s", base, label, target)]


def _bare_many(home: Home, names: Sequence[str]) -> float:
    files = [file for name in names for file in genesis_files(home, name)]
    anvil = anvil_of(home, names[0])
    kept = [keep(file, home.directory / f"many-{i}.json") for i, file in enumerate(files)]
    home.run("down", "--all", "-y")
    with bare_nodes(anvil, kept) as (_, seconds):
        return seconds
