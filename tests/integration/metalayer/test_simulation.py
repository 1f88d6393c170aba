"""The simulation of large epochs: small here; what it leaves out would make its figures untrue."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.simulation import NotCertified, Simulation

pytestmark = pytest.mark.integration


@pytest.fixture
def simulation() -> Simulation:
    return Simulation(rollups=4, shards=2, guardians=7)


def test_an_epoch_is_certified_and_measured(simulation: Simulation) -> None:
    measured = asyncio.run(simulation.measure())
    assert (measured.rollups, measured.shards, measured.guardians) == (4, 2, 7)
    assert measured.whole > measured.guardian > 0
    assert asyncio.run(simulation.measure([3, 5])).wrong == 2


def test_without_a_quorum_there_is_no_certificate(simulation: Simulation) -> None:
    with pytest.raises(NotCertified, match="signed wrongly"):
        asyncio.run(simulation.measure([2, 3, 4]))


@pytest.mark.parametrize("field", ["state_root", "message_root", "message_count", "block_number"])
def test_a_false_leaf_is_refused(simulation: Simulation, field: str) -> None:
    node = simulation.nodes["ws://r2"]
    value = getattr(node.leaf, field)
    changed: Any = {field: value + 1 if isinstance(value, int) else bytes(32)}
    simulation.nodes["ws://r2"] = replace(node, leaf=replace(node.leaf, **changed))
    with pytest.raises(NotCertified, match="the guardian refuses: r2: "):
        asyncio.run(simulation.measure())
