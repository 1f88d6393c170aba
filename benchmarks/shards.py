"""The template `many`: twenty rollups in four shards, as they run."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any

from benchmarks.bare import bare_nodes
from benchmarks.chain import Client, dispatch_data
from benchmarks.harness import Figure, Home, median, percentile
from benchmarks.lifecycle import anvil_of, genesis_files, keep
from benchmarks.memory import daemon_rss, nodes_rss
from benchmarks.messages import ADDRESSES

_PACED = ("arena", "feed", "lend", "cargo")
"""Rollups of the template with a block time; it is 0 here, so that nothing waits for a block."""
_EPOCH_LIMIT = 20.0
"""What CI holds an epoch to, as a ratio to a transfer on each of twenty bare nodes."""


async def _send_ring(status: dict[str, Any], clients: list[Client]) -> None:
    """One message from every rollup to the fifth one after it, all at once. Neighbours in the
    template are mostly of one shard, so nearly all go to another."""
    rollups = status["rollups"]
    transactions = [
        {
            "from": ADDRESSES[0],
            "to": origin["contracts"]["mailbox"],
            "data": dispatch_data(
                rollups[(at + 5) % len(rollups)]["domain"],
                origin["contracts"]["testRecipient"],
                b"z" * 32,
            ),
            "gas": hex(400_000),
        }
        for at, origin in enumerate(rollups)
    ]
    await asyncio.gather(
        *(
            client.call("eth_sendTransaction", transaction)
            for client, transaction in zip(clients, transactions, strict=True)
        )
    )


async def _rounds(home: Home, status: dict[str, Any], count: int) -> list[float]:
    """Seconds from twenty dispatches at once until one certified epoch covers all of them."""
    taken = []
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(Client(rollup["ws_url"]))
            for rollup in status["rollups"]
        ]
        for number in range(1, count + 1):
            began = time.time()
            await _send_ring(status, clients)
            taken.append(await _covered(home, len(clients), number) - began)
    return taken


async def _covered(home: Home, rollups: int, messages: int) -> float:
    """When the first epoch was certified under whose leaves every rollup has sent `messages`."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        epochs = await asyncio.to_thread(home.json, "epoch", "ls", "--limit", "30")
        for epoch in reversed(epochs):
            sent = [leaf["message_count"] for leaf in epoch["leaves"] if leaf["chain"] != "l1"]
            if epoch["certified_at"] and len(sent) == rollups and min(sent) >= messages:
                return datetime.fromisoformat(epoch["certified_at"]).timestamp()
        await asyncio.sleep(0.05)
    raise RuntimeError(f"no epoch covers {messages} messages of each of {rollups} rollups")


async def _bare_rounds(ports: Sequence[int], count: int) -> list[float]:
    """Seconds of one transfer on every node, all at once, each until its block is notified."""
    taken = []
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(Client(f"ws://127.0.0.1:{port}")) for port in ports
        ]
        for client in clients:
            await client.call("eth_subscribe", "newHeads")
        transfer = {"from": ADDRESSES[0], "to": ADDRESSES[1], "value": "0x1"}
        for _ in range(count):
            began = time.perf_counter()
            await asyncio.gather(*(c.call("eth_sendTransaction", transfer) for c in clients))
            await asyncio.gather(*(asyncio.wait_for(c.news.get(), 10) for c in clients))
            taken.append(time.perf_counter() - began)
    return taken


def _delivered(home: Home, count: int) -> list[float]:
    """Seconds that each message took; RuntimeError when one is missing."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        messages = home.json("message", "ls", "--limit", "1000")
        if len(messages) == count and all(each["state"] == "delivered" for each in messages):
            return [each["latency_ms"] / 1000 for each in messages]
        time.sleep(0.1)
    raise RuntimeError(f"not all of {count} messages are delivered")


def measure(home: Home, rounds: int) -> list[Figure]:
    """Start, epochs over all rollups, messages between shards, memory."""
    sets = [part for name in _PACED for part in ("--set", f"rollups.{name}.block_time=0")]
    with home.serving():
        up = home.timed("up", "many", *sets)
        status = home.json("status", "many")
        anvil = anvil_of(home, "many")
        kept = [
            keep(file, home.directory / f"genesis-{at}.json")
            for at, file in enumerate(genesis_files(home, "many"))
        ]
        taken = asyncio.run(_rounds(home, status, rounds))
        latencies = _delivered(home, rounds * len(status["rollups"]))
        daemon, nodes = daemon_rss(home), nodes_rss(home, "many")
        home.run("down", "many", "-y")
    with bare_nodes(anvil, kept) as (plain, bare):
        base = median(asyncio.run(_bare_rounds([node.port for node in plain[1:]], rounds)))
    each = "a transfer on each of 20 bare nodes at once"
    return [
        Figure("20 rollups in 4 shards: up", up, "s", bare, "21 bare Anvils answer"),
        Figure(
            "epoch over 20 rollups, from their dispatches to its certificate",
            median(taken),
            "s",
            base,
            each,
            1.0,
            limit=_EPOCH_LIMIT,
        ),
        Figure(
            "20 messages across shards at once: p50", percentile(latencies, 0.5), "s", base, each
        ),
        Figure(
            "20 messages across shards at once: p99", percentile(latencies, 0.99), "s", base, each
        ),
        Figure("20 rollups: daemon with all agents", daemon / 1e6, "MB"),
        Figure("20 rollups: 21 nodes", nodes / 1e6, "MB"),
    ]
