"""Outputs of a rollup on the L1: each after its channel, final when its window is over, each once,
whatever was killed meanwhile."""

from collections.abc import Iterator
from typing import Any

import pytest

from control_plane.domain.calls import encode_call
from control_plane.domain.settlement.outputs import (
    BOND,
    Output,
    decode_output,
    next_index_call,
    output_call,
    output_root,
)
from tests.acceptance.world import rpc, until
from tests.e2e.home import Home, kill, new_home
from tests.e2e.messages import At, chains_of

_NAME = "net"
_WINDOW = 3


@pytest.fixture
def net() -> Iterator[Home]:
    with new_home() as home:
        home.run(
            *("up", "minimal", "--name", _NAME, "--set", "rollups.op.da=ethereum-calldata"),
            *("--set", "rollups.op.proof=fraud", "--set", "save_interval=0.5"),
            *("--set", f"rollups.op.finalization_window={_WINDOW}"),
        )
        yield home


def ask(home: Home, data: bytes) -> bytes:
    """An answer of the oracle."""
    status = home.status()
    to = status["rollups"][0]["l1_contracts"]["l2OutputOracle"]
    call = {"to": to, "data": "0x" + data.hex()}
    return bytes.fromhex(rpc(status["l1"]["rpc_url"], "eth_call", call, "latest")[2:])


def outputs(home: Home) -> list[Output]:
    count = int.from_bytes(ask(home, next_index_call()))
    return [decode_output(ask(home, output_call(index))) for index in range(count)]


def settled(home: Home) -> list[dict[str, Any]]:
    """What the command lists once every block is in a final output, oldest first."""

    def is_there() -> bool:
        found = listed(home)
        head = chains_of(home.status())["op"].height
        return bool(found) and found[0]["block"] == head and found[0]["state"] == "final"

    until(is_there, 30, "every block is in a final output")
    return listed(home)[::-1]


def listed(home: Home) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = home.json("rollup", "outputs", "op")["outputs"]
    return found


def told(home: Home, what: str) -> list[dict[str, Any]]:
    return [e for e in home.events(_NAME) if e["type"] == what]


def must_be_the_rollups(home: Home, *, states: bool = True) -> None:
    """Every output is what the rollup's node says, and follows the one before. `states`: the node
    still has those of old blocks, which a start anew takes from Anvil."""
    op: At = chains_of(home.status())["op"]
    last = 0
    for found in outputs(home):
        at = hex(found.block_number)
        block = op.call("eth_getBlockByNumber", at, False)
        assert "0x" + found.block_hash.hex() == block["hash"]
        assert "0x" + found.state_root.hex() == block["stateRoot"]
        storage = found.message_passer_storage_root
        if states:
            passer = "0x4200000000000000000000000000000000000016"
            assert op.call("eth_getProof", passer, [], at)["storageHash"] == "0x" + storage.hex()
        assert found.output_root == output_root(found.state_root, storage, found.block_hash)
        assert found.block_number > last
        last = found.block_number


def test_an_output_follows_its_channel_and_is_final_after_its_window(net: Home) -> None:
    net.run("message", "send", "op", "l1", "--body", "0x6869", "--wait")
    found = settled(net)
    must_be_the_rollups(net)
    status = net.status()["rollups"][0]
    assert (status["proof"], status["finalization_window"]) == ("fraud", _WINDOW)

    posted = {e["data"]["to"] for e in told(net, "batch.posted")}
    assert {each["block"] for each in found} <= posted
    proposed = {e["data"]["index"]: e["at"] for e in told(net, "output.proposed")}
    until(lambda: len(told(net, "output.final")) == len(found), 5, "all finals are told")
    for event in told(net, "output.final"):
        assert event["data"]["index"] in proposed
    assert all(each.bond == 0 for each in outputs(net))  # they are back

    # the block of an output is final, one between two is not known
    status = net.status()
    outputs_at = status["rollups"][0]["l1_contracts"]["finalOutputs"]
    data = encode_call("finalBlock(uint32,uint64)", 901, found[0]["block"]).hex()
    call = {"to": outputs_at, "data": "0x" + data}
    answer = rpc(status["l1"]["rpc_url"], "eth_call", call, "latest")
    assert int(answer[:66], 16) == 1
    assert "0x" + answer[66:130] == found[0]["block_hash"]


def test_kills_lose_nothing_and_repeat_nothing(net: Home) -> None:
    for n, victim in enumerate(("op", "l1", "daemon")):
        # each another one: what a kill takes would have the id of the same one sent again
        net.run("message", "send", "op", "l1", "--body", f"0x{n:02x}", "--wait")
        if victim == "daemon":
            net.kill_daemon()
            net.run("status")
        else:
            kill(net.node(victim).pid)
        net.wait_state("ready", 30)
    net.run("message", "send", "l1", "op", "--body", "0x6869", "--wait")
    found = settled(net)
    must_be_the_rollups(net, states=False)
    assert [each["index"] for each in found] == list(range(len(found)))
    blocks = [each["block"] for each in found]
    assert len(set(blocks)) == len(blocks)

    net.run("stop", _NAME)
    net.run("start", _NAME)
    net.run("message", "send", "op", "l1", "--body", "0x6869", "--wait")
    later = settled(net)
    assert [each["block_hash"] for each in later[: len(found)]] == [
        each["block_hash"] for each in found
    ]
    assert int.from_bytes(ask(net, encode_call("BOND()"))) == BOND


def test_a_rollup_that_is_added_settles_too(net: Home) -> None:
    net.run("rollup", "add", "plain")
    done = net.run("rollup", "outputs", "plain", check=False)
    assert done.returncode != 0
    assert "names no `proof`" in done.stderr

    net.run("rollup", "add", "late", "--da", "ethereum-calldata", "--proof", "fraud")
    net.run("message", "send", "late", "l1", "--body", "0x6869", "--wait")
    until(lambda: _of(net, "late"), 20, "an output of the added rollup")
    done = net.run("rollup", "outputs", "l1", check=False)
    assert done.returncode == 3


def _of(home: Home, rollup: str) -> bool:
    return bool(home.json("rollup", "outputs", rollup)["total"])
