"""One devnet for all tests here that leave it as it was."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.world import World, new_world, spec


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    with new_world() as made:
        (made.home / "net.yaml").write_text(spec())
        made.run("up", "net.yaml")
        yield made


@pytest.fixture
def status(world: World) -> dict[str, Any]:
    return dict(world.json("status", "net"))
