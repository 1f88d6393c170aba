"""Homes for tests of whole devnets."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.home import Home, new_home


@pytest.fixture(scope="session", autouse=True)
def _warm() -> None:
    """Anvil is fetched before anything is timed."""
    from control_plane.adapters.engine.anvil_binary import resolve_anvil

    resolve_anvil()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here drives whole devnets."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture
def home() -> Iterator[Home]:
    """A home for one test."""
    with new_home() as made:
        yield made


@pytest.fixture(scope="module")
def shared_home() -> Iterator[Home]:
    """A home for all tests of a module."""
    with new_home() as made:
        yield made
