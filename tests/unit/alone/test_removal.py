"""A devnet that is removed while others still write into its directory is gone for good."""

import asyncio
import logging
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from control_plane.adapters.alone.address import Address
from control_plane.adapters.alone.description import DIRECTORY
from control_plane.adapters.alone.hosting import Hosting
from control_plane.adapters.alone.lease import lease
from control_plane.adapters.trees import remove_tree
from control_plane.domain.errors import StorageFailed
from control_plane.domain.hub import Hub
from control_plane.services.agent_log import AgentLogHandler, LoggedAs, logged_as
from tests.unit.alone.test_description import KEYS, network


class Slow(list[Any]):
    """Guardians whose keys take as long as the test wants."""

    asked = threading.Event()
    may = threading.Event()

    def __iter__(self) -> Iterator[Any]:
        self.asked.set()
        assert self.may.wait(10)
        return super().__iter__()


async def test_sharing_ends_when_nothing_is_written_any_more(tmp_path: Path) -> None:
    """Shared for the first time at the very moment at which the devnet is taken down."""
    root = tmp_path / "devnets" / "shop"
    slow: Any = Slow(KEYS.guardians)
    hosting = Hosting("sqlite:///caldera.db", lambda: None)
    sharing = asyncio.create_task(
        hosting(network(), replace(KEYS, guardians=slow), Hub(), root / DIRECTORY)
    )
    await asyncio.to_thread(slow.asked.wait, 10)
    sharing.cancel()
    done, _ = await asyncio.wait({sharing}, timeout=0.05)
    assert not done, "its thread would write into a devnet that is gone"
    slow.may.set()
    await asyncio.wait({sharing}, timeout=10)
    assert sharing.cancelled()
    remove_tree(root)
    assert not root.exists()


def test_tree_goes_although_others_write_into_it(tmp_path: Path) -> None:
    """As an agent alone does that takes the hub over and says so in its log."""
    for _ in range(20):
        root = tmp_path / "devnets" / "shop"
        (root / DIRECTORY).mkdir(parents=True)
        (root / "nodes").mkdir()
        for number in range(50):
            (root / "nodes" / str(number)).touch()
        with _agent_alone(tmp_path, root):
            remove_tree(root)
            assert not root.exists()
        assert not root.exists(), "somebody made it again"


@contextmanager
def _agent_alone(home: Path, root: Path) -> Iterator[None]:
    """It goes on writing all that an agent does."""
    begun, end = threading.Event(), threading.Event()
    socket = Address(path=root / DIRECTORY / "hub.sock")
    handler = AgentLogHandler(home)
    handler.handleError = lambda record: None  # type: ignore[method-assign]
    line = logging.LogRecord("agent", logging.INFO, "", 0, "it serves the hub", (), None)

    def work() -> None:
        logged_as.set(LoggedAs("shop", "relayer"))
        more = 50
        while more and not (end.is_set() and (more := more - 1) == 0):
            with suppress(StorageFailed), lease(root / DIRECTORY, "relayer", "me"):
                pass
            with suppress(OSError):
                socket.make_room().touch()
            handler.emit(line)
            begun.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(10)
    try:
        yield
    finally:
        end.set()
        thread.join()


def test_tree_that_can_not_go_is_said_to_stay(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    root.mkdir()
    (root / "file").touch()
    stubborn = shutil.rmtree

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path / "file"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("control_plane.adapters.trees.shutil.rmtree", refuse)
        with pytest.raises(StorageFailed, match="can't be removed"):
            remove_tree(root)
    stubborn(root)
    remove_tree(root)  # nothing is there
