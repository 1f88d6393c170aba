"""What our sequencer costs on op-geth, against the bare Engine API loop on the same program."""

import asyncio
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.bare import answers, free_port
from benchmarks.chain import Client
from benchmarks.harness import Figure, Home, median
from benchmarks.memory import rss
from benchmarks.messages import ADDRESSES, KEYS
from control_plane.adapters.alone.description import read_description
from control_plane.adapters.engine import building
from control_plane.adapters.engine.block_builder import filling_time
from control_plane.adapters.evm.engine_api import WebSocketEngine, connect_engine
from control_plane.adapters.evm.rpc import WebSocketRpc, connect
from control_plane.adapters.evm.signer import Transaction, sign
from control_plane.domain.ids import Hex
from control_plane.domain.op_stack import FEE_RECIPIENT, Fees, L1Block, l1_attributes
from control_plane.domain.ports.engine_api import ForkChoice, PayloadAttributes

SUSTAINED = 0.8
"""Least share of the bare loop's transfers a second."""
SUSTAINED_LIMIT = 0.5
"""What CI holds it to: both measurements on a shared machine, one after the other."""
OVERHEAD_LIMIT = 0.2
"""Most of our own time a block, as a share of the engine's."""
_NAME = "op-geth"
_WAIT = 0.05
"""Seconds that the bare loop leaves the engine to fill a block."""
_BATCH = 500
_TRANSFERS = 6_000
"""Two full blocks and a bit."""
_ROUNDS = 3
"""Of which the best counts: others use the processor too."""
_L1 = L1Block(1, bytes(32), int(time.time()), 10**9, 1, bytes(32), bytes(32))


def measure(home: Home, smoke: bool) -> list[Figure]:
    """Start, transfers a second, overhead of a block, memory."""
    blocks = 20 if smoke else 60
    home.run("up", "op-geth", "--name", _NAME)
    status = home.json("status", _NAME)
    node = next(s for s in status["services"] if s["name"] == "op/node")
    started = status["timings"]["steps"]["node:op"] / 1e3
    with _bare_node(home, node["command"]) as (url, engine_url, jwt, seconds):
        bare = asyncio.run(_bare_rates(url, engine_url, jwt, _TRANSFERS))
    rollup = status["rollups"][0]
    # first what needs few blocks: afterwards timestamps are ahead of the clock
    waited = asyncio.run(_rate_of_a_full_pool(home, rollup, _TRANSFERS))
    sent = asyncio.run(_rate_while_sent(rollup, _TRANSFERS))
    weight = rss(node["pid"])
    home.run("stop", _NAME, "--service", "op/sequencer")
    own, engine = asyncio.run(_overhead(_root(home), blocks))
    agent = _agent_weight(home)
    home.run("down", _NAME, "-y")
    return [
        Figure("op-geth: start until its RPC answers", started, "s", seconds, "bare op-geth"),
        _transfer_rate("sealed while they are sent", sent, bare[0]),
        _transfer_rate("that waited", waited, bare[1], held=True),
        Figure(
            "op-geth: our own time in a block",
            own,
            "ms",
            engine,
            "the engine's calls",
            OVERHEAD_LIMIT * engine,
            limit=OVERHEAD_LIMIT,
        ),
        Figure("op-geth: node after all of them", weight / 1e6, "MB"),
        Figure("op-geth: sequencer alone", agent / 1e6, "MB"),
    ]


def _transfer_rate(which: str, value: float, base: float, *, held: bool = False) -> Figure:
    """Held in CI is what does not depend on how client and engine share the processor."""
    return Figure(
        f"op-geth: {_TRANSFERS} transfers {which}",
        value,
        "per second",
        base,
        "bare Engine API loop",
        SUSTAINED * base,
        better="higher",
        limit=SUSTAINED_LIMIT if held else None,
    )


def _root(home: Home) -> Path:
    return home.directory / "devnets" / _NAME


# ---------------------------------------------------------------- the bare node


@contextmanager
def _bare_node(home: Home, command: Sequence[str]) -> Iterator[tuple[str, str, Path, float]]:
    """The devnet's own command with a database and ports of its own; WebSocket URL, Engine API
    URL, secret, and the seconds until it answered."""
    argv, data = list(command), home.directory / "bare-op-geth"
    port, engine_port = free_port(), free_port()
    changed = {"--datadir": data, "--authrpc.port": engine_port}
    changed |= {f"--{kind}.port": port for kind in ("http", "ws")}
    changed |= {f"--{kind}.addr": "127.0.0.1" for kind in ("http", "ws", "authrpc")}
    for flag, value in changed.items():
        argv[argv.index(flag) + 1] = str(value)
    jwt = Path(argv[argv.index("--authrpc.jwtsecret") + 1])
    began = time.perf_counter()
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not answers(port):
            if time.perf_counter() - began > 30 or process.poll() is not None:
                raise RuntimeError(f"bare op-geth does not answer: {' '.join(argv)}")
            time.sleep(0.005)
        seconds = time.perf_counter() - began
        yield f"ws://127.0.0.1:{port}", f"http://127.0.0.1:{engine_port}", jwt, seconds
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(data, ignore_errors=True)


async def _bare_rates(url: str, engine_url: str, jwt: Path, count: int) -> tuple[float, float]:
    """Transfers a second through a loop of the four calls and nothing else: sealed while they are
    sent, and sealed when all of them wait."""
    engine = await connect_engine(engine_url, jwt)
    try:
        async with Client(url) as client:
            raws = await _next_transfers(client, count)
            began = time.perf_counter()
            sending = asyncio.create_task(_send(client, raws))
            blocks = await _seal_all(engine, client, count)
            await sending
            sent = count / (blocks[-1][0] - began)
            waited = []
            for _ in range(_ROUNDS):
                await _send(client, await _next_transfers(client, count))
                waited.append(_rate(await _seal_all(engine, client, count)))
            return sent, max(waited)
    finally:
        await engine.close()


def _rate(blocks: Sequence[tuple[float, int]]) -> float:
    """Transfers a second from the first block to the last; a block is when it was there and how
    many are in it."""
    return sum(taken for _, taken in blocks[1:]) / (blocks[-1][0] - blocks[0][0])


async def _next_transfers(client: Client, count: int) -> list[str]:
    chain_id = int(await client.call("eth_chainId"), 16)
    return _transfers(chain_id, await _nonce(client), count)


async def _seal_all(engine: WebSocketEngine, client: Client, count: int) -> list[tuple[float, int]]:
    """Blocks until `count` transactions are in them: when each was there, and its share."""
    head = await client.call("eth_getBlockByNumber", "latest", False)
    hash_, timestamp = head["hash"], int(head["timestamp"], 16)
    blocks: list[tuple[float, int]] = []
    extra, base = bytes.fromhex(head["extraData"][2:]), int(head["number"], 16)
    while sum(taken for _, taken in blocks) < count:
        sequence = base + len(blocks)
        first = l1_attributes(_L1, sequence, Fees(), jovian=True).encode()
        wanted = PayloadAttributes(
            timestamp=max(timestamp + 1, int(time.time())),
            prev_randao=Hex("0x" + "00" * 32),
            fee_recipient=Hex("0x" + FEE_RECIPIENT.hex()),
            beacon_root=Hex("0x" + "00" * 32),
            transactions=(Hex("0x" + first.hex()),),
            no_tx_pool=False,
            gas_limit=int(head["gasLimit"], 16),
            eip1559_params=Hex("0x" + extra[1:9].hex()),
            min_base_fee=int.from_bytes(extra[9:17]),
        )
        identity = await engine.forkchoice_updated(ForkChoice(hash_), wanted)
        await asyncio.sleep(_WAIT)
        payload = await engine.get_payload(str(identity))
        await engine.new_payload(payload)
        await engine.forkchoice_updated(ForkChoice(payload.hash))
        hash_, timestamp = payload.hash, payload.timestamp
        blocks.append((time.perf_counter(), len(payload.transactions) - 1))
    return blocks


# ---------------------------------------------------------------- ours


async def _rate_while_sent(rollup: dict[str, Any], count: int) -> float:
    """Transfers a second through the devnet's public port and its sequencer."""
    async with Client(rollup["ws_url"]) as client:
        raws = await _next_transfers(client, count)
        await client.call("eth_subscribe", "newHeads")
        began = time.perf_counter()
        sending = asyncio.create_task(_send(client, raws))
        blocks = await _heads(client, count)
        await sending
        return count / (blocks[-1][0] - began)


async def _rate_of_a_full_pool(home: Home, rollup: dict[str, Any], count: int) -> float:
    """Transfers a second when the sequencer finds all of them waiting."""
    sequencer, rates = (_NAME, "--service", "op/sequencer"), []
    for _ in range(_ROUNDS):
        home.run("stop", *sequencer)
        async with Client(rollup["ws_url"]) as client:
            await _send(client, await _next_transfers(client, count))
            await client.call("eth_subscribe", "newHeads")
            await asyncio.to_thread(home.run, "start", *sequencer)
            rates.append(_rate(await _heads(client, count)))
    return max(rates)


async def _heads(client: Client, count: int) -> list[tuple[float, int]]:
    """Heads as they are notified until `count` transfers are in their blocks."""
    blocks: list[tuple[float, int]] = []
    before: int | None = None
    async with asyncio.timeout(120):
        while sum(taken for _, taken in blocks) < count:
            head, at = await client.news.get(), time.perf_counter()
            if before is None:
                before = await _nonce(client, hex(int(head["number"], 16) - 1))
            now = await _nonce(client, head["number"])
            blocks.append((at, now - before))
            before = now
    return blocks


async def _nonce(client: Client, block: str = "latest") -> int:
    return int(await client.call("eth_getTransactionCount", ADDRESSES[0], block), 16)


def _transfers(chain_id: int, first: int, count: int) -> list[str]:
    key, to = bytes.fromhex(KEYS[0][2:]), bytes.fromhex(ADDRESSES[1][2:])
    fees = {"gas": 21_000, "max_fee": 10**12, "tip": 10**9}
    return [
        "0x" + sign(Transaction(chain_id, nonce, to, 0, b"", **fees), key)[0].hex()
        for nonce in range(first, first + count)
    ]


async def _send(client: Client, raws: Sequence[str]) -> None:
    for at in range(0, len(raws), _BATCH):
        await client.batch([("eth_sendRawTransaction", [raw]) for raw in raws[at : at + _BATCH]])


class _Timed:
    """An engine connection that adds up how long its calls take."""

    def __init__(self, engine: WebSocketEngine) -> None:
        self._engine = engine
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._engine, name)

        async def timed(*arguments: Any) -> Any:
            began = time.perf_counter()
            try:
                return await method(*arguments)
            finally:
                self.seconds += time.perf_counter() - began

        return timed


async def _overhead(root: Path, blocks: int) -> tuple[float, float]:
    """Medians, in ms, of our own time in a block with twenty transfers and of the engine's calls;
    what is left to the engine to fill the block is neither's."""
    network = read_description(root / "agents" / "devnet.json")
    chains = {str(chain.name): chain for chain in network.chains}
    timed: list[_Timed] = []

    async def connect_timed(url: str, jwt: Path) -> Any:
        timed.append(_Timed(await connect_engine(url, jwt)))
        return timed[-1]

    own, engine = [], []
    with patch.object(building, "connect_engine", connect_timed):
        async with (
            _connected(chains["op"].ws_url) as node,
            _connected(chains["l1"].ws_url) as l1,
            building.builder_of(chains["op"], network.contracts)(node, l1) as builder,
        ):
            for _ in range(blocks):
                waiting = await _twenty(node, int(chains["op"].plan.chain_id))
                timed[0].seconds, began = 0.0, time.perf_counter()
                await builder.seal(waiting, empty=False)
                whole = time.perf_counter() - began - filling_time(waiting)
                own.append(1e3 * (whole - timed[0].seconds))
                engine.append(1e3 * timed[0].seconds)
    return median(own), median(engine)


async def _twenty(node: WebSocketRpc, chain_id: int) -> int:
    """Twenty transfers that wait in the pool."""
    first = int(await node.call("eth_getTransactionCount", ADDRESSES[0], "pending"), 16)
    for raw in _transfers(chain_id, first, 20):
        await node.call("eth_sendRawTransaction", raw)
    await asyncio.sleep(0.01)
    return int((await node.call("txpool_status"))["pending"], 16)


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[WebSocketRpc]:
    rpc = await connect(url)
    try:
        yield rpc
    finally:
        await rpc.close()


def _agent_weight(home: Home) -> int:
    """Resident bytes of the rollup's sequencer as a process of its own, once it is ready."""
    ready = home.directory / "sequencer-ready"
    agent = home.start(
        *("agent", "sequencer", "--devnet", _NAME, "--chain", "op", "--health-file", str(ready))
    )
    try:
        deadline = time.monotonic() + 20
        while not ready.exists():
            if time.monotonic() > deadline or agent.poll() is not None:
                raise RuntimeError(f"the sequencer alone is not ready: exit {agent.poll()}")
            time.sleep(0.02)
        return rss(agent.pid)
    finally:
        agent.terminate()
        agent.wait(timeout=10)
