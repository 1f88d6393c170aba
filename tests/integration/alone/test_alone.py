"""Agents as processes of their own, without a daemon."""

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from control_plane.domain.formats import Finality
from control_plane.domain.reads import Demands, ReadOperation, RouterMessage
from tests.e2e.messages import Burst, assert_all_delivered_once, flowing
from tests.integration.alone.stack import Stack, running_nodes, until
from tests.nodes import free_port

_END = 2.0
TOTAL_SUPPLY = bytes.fromhex("18160ddd")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_nodes(tmp_path_factory.mktemp("alone")) as found:
        found.bootstrap()
        found.start_all()
        found.wait_ready()
        yield found


def test_messages_arrive_without_a_daemon(stack: Stack) -> None:
    op, arb, l1 = (stack.at(name) for name in ("op", "arb", "l1"))
    Burst.between(op, arb, "a").send(20)
    Burst.between(arb, l1, "b").send(20)
    assert_all_delivered_once(op, arb, at_least=20)
    assert_all_delivered_once(arb, l1, at_least=20)


def test_final_messages_with_reads_arrive_without_a_daemon(stack: Stack) -> None:
    """Sequencer, aggregator and guardians hear in their own processes what is demanded."""
    op, arb, l1 = (stack.at(name) for name in ("op", "arb", "l1"))
    there = len(op.dispatched())
    read = ReadOperation(l1.domain, bytes.fromhex(stack.contracts["era"][2:]), TOTAL_SUPPLY)
    for demanded in (Demands(Finality.FINALIZED), Demands(Finality.FINALIZED, (read,))):
        recipient = bytes.fromhex(arb.recipient[2:])
        message = RouterMessage(arb.domain, recipient, b"final", demanded, 200_000)
        op.call(
            "eth_sendTransaction",
            {
                "from": op.call("eth_accounts")[0],
                "to": stack.contracts["metalayerRouter"],
                "data": "0x" + message.calldata("dispatch").hex(),
                "gas": hex(1_000_000),
            },
        )
    assert_all_delivered_once(op, arb, at_least=there + 2)


def test_bootstrap_again_changes_nothing(stack: Stack) -> None:
    before = {chain.name: stack.at(chain.name).block_hash(1) for chain in stack.plan.chains}
    stack.bootstrap()
    assert before == {chain.name: stack.at(chain.name).block_hash(1) for chain in stack.plan.chains}


@pytest.mark.parametrize(
    "service", ["op/sequencer", "indexer", "guardian-1", "aggregator", "relayer"]
)
def test_killed_under_a_stream_of_messages(stack: Stack, service: str) -> None:
    op, arb = stack.at("op"), stack.at("arb")
    burst = Burst.between(op, arb, f"kill {service}")
    there = len(op.dispatched())
    with flowing(burst, each=4, pause=0.1):
        for _ in range(2):
            enough = burst.sent + 20
            until(partial(_has_sent, burst, enough), 20, "messages flow")
            stack.kill(service)
            stack.start(service)
            stack.wait_ready(service)
    assert_all_delivered_once(op, arb, at_least=there + burst.sent)
    stack.wait_ready()


def _has_sent(burst: Burst, enough: int) -> bool:
    return burst.sent >= enough


def test_ends_within_two_seconds_of_being_told(stack: Stack) -> None:
    for service in ("op/sequencer", "indexer", "guardian-1", "aggregator", "relayer"):
        began = time.monotonic()
        assert stack.kill(service, signal.SIGTERM) == 0, stack.log(service).read_text()[-500:]
        took = time.monotonic() - began
        stack.start(service)
        assert took < _END, f"{service} took {took:.2f} s"
    stack.wait_ready()


def test_a_role_runs_once(stack: Stack) -> None:
    second = subprocess.run(
        stack.command("relayer")[:-2], capture_output=True, text=True, timeout=20, check=False
    )
    assert second.returncode == 4
    holder = stack.agents["relayer"].pid
    assert f"caldera agent relayer, process {holder} on " in second.stderr


def test_guardian_looks_through_its_own_nodes(stack: Stack) -> None:
    """Another RPC for one chain: where nobody answers, the guardian signs nothing and says why."""
    nowhere = f"ws://127.0.0.1:{free_port()}"
    stack.kill("guardian-2", signal.SIGTERM)
    stack.start("guardian-2", "--rpc", f"op={nowhere}")
    stack.wait_ready("guardian-2")
    op, arb = stack.at("op"), stack.at("arb")
    burst = Burst.between(op, arb, "other rpc")
    burst.send(5)
    assert_all_delivered_once(op, arb, at_least=5)
    until(lambda: _absent(stack) == [2], 10, "guardian 2 is absent")
    assert nowhere in stack.health("guardian-2")[1]["problem"]
    stack.kill("guardian-2", signal.SIGTERM)
    stack.start("guardian-2")
    stack.wait_ready("guardian-2")
    burst.send(5)
    until(lambda: _absent(stack) == [], 10, "guardian 2 signs again")


def _absent(stack: Stack) -> list[int]:
    """Of the last certified epoch."""
    import json

    query = "SELECT absent FROM epochs WHERE certificate IS NOT NULL ORDER BY epoch DESC LIMIT 1"
    with sqlite3.connect(stack.directory / "shared.db") as database:
        (row,) = database.execute(query).fetchall()
    return list(json.loads(row[0]))


def test_votes_stand_in_the_guardians_own_journals(stack: Stack) -> None:
    def votes(file: Path) -> list[int]:
        with sqlite3.connect(file) as database:
            return [row[0] for row in database.execute("SELECT DISTINCT guardian FROM votes")]

    assert votes(stack.directory / "shared.db") == []
    for index in range(4):
        assert votes(stack.directory / f"agents/guardian-{index}.db") == [index]


def test_node_that_comes_back_goes_on_where_it_was_saved(stack: Stack) -> None:
    op, arb = stack.at("op"), stack.at("arb")
    Burst.between(op, arb, "before").send(5)
    assert_all_delivered_once(op, arb, at_least=5)
    height, sent = op.height, op.dispatched()
    file = stack.directory / "states/op/state"
    until(lambda: _saved_block(file) >= height, 10, "the chain is saved")
    stack.kill("op")
    stack.start_node("op")
    until(lambda: _height(stack) >= height, 10, "the chain is restored")
    assert op.dispatched() == sent
    Burst.between(op, arb, "after").send(5)
    assert_all_delivered_once(op, arb, at_least=len(sent) + 5)
    stack.wait_ready()


def _saved_block(file: Path) -> int:
    from control_plane.adapters.engine.saved_state import read_head

    head = read_head(file)
    return head.block if head else -1


def _height(stack: Stack) -> int:
    try:
        return stack.at("op").height
    except (OSError, AssertionError):
        return -1


def test_stack_that_was_stopped_goes_on(stack: Stack) -> None:
    """All processes end; nodes come back empty, bootstrap brings the chains back first."""
    op, arb = stack.at("op"), stack.at("arb")
    sent = op.dispatched()
    for service in stack.services:
        stack.kill(service, signal.SIGTERM)
    for chain in stack.plan.chains:
        stack.kill(chain.name)
        stack.start_node(chain.name)
    stack.bootstrap()
    assert op.dispatched() == sent
    stack.start_all()
    stack.wait_ready()
    Burst.between(op, arb, "again").send(5)
    assert_all_delivered_once(op, arb, at_least=len(sent) + 5)


def test_agent_whose_devnet_is_gone_ends(stack: Stack) -> None:
    stack.config.rename(stack.config.with_suffix(".gone"))
    try:
        assert stack.agents["relayer"].wait(timeout=20) == 3
    finally:
        stack.config.with_suffix(".gone").rename(stack.config)


@pytest.mark.parametrize("module", ["control_plane.alone"])
def test_starts_quickly(module: str) -> None:
    """No web framework, no general client, nothing of the daemon."""
    heavy = ("fastapi", "web3", "docker", "httpx", "alembic", "eth_account", "rich", "sqlalchemy")
    code = f"import {module}, sys; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
