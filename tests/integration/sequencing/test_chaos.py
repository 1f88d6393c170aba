"""Everything at once: both nodes and the sequencer killed, the L1 losing blocks, under load."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import pytest

from control_plane.adapters.engine.anvil import AnvilEngine
from control_plane.domain.op_stack import deposit_of_log
from control_plane.domain.rpc import RpcError
from tests.integration.sequencing.lab import ACCOUNTS, Lab, running, until
from tests.integration.sequencing.load import Load
from tests.integration.sequencing.test_l1_reorgs import origins_stand

pytestmark = [pytest.mark.integration, pytest.mark.slow]

STEPS = 20


class Chaos:
    def __init__(self, lab: Lab, portal: bytes) -> None:
        self.lab = lab
        self.portal = portal
        self.all: list[Callable[[], Awaitable[None]]] = [
            *(self.l1_advances, self.deposit, self.deposit, self.reorg, self.rollback),
            *(self.kill_op_geth, self.restart_sequencer, self.kill_l1, self.save_l1),
        ]

    async def l1_advances(self) -> None:
        assert self.lab.l1.agent is not None
        for _ in range(3):
            await self.lab.l1.agent.seal_now()

    async def deposit(self) -> None:
        nonce = await self.lab.l1.nonce(ACCOUNTS[4])
        with contextlib.suppress(RpcError):  # one with that nonce waits already
            await self.lab.l1.send(ACCOUNTS[4], nonce, to=self.portal, gas=100_000)

    async def reorg(self) -> None:
        await self._unless_too_deep("anvil_reorg", 3, [])

    async def rollback(self) -> None:
        await self._unless_too_deep("anvil_rollback", 2)

    async def _unless_too_deep(self, method: str, *params: object) -> None:
        if await self.lab.l1.height() > 6:
            with contextlib.suppress(RpcError):  # it has no states from before it was restored
                await self.lab.l1.call(method, *params)

    async def kill_op_geth(self) -> None:
        await self.lab.kill_node(self.lab.l2)
        await self.lab.start_node(self.lab.l2)
        await self.restart_sequencer()

    async def restart_sequencer(self) -> None:
        await self.lab.halt(self.lab.l2)
        await self.lab.sequence(self.lab.l2)

    async def kill_l1(self) -> None:
        await self.lab.kill_node(self.lab.l1)
        await self.lab.start_node(self.lab.l1)
        await self.lab.ready(self.lab.l1)

    async def save_l1(self) -> None:
        assert self.lab.l1.agent is not None
        async with self.lab.l1.agent.paused():
            await AnvilEngine().save(self.lab.l1.spec, self.lab.l1.rpc)


@pytest.mark.parametrize("seed", [1, 3])
async def test_the_chain_stays_one_chain_and_every_deposit_is_in_it_once(
    tmp_path: Path, seed: int
) -> None:
    dice = random.Random(seed)
    async with running(tmp_path) as lab:
        await lab.sequence(lab.l2)
        chaos = Chaos(lab, bytes.fromhex((await lab.deploy_portal())[2:]))
        await chaos.save_l1()
        load = Load(lab.l2.handle.ws_url, lab.l2.spec.chain.chain_id, ACCOUNTS[0])
        task = asyncio.create_task(load.run())
        try:
            for _ in range(STEPS):
                await asyncio.sleep(dice.random() / 2)
                await dice.choice(chaos.all)()
            goal = len(load.sealed) + 10

            async def goes_on() -> bool:
                return len(load.sealed) >= goal

            await until(goes_on, 30)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await until(lambda: origins_stand(lab), 20)
        await until(lambda: deposits_are_there_once(lab, chaos.portal), 20)
        load.sealed.clear()  # an L1 that loses blocks may take blocks of the rollup along
        await load.check()
        blocks = [await lab.l2.block(n) for n in range(await lab.l2.height() + 1)]
        assert all(a["hash"] == b["parentHash"] for a, b in pairwise(blocks))


async def deposits_are_there_once(lab: Lab, portal: bytes) -> bool:
    """Whether the rollup has the deposits that the L1 has now, in order, and no others."""
    wanted = {"address": "0x" + portal.hex(), "fromBlock": "0x0", "toBlock": "latest"}
    logs = await lab.l1.call("eth_getLogs", wanted)
    ordered = ["0x" + deposit_of_log(log).source.hex() for log in logs if len(log["topics"]) == 4]
    found = []
    for number in range(1, await lab.l2.height() + 1):
        transactions = (await lab.l2.block(number, full=True))["transactions"][1:]
        found += [tx["sourceHash"] for tx in transactions if tx["type"] == "0x7e"]
    return found == ordered
