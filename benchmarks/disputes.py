"""What it takes to dispute a wrong output away: transactions, gas and seconds on the L1."""

import asyncio
import json
from typing import Any

from benchmarks.chain import Client
from benchmarks.harness import Figure, Home
from benchmarks.messages import ADDRESSES
from control_plane.domain.settlement import FRAME_POSTED
from control_plane.domain.settlement.disputes import CHALLENGE_OPENED, GAME_CLOSED

_NAME = "disputes"
_POSTED = "0x" + FRAME_POSTED.hex()
_DEADLINE = 120
_CHALLENGER_WON = 9


def measure(home: Home, smoke: bool) -> list[Figure]:
    """One output over all blocks of a chain, forged; nobody helps."""
    blocks = 60 if smoke else 1_000
    home.run(
        *("up", "minimal", "--name", _NAME, "--set", "rollups.op.da=ethereum-calldata"),
        *("--set", "rollups.op.proof=fraud", "--set", "save_interval=0.5"),
    )
    home.run("stop", "--service", "op/proposer", "--devnet", _NAME)
    status = home.json("status", _NAME)
    asyncio.run(_fill(status, blocks))
    home.run("chaos", "start", "output-forged", "op", "--devnet", _NAME)
    return asyncio.run(_dispute(home, status, blocks))


async def _fill(status: dict[str, Any], blocks: int) -> None:
    """A transfer in each block, all posted in the end."""
    op, l1 = status["rollups"][0], status["l1"]
    async with (
        asyncio.timeout(_DEADLINE),
        Client(op["ws_url"]) as rollup,
        Client(l1["ws_url"]) as inbox,
    ):
        await rollup.call("eth_subscribe", "newHeads")
        posted = {"address": op["l1_contracts"]["batchInbox"], "topics": [_POSTED]}
        await inbox.call("eth_subscribe", "logs", posted)
        head = 0
        while head < blocks:
            transfer = {"from": ADDRESSES[0], "to": ADDRESSES[1], "value": "0x1", "gas": "0x5208"}
            await rollup.call("eth_sendTransaction", transfer)
            head = int((await rollup.news.get())["number"], 16)
        while True:
            log = await inbox.news.get()
            if int(log["data"][2 + 128 : 2 + 192], 16) >= head:  # its last block
                return


async def _dispute(home: Home, status: dict[str, Any], blocks: int) -> list[Figure]:
    """From the challenge to the end of the game, as the L1 shows it."""
    game = status["rollups"][0]["l1_contracts"]["disputeGame"]
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(_DEADLINE), Client(status["l1"]["ws_url"]) as l1:
        await l1.call("eth_subscribe", "logs", {"address": game})
        await asyncio.to_thread(home.run, "start", "--service", "op/proposer", "--devnet", _NAME)
        opened = await _first(l1, CHALLENGE_OPENED)
        began = loop.time()
        closed = await _first(l1, GAME_CLOSED)
        seconds = loop.time() - began
        if int(closed["data"][2:66], 16) != _CHALLENGER_WON:
            raise RuntimeError(f"the forged output stands: {json.dumps(closed)}")
        low, high = (int(opened["data"][2 + 64 * at : 66 + 64 * at], 16) for at in (3, 4))
        found = await _moves(l1, game, opened, closed)
    name = f"disputes: a wrong output over {blocks:,} blocks"
    if high - low < blocks - 2:
        raise RuntimeError(f"the output is about blocks {low} to {high} only")
    return [
        Figure(f"{name}, transactions on the L1", len(found), "transactions"),
        Figure(f"{name}, gas", sum(found), "gas"),
        Figure(f"{name}, from challenge to end", seconds, "s"),
    ]


async def _first(l1: Client, topic: bytes) -> dict[str, Any]:
    while True:
        log = await l1.news.get()
        if log["topics"][0] == "0x" + topic.hex():
            return dict(log)


async def _moves(
    l1: Client, game: str, opened: dict[str, Any], closed: dict[str, Any]
) -> list[int]:
    """Gas of every transaction to the game."""
    gas = []
    for number in range(int(opened["blockNumber"], 16), int(closed["blockNumber"], 16) + 1):
        block = await l1.call("eth_getBlockByNumber", hex(number), True)
        for transaction in block["transactions"]:
            if (transaction["to"] or "").lower() == game.lower():
                receipt = await l1.call("eth_getTransactionReceipt", transaction["hash"])
                gas.append(int(receipt["gasUsed"], 16))
    return gas
