"""Rotation: follows the guardian registry on L1 and takes every chain from set to set.

When something changed in the registry it has a set sealed, has the outgoing guardians sign the new
set's commitment, and writes the handover down. Then the L1's root verifier gets it; from then on
epochs are made with the new set, and every other chain is taken there step by step, however many
sets it missed. Killed anywhere it goes on from the database and the chains.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Protocol

from control_plane.agents.link import Link
from control_plane.agents.pauses import Pauses
from control_plane.domain.errors import CalderaError, TemporaryFailure
from control_plane.domain.hub import Hub, Missed, News, Reorged, SetCarried, SetChanged
from control_plane.domain.ids import Hex
from control_plane.domain.network import Chain, Network
from control_plane.domain.ports.agent import Publish
from control_plane.domain.ports.metalayer import Pending, SetSigner
from control_plane.domain.ports.node import Account, Connect
from control_plane.domain.ports.store import Database
from control_plane.domain.quorum import Roster
from control_plane.domain.records import GuardianSetRecord
from control_plane.services.metalayer.handover import Handover, agree, changes, install_call
from control_plane.services.metalayer.lineup import Lineup, SetBook
from control_plane.services.metalayer.registry import (
    SEAL_SET,
    active_guardians,
    can_seal,
    installed_id,
    read_sealed,
    sealed_id,
)

_GATHER: Final = 0.05
"""Seconds after a change in the registry for others that belong to it."""
_FIRST_LOOK: Final = 1.0
"""Seconds from the start: a devnet that becomes ready has better things to do."""
_CONNECT_DEADLINE: Final = 3.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_LATE: Final = 30.0
"""Seconds between two looks when nothing is told."""
_SEAL_GAS, _SEAL_GAS_EACH = 500_000, 40_000
_ROTATE_GAS: Final = 1_500_000
_ROTATE_GAS_EACH: Final = 30_000

log = logging.getLogger(__name__)


class Paying(Protocol):
    async def send(self, to: Hex, data: bytes, *, gas: int) -> Pending: ...


PayFrom = Callable[[Chain, Account], AbstractAsyncContextManager[Paying]]
"""A sender of one account on one chain, for a short while."""


@dataclass(frozen=True, slots=True)
class Means:
    """Who signs and who pays."""

    signers: Sequence[SetSigner]
    payer: Account
    """Sends what anybody may send."""
    governor: Account
    """Installs a set where the guardians can't hand over."""
    pay_from: PayFrom


class Rotation:
    """Implements ``ports.agent.Agent``."""

    def __init__(
        self,
        network: Network,
        founding: Roster,
        means: Means,
        connect: Connect,
        database: Database,
        hub: Hub,
        publish: Publish,
        clock: Callable[[], float],
    ) -> None:
        """`founding`: the first set."""
        self.name = "rotation"
        self.ready = asyncio.Event()
        self._network = network
        self._means = means
        self._connect = connect
        self._hub = hub
        self._publish = publish
        self._clock = clock
        self._book = SetBook(database, network.devnet, founding)
        self._l1 = Link(connect, network.chains[0])
        self._waits: str | None = None
        self._behind: dict[str, str] = {}
        """Why a chain does not have the set yet, by its name."""
        self._wake = asyncio.Event()
        self._carry = {str(chain.name): asyncio.Event() for chain in network.chains[1:]}

    @property
    def problem(self) -> str | None:
        """What the next set waits for, and which chains do not have the current one."""
        found = [self._waits] if self._waits else []
        return "; ".join([*found, *self._behind.values()]) or None

    async def run(self) -> None:
        """Follow the registry until cancelled."""
        try:
            async with self._hub.listen() as news, asyncio.TaskGroup() as group:
                active = await self._book.active(self._clock())
                if active.outgoing:
                    self._carry_all()
                for chain in self._network.chains[1:]:
                    group.create_task(self._keep(chain), name=f"sets of {chain.name}")
                group.create_task(self._watch(), name="registry")
                group.create_task(self._hear(news), name="news")
                self.ready.set()
                await self._follow()
        finally:
            self.ready.clear()
            self._behind.clear()
            await self._l1.close()

    # ------------------------------------------------------------------ when

    async def _watch(self) -> None:
        """Wake up at every event of the registry."""
        registry = self._network.contracts["guardianRegistry"]
        pauses = Pauses(_FIRST_PAUSE, _LONGEST_PAUSE)
        while True:
            try:
                rpc = await self._connect(self._l1.chain.ws_url, deadline=_CONNECT_DEADLINE)
            except CalderaError:
                await pauses.wait()  # the L1's own agents tell what is wrong with it
                continue
            pauses.reset()
            try:
                logs = rpc.subscribe("logs", {"address": registry})
                self._wake.set()
                async for _ in logs:
                    self._wake.set()
            except CalderaError as error:
                log.info("the registry can't be watched: %s", error)
            finally:
                with contextlib.suppress(CalderaError, OSError):
                    await rpc.close()
            await asyncio.sleep(_FIRST_PAUSE)

    async def _hear(self, news: asyncio.Queue[News]) -> None:
        while True:
            item = await news.get()
            if isinstance(item, Missed):
                self._wake.set()
                self._carry_all()
            elif isinstance(item, Reorged):
                if item.chain in self._carry:
                    self._carry[item.chain].set()
                else:
                    self._wake.set()

    def _carry_all(self) -> None:
        for event in self._carry.values():
            event.set()

    async def _follow(self) -> None:
        await asyncio.sleep(_FIRST_LOOK)
        pauses = Pauses(_FIRST_PAUSE, _LONGEST_PAUSE)
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LATE):
                    await self._wake.wait()
            await asyncio.sleep(_GATHER)
            self._wake.clear()
            try:
                await self._step()
                pauses.reset()
                self._waits = None
            except CalderaError as error:
                if str(error) != self._waits:
                    log.warning("the next guardian set waits: %s", error)
                self._waits = str(error)
                await pauses.wait()
                self._wake.set()

    # ------------------------------------------------------------------ the next set

    async def _step(self) -> None:
        """Seal what changed, hand over to what is sealed, give it to the L1."""
        registry = self._network.contracts["guardianRegistry"]
        if await can_seal(self._l1, registry):
            gas = _SEAL_GAS + _SEAL_GAS_EACH * await active_guardians(self._l1, registry)
            await self._send(self._network.chains[0], self._means.payer, registry, SEAL_SET, gas)
        active = await self._book.active(self._clock())
        latest = await sealed_id(self._l1, registry)
        if latest > active.set_id:
            following = await self._book.get(latest)
            if following is None or following.outgoing != active.set_id:
                following = await self._hand_over(active, latest)
            await self._bring(self._network.chains[0], following)
            await self._activate(active, following)
        elif active.outgoing:
            await self._walk(self._network.chains[0], self._l1)

    async def _hand_over(self, outgoing: GuardianSetRecord, set_id: int) -> GuardianSetRecord:
        """Have the outgoing set sign the sealed one, and write it down."""
        sealed = await read_sealed(self._l1, self._network.contracts["guardianRegistry"], set_id)
        lineup = Lineup.of(outgoing)
        handover: Handover = await agree(
            lineup,
            sealed.guardian_set,
            sealed.members,
            self._means.signers,
            self._network.network_id,
        )
        if handover.quorum is None and not handover.is_governors:
            raise TemporaryFailure(
                f"Guardian set {outgoing.set_id} does not hand over to set {set_id}",
                handover.told(),
                "Start the guardians that do not answer.",
            )
        call = handover.rotate_call(sealed.guardian_set)
        return await self._book.add(set_id, sealed.members, outgoing.set_id, call, self._clock())

    async def _activate(self, outgoing: GuardianSetRecord, following: GuardianSetRecord) -> None:
        """From now on epochs are made with it."""
        await self._book.activate(following, self._clock())
        self._hub.tell(SetChanged(following.set_id))
        self._carry_all()
        data = {
            "set": following.set_id,
            "outgoing": outgoing.set_id,
            "size": len(following.members),
            "by": "guardians" if following.rotation else "governor",
            **changes(outgoing, following),
        }
        await self._publish("guardians.rotated", data, service=self.name)
        if not following.rotation:
            data = {"set": following.set_id, "outgoing": outgoing.set_id}
            await self._publish("guardians.installed", data, service=self.name)

    # ------------------------------------------------------------------ carrying

    async def _keep(self, chain: Chain) -> None:
        """Take `chain` to the current set whenever it may not have it."""
        link = Link(self._connect, chain)
        event, pauses = self._carry[chain.name], Pauses(_FIRST_PAUSE, _LONGEST_PAUSE)
        try:
            while True:
                await event.wait()
                event.clear()
                try:
                    await self._walk(chain, link)
                    pauses.reset()
                    self._behind.pop(chain.name, None)
                except CalderaError as error:
                    self._behind[chain.name] = f"{chain.name} has an earlier guardian set: {error}"
                    await pauses.wait()
                    event.set()
        finally:
            await link.close()

    async def _walk(self, chain: Chain, link: Link) -> None:
        """Bring what `chain` missed, one handover after the other."""
        verifier = self._network.contracts["rootVerifier"]
        active = await self._book.active(self._clock())
        installed = await installed_id(link, verifier)
        if installed >= active.set_id:
            return
        way = await self._book.way(installed, active.set_id)
        if not way:
            raise TemporaryFailure(
                f"{chain.name} has guardian set {installed}",
                f"no handover leads from there to set {active.set_id}",
            )
        for record in way:
            await self._bring(chain, record)
        self._hub.tell(SetCarried(str(chain.name), active.set_id))
        data = {"chain": str(chain.name), "set": active.set_id, "from": installed}
        await self._publish("guardians.carried", data, service=self.name)

    async def _bring(self, chain: Chain, record: GuardianSetRecord) -> None:
        """One handover to one chain; nothing happens where it is or was done."""
        verifier = self._network.contracts["rootVerifier"]
        link = Link(self._connect, chain)
        try:
            if await installed_id(link, verifier) >= record.set_id:
                return
            if record.rotation is None:
                executor = self._network.contracts["governanceExecutor"]
                call = install_call(verifier, self._network.network_id, Lineup.of(record).roster)
                await self._send(chain, self._means.governor, executor, call, _ROTATE_GAS)
            else:
                gas = _ROTATE_GAS + _ROTATE_GAS_EACH * len(record.members)
                call = bytes.fromhex(record.rotation[2:])
                await self._send(chain, self._means.payer, verifier, call, gas)
            if await installed_id(link, verifier) < record.set_id:
                raise TemporaryFailure(f"{chain.name} refuses guardian set {record.set_id}")
        finally:
            await link.close()

    async def _send(self, chain: Chain, account: Account, to: Hex, data: bytes, gas: int) -> None:
        async with self._means.pay_from(chain, account) as sender:
            pending = await sender.send(to, data, gas=gas)
            receipt = await pending.receipt()
        if receipt["status"] != "0x1":
            raise TemporaryFailure(
                f"A transaction on {chain.name} was reverted", f"{pending.hash} to {to}"
            )
