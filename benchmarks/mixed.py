"""Devnets with op-geth beside Anvil: messages between them, and what all of it weighs."""

import asyncio
import random
import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks.bare import bare_nodes
from benchmarks.chain import PROCESS_ID, Client, dispatch_data, sign
from benchmarks.harness import Figure, Home, percentile
from benchmarks.lifecycle import anvil_of, genesis_files
from benchmarks.memory import daemon_rss, nodes_rss
from benchmarks.messages import ADDRESSES, KEYS, bare_round_trips

MESSAGE_LIMIT = 10.0
"""What CI holds the median message between op-geth and Anvil to, as a ratio to two transfers."""
_MANY = 20
"""Messages from which on the clock is run against, too."""


def _spec(name: str, **engines: str) -> dict[str, Any]:
    rollups = [{"name": rollup, "engine": engine} for rollup, engine in engines.items()]
    return {"version": 1, "name": name, "rollups": rollups}


_PAIR = _spec("mixed", one="anvil", two="op-geth")
_SIX = _spec(
    "six", **{f"a{i}": "anvil" for i in range(4)}, **{f"g{i}": "op-geth" for i in range(2)}
)


async def _latencies(
    origin: dict[str, Any], destination: dict[str, Any], count: int
) -> list[float]:
    """Seconds from sending a signed dispatch to the notification of its ProcessId, one at a
    time; before each a random wait of up to 50 ms."""
    taken: list[float] = []
    async with Client(origin["ws_url"]) as source, Client(destination["ws_url"]) as target:
        wanted = {"address": destination["contracts"]["mailbox"], "topics": [PROCESS_ID]}
        await target.call("eth_subscribe", "logs", wanted)
        to, recipient = origin["contracts"]["mailbox"], destination["contracts"]["testRecipient"]
        data = dispatch_data(destination["domain"], recipient, b"x" * 32)
        nonce = int(await source.call("eth_getTransactionCount", ADDRESSES[0], "latest"), 16)
        for index in range(count):
            raw = sign(KEYS[0], origin["chain_id"], nonce + index, to, data)
            await asyncio.sleep(random.uniform(0, 0.05))
            began = time.perf_counter()
            await source.call("eth_sendRawTransaction", raw)
            await asyncio.wait_for(target.news.get(), 30)
            taken.append(time.perf_counter() - began)
    return taken


def measure_messages(home: Home, count: int) -> list[Figure]:
    """Messages between an Anvil and an op-geth rollup at block time 0, each way on a new devnet.

    `count` is small enough that op-geth's timestamps stay within 30 s of the clock; what comes
    when they are that far ahead, one block a second, is a figure of its own.
    """
    figures, at_once, base = [], [], 0.0
    name = "two bare transfers"
    for label, origin, destination in (("op-geth → Anvil", 1, 0), ("Anvil → op-geth", 0, 1)):
        home.run("up", _write(home, _PAIR))
        rollups = home.json("status", "mixed")["rollups"]
        base = base or _bare(home, count)
        ways = rollups[origin], rollups[destination]
        asyncio.run(_latencies(*ways, 2))
        taken = percentile(asyncio.run(_latencies(*ways, count)), 0.5)
        title = f"message p50, {label}, block time 0"
        figures.append(Figure(title, taken, "s", base, name, 0.5, limit=MESSAGE_LIMIT))
        if count >= _MANY:
            at_once += asyncio.run(_latencies(*ways, 2 * count))[count:]
        home.run("down", "mixed", "-y")
    if at_once:
        title = "message p50, op-geth 30 s ahead of the clock"
        figures.append(Figure(title, percentile(at_once, 0.5), "s", 1.0, "a second a block"))
    return figures


def _bare(home: Home, count: int) -> float:
    """Seconds of two transfers one after the other on bare Anvils."""
    files, anvil = genesis_files(home, "mixed"), anvil_of(home, "mixed")
    with bare_nodes(anvil, files[:2]) as (nodes, _):
        trips = asyncio.run(bare_round_trips((nodes[0].port, nodes[1].port), count))
    return percentile(trips, 0.5)


def measure_six(home: Home) -> list[Figure]:
    """Memory of an L1, four Anvil and two op-geth rollups, idle."""
    home.run("up", _write(home, _SIX))
    nodes, daemon = nodes_rss(home, "six"), daemon_rss(home)
    home.run("down", "six", "-y")
    return [
        Figure("L1, 4 Anvil and 2 op-geth rollups: nodes", nodes / 1e6, "MB"),
        Figure("L1, 4 Anvil and 2 op-geth rollups: daemon with all agents", daemon / 1e6, "MB"),
    ]


def _write(home: Home, spec: dict[str, Any]) -> str:
    path = Path(home.directory) / f"{spec['name']}.yaml"
    path.write_text(yaml.safe_dump(spec))
    return str(path)
