"""Steps of a devnet's way up: recorded when they end, timed, and walkable by a fault test."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from control_plane.domain.ports.agent import Publish
from control_plane.domain.ports.store import Database
from control_plane.domain.records import StepRecord
from control_plane.domain.states import StepState

Fault = Callable[[str], None]
"""Called with ``before:STEP`` and ``after:STEP``; a test's chance to kill this process there."""


def no_fault(boundary: str) -> None:
    """The fault that never happens."""


@dataclass(slots=True)
class Steps:
    """Records the steps of one devnet. A step is idempotent; its record tells where a start
    stands and how long each part took, it never stands in for looking at what really runs."""

    devnet: str
    database: Database
    publish: Publish
    fault: Fault = no_fault
    timings: dict[str, float] = field(default_factory=dict)

    @asynccontextmanager
    async def step(self, name: str) -> AsyncIterator[dict[str, Any]]:
        """Run the body as step `name`; what it puts into the yielded dict is kept as detail."""
        self.fault(f"before:{name}")
        started, clock = time.time(), time.monotonic()
        detail: dict[str, Any] = {}
        record = StepRecord(self.devnet, name, StepState.DONE, started)
        try:
            yield detail
        except BaseException as error:
            failed = {"error": f"{type(error).__name__}: {error}"}
            await self._put(
                replace(record, state=StepState.FAILED, ended_at=time.time(), detail=failed)
            )
            raise
        self.timings[name] = round((time.monotonic() - clock) * 1000, 1)
        await asyncio.gather(
            self._put(replace(record, ended_at=time.time(), detail=detail)),
            self.publish("step.done", {"step": name, "ms": self.timings[name]}),
        )
        self.fault(f"after:{name}")

    async def _put(self, record: StepRecord) -> None:
        async with self.database.begin() as unit:
            await unit.steps.put(record)
