"""How many messages a second a devnet takes for long, and how long one takes meanwhile."""

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.bare import bare_nodes
from benchmarks.chain import DISPATCH_ID, PROCESS, PROCESS_ID, Client, dispatch_data
from benchmarks.harness import Figure, Home, median, percentile
from benchmarks.lifecycle import anvil_of, genesis_files
from benchmarks.messages import ADDRESSES, KEYS, bare_round_trips
from control_plane.adapters.evm.signer import Transaction
from control_plane.adapters.evm.signer import sign as sign_fast

_BATCH: Final = 100
_WINDOW: Final = 400
"""Dispatches of one rollup that may wait for their block: with more, Anvil's pool slows down."""
_STALL: Final = 60.0
_BACKGROUND: Final = 50.0
"""Messages a second."""
_BUSY: Final = "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc"
"""The account that the background's messages come from: the third of the mnemonic."""


@dataclass
class Side:
    """One rollup: what it is to send, and what was heard of it."""

    client: Client
    raws: Sequence[str]
    dispatched: int = 0
    arrived: list[str] = field(default_factory=list)
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    async def feed(self, window: int) -> None:
        """Send everything, with at most `window` dispatches on their way into a block."""
        sent = 0
        while sent < len(self.raws):
            room = min(window - (sent - self.dispatched), _BATCH)
            if room < min(_BATCH, window) // 2:
                self.moved.clear()
                await asyncio.wait_for(self.moved.wait(), _STALL)
                continue
            part = self.raws[sent : sent + room]
            sent += len(part)
            await self.client.batch([("eth_sendRawTransaction", [raw]) for raw in part])

    async def feed_and_seal(self) -> None:
        """Send everything to a node that does not seal by itself, a block for each batch."""
        for start in range(0, len(self.raws), _BATCH):
            part = self.raws[start : start + _BATCH]
            await self.client.batch([("eth_sendRawTransaction", [raw]) for raw in part])
            await self.client.call("evm_mine")

    async def until_dispatched(self, count: int) -> None:
        """Until `count` of them are in blocks."""
        while self.dispatched < count:
            self.moved.clear()
            await asyncio.wait_for(self.moved.wait(), _STALL)

    async def listen(self) -> None:
        """Count what the chain tells, for ever."""
        while True:
            topics = (await self.client.news.get())["topics"]
            if topics[0] == DISPATCH_ID:
                self.dispatched += 1
            else:
                self.arrived.append(topics[1])
            self.moved.set()


@asynccontextmanager
async def _sides(
    chains: Sequence[dict[str, Any]], count: int, contracts: dict[str, str]
) -> AsyncIterator[list[Side]]:
    """Connected to `chains`; each has `count` messages for the next one, signed."""
    async with AsyncExitStack() as stack:
        sides = []
        for here, there in zip(chains, [*chains[1:], chains[0]], strict=True):
            client = await stack.enter_async_context(Client(here["ws_url"]))
            topics = [[DISPATCH_ID, PROCESS_ID]]
            mailbox = {"address": contracts["mailbox"], "topics": topics}
            await client.call("eth_subscribe", "logs", mailbox)
            nonce = int(await client.call("eth_getTransactionCount", ADDRESSES[0], "latest"), 16)
            sides.append(Side(client, _signed(here, there, nonce, count, contracts)))
        listening = [asyncio.create_task(side.listen()) for side in sides]
        try:
            yield sides
        finally:
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)


def _signed(
    here: dict[str, Any], there: dict[str, Any], nonce: int, count: int, contracts: dict[str, str]
) -> list[str]:
    data = bytes.fromhex(dispatch_data(there["domain"], contracts["testRecipient"], b"y" * 32)[2:])
    mailbox, key = bytes.fromhex(contracts["mailbox"][2:]), bytes.fromhex(KEYS[0][2:])
    made = (
        Transaction(here["chain_id"], n, mailbox, 0, data, 300_000, 10**12, 10**9)
        for n in range(nonce, nonce + count)
    )
    return ["0x" + sign_fast(transaction, key)[0].hex() for transaction in made]


async def sustained(status: dict[str, Any], total: int) -> float:
    """Messages a second over three rollups, each sending to the next one: first transaction sent
    to last message delivered. RuntimeError if one is lost or comes twice."""
    chains = status["rollups"][:3]
    each = total // len(chains)
    async with _sides(chains, each, chains[0]["contracts"]) as sides:
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for side in sides:
                group.create_task(side.feed(_WINDOW))
            group.create_task(_until_arrived(sides, each))
        seconds = time.perf_counter() - began
        await asyncio.sleep(0.5)
        for chain, side in zip(chains, sides, strict=True):
            if len(side.arrived) != each or len(set(side.arrived)) != each:
                raise RuntimeError(f"{chain['name']}: {len(side.arrived)} deliveries, not {each}")
    return each * len(chains) / seconds


async def _until_arrived(sides: Sequence[Side], each: int) -> None:
    before, since = -1, time.perf_counter()
    while (arrived := sum(len(side.arrived) for side in sides)) < each * len(sides):
        if arrived != before:
            before, since = arrived, time.perf_counter()
        if time.perf_counter() - since > _STALL:
            raise RuntimeError(f"nothing arrives any more, after {arrived} messages")
        await asyncio.sleep(0.01)


async def bare_rate(
    ports: Sequence[int], chains: Sequence[dict[str, Any]], total: int, contracts: dict[str, str]
) -> float:
    """The same transactions a second that as many bare nodes take side by side, each told to seal
    a block after every hundred."""
    named = [
        {**chain, "ws_url": f"ws://127.0.0.1:{port}"}
        for chain, port in zip(chains, ports, strict=True)
    ]
    each = total // len(named)
    async with _sides(named, each, contracts) as sides:
        began = time.perf_counter()
        await asyncio.gather(*(side.feed_and_seal() for side in sides))
        for side in sides:
            await side.until_dispatched(each)
        return each * len(named) / (time.perf_counter() - began)


# ---------------------------------------------------------------- latency under load


@asynccontextmanager
async def _background(status: dict[str, Any], rate: float) -> AsyncIterator[None]:
    """`rate` messages a second between all rollups, at random moments."""
    async with AsyncExitStack() as stack:
        pairs = []
        for here, there in itertools.permutations(status["rollups"], 2):
            client = await stack.enter_async_context(Client(here["ws_url"]))
            data = dispatch_data(there["domain"], there["contracts"]["testRecipient"], b"b" * 32)
            to = here["contracts"]["mailbox"]
            pairs.append((client, {"from": _BUSY, "to": to, "data": data, "gas": hex(400_000)}))
        task = asyncio.create_task(_send_for_ever(pairs, rate))
        try:
            yield
            if task.done():
                await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await asyncio.sleep(2.0)  # until the last one has arrived


async def _send_for_ever(pairs: Sequence[tuple[Client, dict[str, str]]], rate: float) -> None:
    due = time.perf_counter()
    for client, transaction in itertools.cycle(pairs):
        due += random.expovariate(rate)
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        await client.call("eth_sendTransaction", transaction)


async def latencies_under_load(status: dict[str, Any], count: int, pause: float) -> list[float]:
    """Seconds from sending a dispatch to the notification of its delivery, one at a time, with
    a random wait of up to `pause` seconds before each, while `_BACKGROUND` goes on."""
    origin, destination = status["rollups"][:2]
    mailbox = destination["contracts"]["mailbox"]
    sender = "0x" + ADDRESSES[0][2:].rjust(64, "0")
    transaction = {
        "from": ADDRESSES[0],
        "to": origin["contracts"]["mailbox"],
        "data": dispatch_data(
            destination["domain"], destination["contracts"]["testRecipient"], b"x" * 32
        ),
        "gas": hex(400_000),
    }
    taken: list[float] = []
    async with (
        Client(origin["ws_url"]) as source,
        Client(destination["ws_url"]) as target,
        _background(status, _BACKGROUND),
    ):
        topics = [PROCESS, None, sender]
        await target.call("eth_subscribe", "logs", {"address": mailbox, "topics": topics})
        await asyncio.sleep(1.0)
        for _ in range(count):
            await asyncio.sleep(random.uniform(0, pause))
            began = time.perf_counter()
            await source.call("eth_sendTransaction", transaction)
            await asyncio.wait_for(target.news.get(), 30)
            taken.append(time.perf_counter() - began)
    return taken


# ---------------------------------------------------------------- figures


def measure(home: Home, smoke: bool) -> list[Figure]:
    """Sustained rates at 0.25 s blocks and at block time 0, latencies under load."""
    figures = _paced(home, 600 if smoke else 20_000)
    figures += _instant(home, 600 if smoke else 20_000, 10 if smoke else 200)
    return figures + _seconds(home, 5 if smoke else 100)


def _paced(home: Home, total: int) -> list[Figure]:
    with _up(home, 0.25) as status:
        rate = asyncio.run(sustained(status, total))
    name = f"sustained over three rollups, 0.25 s blocks, {total} messages"
    return [Figure(name, rate, "per second", target=300, better="higher")]


def _instant(home: Home, total: int, count: int) -> list[Figure]:
    with _up(home, 0) as status:
        files, anvil = genesis_files(home, "default"), anvil_of(home, "default")
        chains = status["rollups"][:3]
        with bare_nodes(anvil, files[1:3]) as (nodes, _):
            trips = asyncio.run(bare_round_trips((nodes[0].port, nodes[1].port), 20))
        with bare_nodes(anvil, files[1:4], "--no-mining") as (nodes, _):
            ports = [node.port for node in nodes]
            bare = asyncio.run(bare_rate(ports, chains, min(total, 6_000), chains[0]["contracts"]))
        taken = asyncio.run(latencies_under_load(status, count, 0.05))
        rate = asyncio.run(sustained(status, total))
    base, name = median(trips), "two bare transfers"
    return [
        Figure(
            f"sustained over three rollups, block time 0, {total} messages",
            rate,
            "per second",
            bare,
            "the same dispatches to three bare Anvils",
            bare / 2,
            "higher",
            limit=RATE_LIMIT,
        ),
        Figure(
            "message p50 under 50/s, block time 0",
            percentile(taken, 0.5), "s", base, name, 0.15, limit=LATENCY_LIMIT,
        ),
        Figure("message p99 under 50/s, block time 0", percentile(taken, 0.99), "s", base, name),
    ]  # fmt: skip


def _seconds(home: Home, count: int) -> list[Figure]:
    with _up(home, 1) as status:
        taken = asyncio.run(latencies_under_load(status, count, 1.0))
    name = "block time"
    p50, p99 = percentile(taken, 0.5), percentile(taken, 0.99)
    return [
        Figure("message p50 under 50/s, 1 s blocks", p50, "s", 1.0, name, 1.3, limit=2.0),
        Figure("message p99 under 50/s, 1 s blocks", p99, "s", 1.0, name, 2.0),
    ]


RATE_LIMIT: Final = 0.1
"""What CI holds the rate at block time 0 to, as a share of bare nodes'."""
LATENCY_LIMIT: Final = 15.0


@contextlib.contextmanager
def _up(home: Home, block_time: float) -> Iterator[dict[str, Any]]:
    """The default devnet with one block time everywhere."""
    names = ("l1", "rollups.op", "rollups.arb", "rollups.zk")
    wanted = [part for n in names for part in ("--set", f"{n}.block_time={block_time}")]
    home.run("up", *(wanted if block_time else ()))
    try:
        yield home.json("status", "default")
    finally:
        home.run("down", "default", "-y")
