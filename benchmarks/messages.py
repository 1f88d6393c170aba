"""How long messages take and how many arrive, seen by a foreign client on both chains."""

import asyncio
import random
import time
from typing import Any

from benchmarks.bare import bare_nodes
from benchmarks.chain import PROCESS_ID, Client, dispatch_data, sign
from benchmarks.harness import Figure, Home, median, percentile
from benchmarks.lifecycle import anvil_of, genesis_files
from benchmarks.memory import daemon_rss, nodes_rss

KEYS = (
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
)
ADDRESSES = (
    "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
    "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
)
"""The first two accounts of the public development mnemonic."""


def _rollup(status: dict[str, Any], index: int) -> dict[str, Any]:
    return dict(status["rollups"][index])


async def _watch(client: Client, mailbox: str) -> None:
    await client.call("eth_subscribe", "logs", {"address": mailbox, "topics": [PROCESS_ID]})


async def latencies(status: dict[str, Any], count: int, pause: float) -> list[float]:
    """Seconds from sending a dispatch to the notification of its ProcessId, one at a time;
    before each a random wait of up to `pause` seconds."""
    origin, destination = _rollup(status, 0), _rollup(status, 1)
    taken: list[float] = []
    async with Client(origin["ws_url"]) as source, Client(destination["ws_url"]) as target:
        await _watch(target, destination["contracts"]["mailbox"])
        data = dispatch_data(
            destination["domain"], destination["contracts"]["testRecipient"], b"x" * 32
        )
        transaction = {
            "from": ADDRESSES[0],
            "to": origin["contracts"]["mailbox"],
            "data": data,
            "gas": hex(400_000),
        }
        for _ in range(count):
            await asyncio.sleep(random.uniform(0, pause))
            began = time.perf_counter()
            await source.call("eth_sendTransaction", transaction)
            await asyncio.wait_for(target.news.get(), 30)
            taken.append(time.perf_counter() - began)
    return taken


async def burst(status: dict[str, Any], count: int) -> tuple[float, int]:
    """`count` messages, half from each of two rollups to the other, pre-signed and sent at
    once; seconds until the last one arrived, and how many distinct ones did."""
    ends = (_rollup(status, 0), _rollup(status, 1))
    half = count // 2
    async with Client(ends[0]["ws_url"]) as first, Client(ends[1]["ws_url"]) as second:
        clients = (first, second)
        signed: list[list[str]] = []
        for here, there, client, key, address in zip(
            ends, reversed(ends), clients, KEYS, ADDRESSES, strict=True
        ):
            await _watch(client, here["contracts"]["mailbox"])
            nonce = int(await client.call("eth_getTransactionCount", address, "latest"), 16)
            data = dispatch_data(there["domain"], there["contracts"]["testRecipient"], b"y" * 32)
            to = here["contracts"]["mailbox"]
            signed.append([sign(key, here["chain_id"], nonce + i, to, data) for i in range(half)])
        began = time.perf_counter()
        await asyncio.gather(
            *(
                client.batch([("eth_sendRawTransaction", [raw]) for raw in raws])
                for client, raws in zip(clients, signed, strict=True)
            )
        )
        arrived = await asyncio.gather(*(_arrivals(client, half) for client in clients))
        return time.perf_counter() - began, sum(len(ids) for ids in arrived)


async def _arrivals(client: Client, count: int) -> set[str]:
    ids: list[str] = []
    async with asyncio.timeout(120):
        while len(set(ids)) < count:
            ids.append((await client.news.get())["topics"][1])
    await asyncio.sleep(0.5)
    while not client.news.empty():
        ids.append(client.news.get_nowait()["topics"][1])
    if len(ids) != len(set(ids)):
        raise RuntimeError("a message was delivered twice")
    return set(ids)


async def bare_round_trips(ports: tuple[int, int], count: int) -> list[float]:
    """Two transfers one after the other, each until its receipt: what a message needs at least."""
    taken = []
    async with (
        Client(f"ws://127.0.0.1:{ports[0]}") as one,
        Client(f"ws://127.0.0.1:{ports[1]}") as two,
    ):
        for client in (one, two):
            await client.call("eth_subscribe", "newHeads")
        for _ in range(count):
            began = time.perf_counter()
            for client in (one, two):
                transfer = {"from": ADDRESSES[0], "to": ADDRESSES[1], "value": "0x1"}
                await client.call("eth_sendTransaction", transfer)
                await asyncio.wait_for(client.news.get(), 10)
            taken.append(time.perf_counter() - began)
    return taken


def measure_instant(home: Home, count: int, burst_size: int) -> list[Figure]:
    """Block time 0: latency, a burst, and memory before and after."""
    home.run("up")
    status = home.json("status", "default")
    files, anvil = genesis_files(home, "default"), anvil_of(home, "default")
    with bare_nodes(anvil, files[1:3]) as (nodes, _):
        base = median(asyncio.run(bare_round_trips((nodes[0].port, nodes[1].port), count)))
    asyncio.run(latencies(status, 3, 0.0))
    taken = asyncio.run(latencies(status, count, 0.05))
    idle, nodes_idle = daemon_rss(home), nodes_rss(home, "default")
    seconds, arrived = asyncio.run(burst(status, burst_size))
    loaded, nodes_loaded = daemon_rss(home), nodes_rss(home, "default")
    home.run("down", "default", "-y")
    name = "two bare transfers"
    return [
        Figure("message p50, block time 0", percentile(taken, 0.5), "s", base, name, 0.2),
        Figure("message p99, block time 0", percentile(taken, 0.99), "s", base, name),
        Figure(
            f"burst of {burst_size}: arrived",
            arrived,
            "messages",
            target=burst_size,
            better="higher",
        ),
        Figure(
            f"burst of {burst_size}: rate",
            arrived / seconds,
            "per second",
            target=100,
            better="higher",
        ),
        Figure("daemon with all agents, idle", idle / 1e6, "MB", target=150),
        Figure("daemon after the burst", loaded / 1e6, "MB", target=150),
        Figure("four nodes, idle", nodes_idle / 1e6, "MB"),
        Figure("four nodes after the burst", nodes_loaded / 1e6, "MB"),
    ]


def measure_paced(home: Home, count: int) -> list[Figure]:
    """Blocks every second, messages sent at random moments."""
    home.run("up", "--set", "l1.block_time=1", *_paced_rollups())
    status = home.json("status", "default")
    taken = asyncio.run(latencies(status, count, 1.0))
    home.run("down", "default", "-y")
    return [
        Figure("message p50, 1 s blocks", percentile(taken, 0.5), "s", 1.0, "block time", 1.3),
        Figure("message p99, 1 s blocks", percentile(taken, 0.99), "s", 1.0, "block time", 2.0),
    ]


def _paced_rollups() -> list[str]:
    names = ("op", "arb", "zk")
    return [part for name in names for part in ("--set", f"rollups.{name}.block_time=1")]
