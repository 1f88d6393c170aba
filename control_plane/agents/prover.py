"""The prover of one rollup in validity mode: what it does not prove, the L1 does not take.

It follows what is posted in a process of its own, which executes every block from the genesis on
and holds the key. So a proof is there soon after it is asked for, and a block that is not what it
claims is known, and told, before anybody asks. An attestation prover: its proofs are signatures,
as good as that process and its key.
"""

import asyncio
import logging
import time

from control_plane.agents.pauses import Pauses
from control_plane.domain.errors import CalderaError, PermanentFailure, TemporaryFailure
from control_plane.domain.hub import Head, Hub, Missed, News, Reorged
from control_plane.domain.ports.agent import Publish
from control_plane.domain.ports.derivation import ProvingDerivation
from control_plane.domain.settlement.proofs import PublicInputs
from control_plane.domain.settlement.tracing import Reach

_PAUSE, _LONGEST_PAUSE = 0.25, 5.0

log = logging.getLogger(__name__)


class Prover:
    """Implements ``ports.agent.Agent`` and ``ports.proving.Proves``."""

    def __init__(
        self, rollup: str, l1: str, proving: ProvingDerivation, hub: Hub, publish: Publish
    ) -> None:
        """`rollup` and `l1` are chains' names."""
        self.name = f"{rollup}/prover"
        self.ready = asyncio.Event()
        self.problem: str | None = None
        self._l1 = l1
        self._proving = proving
        self._hub = hub
        self._publish = publish
        self._running = False
        self._told = Reach(0)
        """How far it was at the last proof."""
        self._refused: str | None = None
        """What was refused last, and told."""

    async def run(self) -> None:
        """Derive what is posted, whenever the L1 has a new block, until cancelled."""
        try:
            async with self._hub.listen() as news:
                self._running = True
                self.ready.set()  # whoever asks before the process has begun waits for it
                while True:
                    await self._follow()
                    await self._something_new(news)
        finally:
            self._running = False
            self.ready.clear()
            await self._proving.close()

    async def _something_new(self, news: "asyncio.Queue[News]") -> None:
        """What came meanwhile is the same news."""
        while not self._concerns(await news.get()):
            pass
        while not news.empty():
            news.get_nowait()

    def _concerns(self, item: News) -> bool:
        if isinstance(item, Head | Reorged):
            return item.chain == self._l1
        return isinstance(item, Missed)

    async def _follow(self) -> None:
        """Until all is derived that is posted now."""
        pauses = Pauses(_PAUSE, _LONGEST_PAUSE)
        while True:
            try:
                reach = await self._proving.follow()
            except CalderaError as error:
                self.problem = f"derives nothing: {error}"
                log.info("%s: %s", self.name, error)
                await pauses.wait()
                continue
            self.problem = f"proves nothing from there on: {reach.wrong}" if reach.wrong else None
            return

    async def prove(self, inputs: PublicInputs, first: int, last: int) -> bytes:
        """See the port."""
        if not self._running:
            raise TemporaryFailure(f"{self.name} is stopped")
        began = time.monotonic()
        try:
            proof = await self._proving.prove(inputs, first, last)
        except PermanentFailure as error:
            await self._refuse(last, error)
            raise
        seconds = time.monotonic() - began
        reach, before = await self._proving.follow(), self._told
        self._told = reach
        data = {
            "from": first,
            "to": last,
            "transactions": max(0, reach.transactions - before.transactions),
            "executing": round(max(0.0, reach.seconds - before.seconds), 3),
            "seconds": round(seconds, 3),
            "trusted": "the prover's key",
        }
        await self._publish("batch.proven", data, service=self.name)
        return proof

    async def _refuse(self, block: int, error: PermanentFailure) -> None:
        """Told once, however often it is asked again."""
        self.problem = str(error)
        if self._refused == str(error):
            return
        self._refused = str(error)
        log.warning("%s: %s", self.name, error)
        data = {"block": block, "reason": error.detail}
        await self._publish("batch.not_proven", data, service=self.name)
