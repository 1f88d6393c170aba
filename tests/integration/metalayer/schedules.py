"""Random schedules of faults for a lab, all drawn from a seed, and what they are done with."""

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from control_plane.domain.errors import CalderaError, TemporaryFailure
from tests.integration.metalayer.lab import DEVNET, Lab, mailbox_dispatch, router_dispatch

AGENTS = ("relayer", "indexer", "aggregator", "guardian-0", "guardian-1", "guardian-2")
_SENDERS = 5
_RESTS = 0.3
"""Seconds within which a call to seal that was on its way is carried out."""
_NO_CHAIN = 12_345
_NO_CONTRACT = "0x" + "de" * 20


@dataclass(frozen=True)
class Fault:
    """What goes wrong, when, for how long."""

    at: float
    """Seconds after the schedule's beginning."""
    kind: str
    target: str
    lasts: float
    depth: int = 0
    """Blocks that a reorg takes away."""


@dataclass(frozen=True)
class Sending:
    """A message that somebody sends."""

    at: float
    origin: str
    destination: str | None
    """None: a domain that is no chain."""
    body: bytes
    way: str
    """``mailbox``, ``router``, ``finalized`` (by the router), or ``nobody`` (no contract there)."""
    sender: int


@dataclass(frozen=True)
class Schedule:
    seed: int
    faults: tuple[Fault, ...]
    sendings: tuple[Sending, ...]
    nodes_die: bool
    """Whether nodes lose blocks that they called final."""

    def __str__(self) -> str:
        faults = "; ".join(
            f"{f.at:.2f} {f.kind} {f.target}{f' {f.depth}' if f.depth else ''} {f.lasts:.2f}"
            for f in self.faults
        )
        return f"seed {self.seed}, {len(self.sendings)} messages: {faults}"


def make_schedule(
    seed: int, chains: Sequence[str], messages: int, *, seconds: float, faults: int
) -> Schedule:
    """The same for the same arguments."""
    draw = random.Random(seed)
    nodes_die = draw.random() < 0.5
    kinds = ["agent"] * 4 + ["freeze", "partition", "partition", "reorg", "reorg", "sever"]
    kinds += ["kill"] * 2 * nodes_die
    found = []
    for _ in range(faults):
        kind = draw.choice(kinds)
        target = draw.choice(AGENTS if kind == "agent" else chains)
        lasts = draw.uniform(0.05, seconds / 4)
        found.append(Fault(draw.uniform(0, seconds), kind, target, lasts, draw.randint(1, 2)))
    sendings = (_sending(draw, seed, n, chains, seconds) for n in range(messages))
    by_time = sorted(found, key=lambda f: f.at), sorted(sendings, key=lambda s: s.at)
    return Schedule(seed, tuple(by_time[0]), tuple(by_time[1]), nodes_die)


def _sending(
    draw: random.Random, seed: int, number: int, chains: Sequence[str], seconds: float
) -> Sending:
    origin, destination = draw.sample(list(chains), 2)
    ways = ["mailbox"] * 14 + ["router"] * 3 + ["finalized"] * 2 + ["nobody"]
    return Sending(
        at=draw.uniform(0, seconds),
        origin=origin,
        destination=None if draw.random() < 0.02 else destination,
        body=b"%d/%d" % (seed, number),
        way=draw.choice(ways),
        sender=draw.randrange(_SENDERS),
    )


@dataclass
class Trouble:
    """Does a schedule to a lab. Everything is healed when it ends."""

    lab: Lab
    frozen: set[str] = field(default_factory=set)
    cut: set[str] = field(default_factory=set)
    dead: set[str] = field(default_factory=set)
    busy: dict[str, asyncio.Lock] = field(default_factory=dict)
    """One fault at a time for each chain or agent."""

    async def run(self, schedule: Schedule) -> None:
        """All of it; an AssertionError, or an error of the lab, ends it."""
        connect = self.lab.connect
        self.lab.connect = self._around(connect)  # type: ignore[assignment, method-assign]
        for chain in self.lab.nodes:
            await self.lab.save(chain)
        try:
            async with asyncio.TaskGroup() as group:
                for fault in schedule.faults:
                    group.create_task(self._do(fault))
                for sending in schedule.sendings:
                    group.create_task(self._send(sending))
        finally:
            self.lab.connect = connect  # type: ignore[method-assign]

    def _around(self, connect: Callable[..., Awaitable[object]]) -> Callable[..., object]:
        async def reach(url: str, *, deadline: float | None = None) -> object:
            if any(url == self.lab.nodes[chain].chain.ws_url for chain in self.cut):
                raise TemporaryFailure("Cut off", url)
            return await connect(url, deadline=deadline)

        return reach

    async def _do(self, fault: Fault) -> None:
        await asyncio.sleep(fault.at)
        async with self.busy.setdefault(fault.target, asyncio.Lock()):
            doing = {
                "agent": self._hold,
                "freeze": self._freeze,
                "partition": self._partition,
                "reorg": self._reorg,
                "sever": self._sever,
                "kill": self._kill,
            }
            await doing[fault.kind](fault)

    async def _hold(self, fault: Fault) -> None:
        await self.lab.supervisor.hold(fault.target)
        await asyncio.sleep(fault.lasts)
        self.lab.supervisor.release(fault.target)

    async def _freeze(self, fault: Fault) -> None:
        process = self.lab.nodes[fault.target].process
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)
        self.frozen.add(fault.target)
        await asyncio.sleep(fault.lasts)
        self.frozen.discard(fault.target)
        os.kill(process.pid, signal.SIGCONT)

    async def _partition(self, fault: Fault) -> None:
        """The agents do not reach the chain; users do."""
        self.cut.add(fault.target)
        await self.lab.sever()
        await asyncio.sleep(fault.lasts)
        self.cut.discard(fault.target)

    async def _sever(self, fault: Fault) -> None:
        await self.lab.sever()

    async def _reorg(self, fault: Fault) -> None:
        """While the sequencer rests: Anvil 1.7.1 loses blocks when it seals during a reorg."""
        node = self.lab.nodes[fault.target]
        await self.lab.supervisor.hold(f"{fault.target}/sequencer")
        await asyncio.sleep(_RESTS)
        if int(await node.call("eth_blockNumber"), 16) > fault.depth + 3:
            await node.call("anvil_reorg", fault.depth, [])
        self.lab.supervisor.release(f"{fault.target}/sequencer")

    async def _kill(self, fault: Fault) -> None:
        """It comes back with what was saved at the beginning."""
        self.dead.add(fault.target)
        await self.lab.nodes[fault.target].kill()
        await asyncio.sleep(fault.lasts)
        await self.lab.restore(fault.target)
        self.dead.discard(fault.target)

    async def _send(self, sending: Sending) -> None:
        """As users do: if the node is away, it is not sent."""
        await asyncio.sleep(sending.at)
        lab, contracts = self.lab, self.lab.network.contracts
        domain = lab.domain(sending.destination) if sending.destination else _NO_CHAIN
        to = _NO_CONTRACT if sending.way == "nobody" else contracts["testRecipient"]
        by_router = sending.way in {"router", "finalized"}
        if by_router:
            finality = int(sending.way == "finalized")
            data = router_dispatch(domain, to, sending.body, 150_000, finality=finality)
        else:
            data = mailbox_dispatch(domain, to, sending.body)
        if {sending.origin} & (self.frozen | self.dead):
            return
        at = contracts["metalayerRouter" if by_router else "mailbox"]
        with contextlib.suppress(CalderaError, AssertionError, TimeoutError):
            async with asyncio.timeout(5):
                await lab.send(sending.origin, at, data, sender=sending.sender)


async def last_words(lab: Lab) -> str:
    """What is known of those that are not delivered, for a failure."""
    async with lab.database.begin() as unit:
        open_ = [
            f"{m.id[:10]} {m.origin}→{m.destination} {m.state.value}: {m.reason}"
            for m in await unit.messages.list(DEVNET, limit=100_000)
            if m.delivered_tx is None
        ]
    problems = [f"{v.name}: {v.problem}" for v in lab.supervisor.views() if v.problem]
    return "\n".join([*open_[:20], *problems])
