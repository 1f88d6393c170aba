"""One devnet a cell for the whole suite: what reads goes first, what ends it goes last."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.cells import CELLS, Cell
from tests.conformance.client import Wallet
from tests.conformance.devnet import Devnet, running
from tests.e2e.messages import At

_ORDER = (
    "test_same",
    "test_reading",
    "test_writing",
    "test_messages",
    "test_lifecycle",
    "test_down",
)


def pytest_configure(config: pytest.Config) -> None:
    """The suite's own marker."""
    config.addinivalue_line("markers", "mixed: holds for devnets with two engines too")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every cell for every test; those with two engines where it says `mixed`."""
    if "cell" not in metafunc.fixturenames:
        return
    mixed = metafunc.definition.get_closest_marker("mixed") is not None
    chosen = [cell for cell in CELLS if mixed or not cell.mixed]
    metafunc.parametrize("cell", chosen, ids=lambda cell: cell.name, scope="session")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Cell by cell, and within one in the order in which one devnet can serve them all."""
    here = Path(__file__).parent
    places = [at for at, item in enumerate(items) if here in item.path.parents]
    ours = [items[at] for at in places]
    for item in ours:
        item.add_marker(pytest.mark.e2e)
        item.add_marker(pytest.mark.timeout(180))
    for at, item in zip(places, sorted(ours, key=_place), strict=True):
        items[at] = item


def _place(item: pytest.Item) -> tuple[int, int]:
    cell = item.callspec.params.get("cell") if hasattr(item, "callspec") else None
    return CELLS.index(cell) if cell else -1, _ORDER.index(item.path.stem)


@pytest.fixture(scope="session")
def shared(cell: Cell) -> Iterator[Devnet]:
    """The cell's devnet."""
    lack = cell.missing()
    if lack:
        pytest.skip(f"{cell.name}: {lack}")
    with running(cell) as made:
        yield made


@pytest.fixture
def devnet(shared: Devnet) -> Devnet:
    """The cell's devnet, ready."""
    shared.ready()
    return shared


@pytest.fixture
def a(devnet: Devnet) -> At:
    """The rollup that makes a block as soon as a transaction waits."""
    return devnet.chains["a"]


@pytest.fixture
def b(devnet: Devnet) -> At:
    """The rollup that makes a block every second."""
    return devnet.chains["b"]


@pytest.fixture
def wallet(devnet: Devnet) -> Wallet:
    """A listed account that nothing else here uses."""
    return devnet.wallets[3]
