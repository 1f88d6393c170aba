"""Every choice that settlement offers, beside every other one that goes with it.

In pairs by default; `make test-matrix` has all combinations. Each takes a deposit and transactions,
batches, finalizes an output, pays a withdrawal, and is rebuilt from its data.
"""

import itertools
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, get_args

import pytest

from control_plane.domain.spec_rollup import PROOFS
from control_plane.schemas.spec import DataAvailability
from tests.acceptance.world import ALICE, until
from tests.e2e.home import Home, new_home
from tests.nodes import find_op_geth

_TOGETHER = 6
"""Rollups of one devnet."""
_ENGINES = {"op-stack": ("op-geth", "anvil")}
"""Of frameworks that run on more than one; the first is chosen where any would do."""
_OWN = {"symbol": "SATS", "decimals": 8}
"""A token that a spec describes."""
_GAS_TOKENS = ("ETH", "ERA", "USDC", str(_OWN["symbol"]))


class Choice(NamedTuple):
    framework: str
    da: str
    proof: str
    engine: str
    gas_token: str

    @property
    def name(self) -> str:
        """Of its rollup."""
        da = self.da.removeprefix("ethereum-")
        engine = "" if self.engine == "anvil" else f"-{self.engine.rpartition('-')[2]}"
        coin = "" if self.gas_token == "ETH" else f"-{self.gas_token.lower()}"
        return f"{self.framework.partition('-')[0]}-{da}-{self.proof}{engine}{coin}"


def every() -> list[Choice]:
    return [
        Choice(framework, da, proof, engine, gas_token)
        for framework, proofs in PROOFS.items()
        for da in get_args(DataAvailability)
        for proof in proofs
        for engine in _ENGINES.get(framework, ("anvil",))
        for gas_token in _GAS_TOKENS
    ]


def pairs_of(choice: Choice) -> set[tuple[str, str]]:
    return set(itertools.combinations(choice, 2))


def pairwise(choices: Sequence[Choice]) -> list[Choice]:
    """Few of them that have every pair of values that any of them has."""
    missing = set().union(*map(pairs_of, choices))
    found = []
    while missing:
        best = max(choices, key=lambda choice: len(pairs_of(choice) & missing))
        found.append(best)
        missing -= pairs_of(best)
    return found


def rows() -> list[list[Choice]]:
    chosen = every() if os.environ.get("CALDERA_MATRIX") == "all" else pairwise(every())
    return [chosen[at : at + _TOGETHER] for at in range(0, len(chosen), _TOGETHER)]


def test_pairs_are_all_there() -> None:
    wanted, found = set().union(*map(pairs_of, every())), pairwise(every())
    assert set().union(*map(pairs_of, found)) == wanted
    assert len(found) < len(every())


@pytest.fixture
def home() -> Iterator[Home]:
    with new_home() as made:
        yield made


def spec_of(choices: Sequence[Choice]) -> str:
    rollups = [
        {"name": choice.name, **choice._asdict()}
        | ({"finalization_window": 2} if choice.proof == "fraud" else {})
        for choice in choices
    ]
    used = [_OWN] if any(choice.gas_token == _OWN["symbol"] for choice in choices) else []
    spec = {"version": 1, "name": "net", "save_interval": 1, "rollups": rollups, "tokens": used}
    return json.dumps(spec)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("choices", rows(), ids=lambda row: f"{row[0].name}+{len(row) - 1}")
def test_each_settles(home: Home, choices: list[Choice]) -> None:
    if any(choice.engine == "op-geth" for choice in choices):
        find_op_geth()
    (home.home / "net.yaml").write_text(spec_of(choices))
    home.run("up", "net.yaml", timeout=180)
    home.run("faucet", ALICE, "--on", "l1", "--token", "ERA", "--amount", "100")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda choice: settle(home, choice.name), choices))
    for choice in choices:
        assert rebuilt(home, choice.name), choice


def settle(home: Home, rollup: str) -> None:
    """Money in, a message, money out."""
    home.run("bridge", "deposit", "--on", rollup, "--amount", "2", "--wait", timeout=120)
    home.run(
        "message", "send", rollup, "l1", "--body", "0x01", "--wait", "--timeout=90", timeout=120
    )
    out = ("bridge", "withdraw", "--on", rollup, "--amount", "1", "--wait", "--timeout=150")
    done = json.loads(home.run(*out, "--json", timeout=180).stdout)
    assert done["state"] == "finalized", done


def rebuilt(home: Home, rollup: str) -> bool:
    """Whether `verify` computes every block that is posted."""

    def verified() -> dict[str, Any]:
        done = home.run("verify", rollup, "--json", check=False, timeout=120)
        found = json.loads(done.stdout)
        assert "verified" in found, (rollup, found, done.stderr)
        return dict(found["verified"])

    until(lambda: verified()["transactions"] > 2, 60, f"blocks of {rollup} are posted")
    return True
