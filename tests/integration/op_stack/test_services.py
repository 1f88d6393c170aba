"""The OP Stack's own services with real nodes: deposit, withdrawal, a false claim, kills."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from control_plane.adapters.engine.journal import Journal, journal_directory
from control_plane.adapters.evm.accounts import derive_accounts
from control_plane.adapters.runtime.identity import command_of, identity_of
from control_plane.domain.ports.node import Account
from control_plane.domain.states import ServiceState
from tests.integration.op_stack.lab import NativeLab, native_lab, pid_of
from tests.integration.op_stack.user import (
    Chain,
    call,
    until,
)
from tests.nodes import kill

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="module"),
]
COIN = 10**18
BOB = "0x" + "b0" * 20
CAROL = "0x" + "c0" * 20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[NativeLab]:
    async with native_lab(tmp_path_factory.mktemp("native")) as lab:
        yield lab


def user(lab: NativeLab, index: int) -> Account:
    return derive_accounts(lab.plan.accounts.mnemonic, 2)[index]


def on_l1(lab: NativeLab, index: int = 0) -> Chain:
    return Chain(lab.l1, lab.plan.l1.chain_id, user(lab, index))


def on_rollup(lab: NativeLab, index: int = 0) -> Chain:
    return Chain(lab.op, lab.plan.rollups[0].chain_id, user(lab, index))


async def deposit(lab: NativeLab, to: str, value: int) -> None:
    """Until it is credited."""
    rollup = on_rollup(lab)
    before = await rollup.balance(to)
    function = "depositTransaction(address,uint256,uint64,bool,bytes)"
    data = call(function, to, value, 100_000, False, b"")
    await on_l1(lab).send(lab.at["optimismPortal"], data, value=value)

    async def credited() -> bool:
        return await rollup.balance(to) == before + value

    await until("the deposit", credited, 30)


async def test_deposits_are_credited(lab: NativeLab) -> None:
    await deposit(lab, BOB, 7 * COIN)
    lab.mark("deposit credited")
    bridge = call("depositETHTo(address,uint32,bytes)", CAROL, 200_000, b"")
    await on_l1(lab).send(lab.at["l1StandardBridge"], bridge, value=3 * COIN)

    async def credited() -> bool:
        return await on_rollup(lab).balance(CAROL) == 3 * COIN

    await until("the deposit through the bridge", credited, 30)
    lab.mark("deposit through the standard bridge credited")


@pytest.mark.parametrize("name", ["op-node", "op-batcher", "op-proposer", "op-challenger"])
async def test_a_killed_service_is_back(lab: NativeLab, name: str) -> None:
    service = f"op/{name}"
    pid = pid_of(lab, name)
    assert pid is not None
    before = await lab.op_node("optimism_syncStatus")
    kill(pid)

    async def back() -> bool:
        ready = lab.states()[service] is ServiceState.READY
        return ready and pid_of(lab, name) not in {None, pid}

    await until(f"{service}'s return", back, 30)

    async def goes_on() -> bool:
        now = await lab.op_node("optimism_syncStatus")
        return all(
            now[head]["number"] > before[head]["number"] for head in ("unsafe_l2", "safe_l2")
        )

    await until("further blocks, safe ones too", goes_on, 60)
    lab.mark(f"{name} is back, and blocks become safe")
    assert await on_rollup(lab).balance(BOB) == 7 * COIN


async def test_a_killed_node_gets_back_what_was_written_down(lab: NativeLab) -> None:
    directory = journal_directory(lab.files.node("op"))
    for _ in range(3):
        sent = await on_rollup(lab).send(BOB, value=1, gas=21_000)
        number = int(sent["blockNumber"], 16)

        async def written(wanted: int = number) -> bool:
            head = (await asyncio.to_thread(Journal, directory)).head
            return head is not None and head.number >= wanted

        await until("the block in the journal", written, 5)
        node = lab.nodes["op"]
        kill(node.pid)
        await lab.runtime.wait_exit(node)
        await lab.restart_killed_node()
        block = await lab.op.call("eth_getBlockByNumber", hex(number), False)
        assert block["hash"] == sent["blockHash"]

        async def goes_on(past: int = number) -> bool:
            return int(await lab.op.call("eth_blockNumber"), 16) > past + 2

        await until("further blocks", goes_on, 30)
        again = await lab.op.call("eth_getBlockByNumber", hex(number), False)
        assert again["hash"] == sent["blockHash"]
    lab.mark("killed three times")


async def test_secrets_are_not_in_argv_and_only_loopback_is_listened_on(lab: NativeLab) -> None:
    for name in ("op-node", "op-batcher", "op-proposer", "op-challenger"):
        keys = [account.key.hex() for account in lab.site.accounts.every]
        line = " ".join(command_of(pid_of(lab, name) or 0))
        assert "--" in line
        assert not any(key in line for key in keys)
        host = lab.site.endpoints[name][0]
        assert host.startswith("127.")
        assert host != "127.0.0.1"


async def test_nothing_is_left(lab: NativeLab) -> None:
    """Last in this module: it stops everything."""
    pids = [pid_of(lab, name) or 0 for name in ("op-node", "op-batcher")]
    assert all(pids)
    await lab.supervisor.stop()
    assert all(identity_of(pid) is None for pid in pids)
    assert await lab.programs.end_below(lab.home) == 0
