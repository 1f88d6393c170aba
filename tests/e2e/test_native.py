"""A rollup with the OP Stack's own services beside one on Anvil, by command alone: deposit,
withdrawal through a dispute game, a false claim, messages, kills, and nothing left."""

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import pytest

from control_plane.adapters.evm.accounts import derive_accounts
from control_plane.adapters.evm.signer import account
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.hashing import keccak256
from control_plane.schemas.spec import TEST_MNEMONIC
from tests.acceptance.world import chain, rpc, rpc_answer, until
from tests.e2e.home import Home, is_alive, kill, new_home, ports_of
from tests.integration.op_stack.lab import find_op_stack
from tests.integration.op_stack.user import (
    CHALLENGER_WINS,
    DEFENDER_WINS,
    Chain,
    Withdrawal,
    call,
    claim_falsely,
    resolved,
)
from tests.integration.op_stack.user import until as until_async
from tests.nodes import find_op_geth

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
COIN = 10**18
SERVICES = ("op-node", "op-batcher", "op-proposer", "op-challenger")
SPEC = """
version: 1
name: native
l1: {block_time: 1}
rollups:
  - {name: op, engine: op-geth, services: native, block_time: 1, da: ethereum-calldata}
  - {name: arb, framework: arbitrum-nitro}
"""


class Http:
    """JSON-RPC over HTTP."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def call(self, method: str, *params: Any) -> Any:
        answer = await asyncio.to_thread(rpc_answer, self._url, method, *params)
        if "error" in answer:
            raise TemporaryFailure(f"{method} is refused", str(answer["error"]))
        return answer["result"]


@pytest.fixture(scope="module")
def net() -> Iterator[Home]:
    find_op_geth()
    for name in SERVICES:
        find_op_stack(name)
    with new_home() as home:
        (home.home / "native.yaml").write_text(SPEC)
        home.run("up", "native.yaml", timeout=120)
        yield home


def user(net: Home, name: str, index: int) -> Chain:
    found = chain(net.status(), name)
    who = derive_accounts(TEST_MNEMONIC, index + 1)[index]
    return Chain(Http(found["rpc_url"]), found["chain_id"], who)


def portal_of(net: Home) -> dict[str, str]:
    return dict(chain(net.status(), "op")["l1_contracts"])


def programs(net: Home) -> dict[str, int]:
    """Process ids of the native services."""
    mark = f"{net.home}/devnets/native/nodes/op/native/"
    return {
        process.command.removeprefix(mark).split()[0]: process.pid
        for process in net.processes()
        if process.command.startswith(mark)
    }


def states(net: Home) -> dict[str, str]:
    return {service["name"]: service["state"] for service in net.status()["services"]}


def restarts(net: Home, service: str) -> int:
    return int(next(s["restarts"] for s in net.status()["services"] if s["name"] == service))


def test_status_says_that_they_are_the_framework_s_own(net: Home) -> None:
    rollup = chain(net.status(), "op")
    assert (rollup["services"], rollup["surface"]) == ("native", "complete")
    assert rollup["da"] == "ethereum-calldata"
    assert "optimismPortal" in rollup["l1_contracts"]
    found = states(net)
    assert all(found[f"op/{name}"] == "ready" for name in (*SERVICES, "journal"))
    assert "op/sequencer" not in found
    assert chain(net.status(), "arb")["services"] == "caldera"
    assert "Sequencer" in net.run("logs", "--service", "op/op-node").stdout
    text = " ".join(process.command for process in net.processes())
    assert "private" not in text


def test_predeploys_and_our_contracts_stand_side_by_side(net: Home) -> None:
    rollup = user(net, "op", 0)
    at = portal_of(net)

    async def read() -> None:
        bridge = "0x4200000000000000000000000000000000000010"
        other = await rollup.read(bridge, "otherBridge()")
        assert other[-20:].hex() == at["l1StandardBridge"].lower()[2:]
        mailbox = chain(net.status(), "op")["contracts"]["mailbox"]
        assert await rollup.number(mailbox, "localDomain()") == 901
        block = await rollup.rpc.call("eth_getBlockByNumber", "0x1", True)
        assert block["transactions"][0]["type"] == "0x7e"

    asyncio.run(read())


def test_a_deposit_is_credited_and_a_withdrawal_finalized_and_a_false_claim_lost(
    net: Home,
) -> None:
    asyncio.run(_deposit_and_withdraw(net))


async def _deposit_and_withdraw(net: Home) -> None:
    alice, mallory, rollup = user(net, "l1", 0), user(net, "l1", 1), user(net, "op", 0)
    at = portal_of(net)
    bob, carol, dave = (account(keccak256(name)).address for name in (b"bob", b"carol", b"dave"))
    data = call(
        "depositTransaction(address,uint256,uint64,bool,bytes)", bob, 7 * COIN, 100_000, False, b""
    )
    await alice.send(at["optimismPortal"], data, value=7 * COIN)

    async def credited() -> bool:
        return await rollup.balance(bob) == 7 * COIN

    await until_async("the deposit", credited, 30)

    async def withdraw() -> None:
        plain = Withdrawal(rollup, alice, at, carol)
        await plain.initiate(COIN)
        bridged = Withdrawal(rollup, alice, at, dave)
        await bridged.initiate_by_bridge(2 * COIN)
        for withdrawal in (plain, bridged):
            await withdrawal.prove()
        for withdrawal in (plain, bridged):
            assert await resolved(alice, withdrawal.game) == DEFENDER_WINS
            await withdrawal.finalize()
        assert await alice.balance(carol) == COIN
        assert await alice.balance(dave) == 2 * COIN

    async def claim() -> None:
        game = await claim_falsely(mallory, at, 1)
        assert await resolved(mallory, game) == CHALLENGER_WINS

    await asyncio.gather(withdraw(), claim())


@pytest.mark.parametrize(("origin", "destination"), [("op", "arb"), ("arb", "op"), ("l1", "op")])
def test_messages_go_both_ways(net: Home, origin: str, destination: str) -> None:
    # never the same twice: a message that a killed node lost could have its id again
    body = "0x" + os.urandom(8).hex()
    sent = net.json("message", "send", origin, destination, "--body", body, "--wait")
    assert sent["delivered_tx"]


@pytest.mark.parametrize("name", ["op-node", "op-batcher"])
def test_a_killed_service_is_back(net: Home, name: str) -> None:
    before = programs(net)[name]
    kill(before)
    until(lambda: programs(net).get(name, before) != before, 20, f"{name} runs again")
    until(lambda: states(net)[f"op/{name}"] == "ready", 20, f"{name} is ready")
    net.wait_state("ready")
    test_messages_go_both_ways(net, "op", "arb")


def test_a_new_daemon_takes_them_over(net: Home) -> None:
    before = programs(net)
    assert set(before) == set(SERVICES)
    net.kill_daemon()
    net.wait_state("ready", 30)
    assert programs(net) == before
    test_messages_go_both_ways(net, "op", "arb")


def test_a_killed_node_is_back_with_its_services(net: Home) -> None:
    kill(net.node("op").pid)
    net.wait_state("ready", 60)
    until(lambda: set(programs(net)) == set(SERVICES), 20, "all services run")
    test_messages_go_both_ways(net, "arb", "op")


def test_a_killed_l1_is_followed(net: Home) -> None:
    net.wait_state("ready")
    before = restarts(net, "l1/node")
    kill(net.node("l1").pid)
    until(lambda: restarts(net, "l1/node") > before, 20, "it is started again")
    net.wait_state("ready", 60)
    op = chain(net.status(), "op")["rpc_url"]
    height = int(rpc(op, "eth_blockNumber"), 16)
    until(lambda: int(rpc(op, "eth_blockNumber"), 16) > height + 2, 30, "further blocks")
    test_messages_go_both_ways(net, "op", "arb")


def test_a_stopped_devnet_goes_on(net: Home) -> None:
    net.run("stop")
    assert not programs(net)
    net.run("start", timeout=90)
    test_messages_go_both_ways(net, "op", "arb")


def test_nothing_is_left_after_down(net: Home) -> None:
    ports, pids = ports_of(net.status()), programs(net).values()
    net.run("down", "-y")
    assert not any(is_alive(pid) for pid in pids)
    net.assert_clean(*ports)
    assert not os.listdir(net.home / "devnets")  # noqa: PTH208
