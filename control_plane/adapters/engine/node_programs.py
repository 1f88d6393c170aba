"""The programs that a plan's nodes need, brought before any of them starts.

A build takes minutes: whoever waits is told how far it is, and one that goes away ends it.
"""

import asyncio
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from control_plane.domain.native_services import PROGRAMS
from control_plane.domain.plan import Plan
from control_plane.domain.ports.provision import Say

_AT_HAND: Final = frozenset({"anvil", "external"})
"""Found or fetched in a moment, when the first node starts."""


class NodePrograms:
    """Implements ``ports.provision.Programs`` for plain processes."""

    def __init__(self, cache: Path, environ: Mapping[str, str]) -> None:
        self._cache = cache
        self._environ = environ

    def of(self, plan: Plan) -> tuple[str, ...]:
        """See the port."""
        if plan.runtime != "process":
            return ()
        wanted = {chain.engine for chain in plan.chains} - _AT_HAND
        if any(chain.services == "native" for chain in plan.chains):
            wanted |= set(PROGRAMS)
        return tuple(sorted(wanted))

    async def bring(self, name: str, plan: Plan, say: Say) -> None:
        """See the port."""
        from control_plane.adapters.engine.binaries import resolve_program

        chosen = plan.engine(name).path
        loop = asyncio.get_running_loop()
        lines: asyncio.Queue[str] = asyncio.Queue()
        gone = threading.Event()

        def note(line: str) -> None:
            with suppress(RuntimeError):  # the loop ended before the build noticed
                loop.call_soon_threadsafe(lines.put_nowait, line)

        teller = asyncio.create_task(_tell(lines, say), name=f"building {name}")
        try:
            await asyncio.to_thread(
                resolve_program,
                name,
                named=None if chosen is None else Path(chosen),
                cache=self._cache,
                environ=self._environ,
                progress=note,
                stop=gone,
            )
        finally:
            gone.set()
            teller.cancel()
            await asyncio.gather(teller, return_exceptions=True)


async def _tell(lines: "asyncio.Queue[str]", say: Say) -> None:
    while True:
        await say(await lines.get())
