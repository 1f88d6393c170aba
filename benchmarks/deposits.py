"""How long a deposit on the L1 takes until it is in a block of the rollup."""

import asyncio
import random
import time
from collections.abc import Mapping
from typing import Any, Final

from benchmarks.harness import Figure, Home, median
from control_plane.adapters.evm.rpc import WebSocketRpc, connect
from control_plane.domain.calls import encode_call
from control_plane.domain.op_stack import deposit_of_log

_NAME: Final = "deposits"
_DEPOSIT: Final = "depositTransaction(address,uint256,uint64,bool,bytes)"
_FRESH: Final = b"\xea" * 20
_LOOK: Final = 0.002
_DEADLINE: Final = 30.0


def measure(home: Home, smoke: bool) -> list[Figure]:
    """With an L1 that seals once a second, and with one that seals at once."""
    figures = []
    for block_time, target in ((1, 1000.0), (0, None)):
        up = ("up", "minimal", "--name", _NAME, "--set", f"l1.block_time={block_time}")
        home.run(*up, "--set", "rollups.op.da=ethereum-calldata", "--set", "rollups.op.proof=fraud")
        try:
            status = home.json("status", _NAME)
            waited, behind = asyncio.run(_measure(status, 10 if smoke else 40))
        finally:
            home.run("down", _NAME, "-y")
        l1 = f"an L1 with {block_time} s blocks" if block_time else "an L1 at block time 0"
        name = f"deposits: sent on {l1} → on the rollup, median"
        sealed = waited - behind
        floor = "until it is in a block of the L1"
        figures.append(Figure(name, waited * 1e3, "ms", sealed * 1e3, floor, target))
    return figures


async def _measure(status: Mapping[str, Any], count: int) -> tuple[float, float]:
    """Medians of seconds: from sending to the rollup's receipt, and from the L1's to that."""
    l1 = await connect(status["l1"]["ws_url"])
    rollup = await connect(status["rollups"][0]["ws_url"])
    portal = status["rollups"][0]["l1_contracts"]["optimismPortal"]
    rnd = random.Random(1)
    waited, behind = [], []
    try:
        sender = (await l1.call("eth_accounts"))[0]
        data = encode_call(_DEPOSIT, _FRESH, 1, 100_000, False, b"")
        call = {"from": sender, "to": portal, "value": "0x1", "data": "0x" + data.hex()}
        for _ in range(count):
            await asyncio.sleep(rnd.random())  # at any moment of the L1's second
            began = time.perf_counter()
            sent = await l1.call("eth_sendTransaction", call | {"gas": hex(300_000)})
            (log,) = (await _receipt(l1, sent))["logs"]
            sealed = time.perf_counter()
            await _receipt(rollup, deposit_of_log(log).hash)
            waited.append(time.perf_counter() - began)
            behind.append(time.perf_counter() - sealed)
    finally:
        await l1.close()
        await rollup.close()
    return median(waited), median(behind)


async def _receipt(rpc: WebSocketRpc, hash_: str) -> Mapping[str, Any]:
    async with asyncio.timeout(_DEADLINE):
        while True:
            found: Mapping[str, Any] | None = await rpc.call("eth_getTransactionReceipt", hash_)
            if found is not None:
                return found
            await asyncio.sleep(_LOOK)
