"""Validators through kills and reorgs: nothing is signed twice, and messages say what they lack."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.world import rpc, until
from tests.e2e.home import Home

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def devnet(home: Home) -> Home:
    home.run("up", "--rollups", "2", "--set", "metalayer.validators=2")
    return home


def _guarded(home: Home) -> str:
    return str(home.status()["l1"]["contracts"]["guardedTestRecipient"])


def _send(home: Home, body: bytes, *options: str) -> Any:
    return home.json(
        *("message", "send", "op", "arb", "--to", _guarded(home), "--body", "0x" + body.hex()),
        *options,
    )


def _checkpoints(home: Home, validator: int) -> dict[str, str]:
    directory = home.home / "devnets/default/checkpoints" / f"validator-{validator}" / "op"
    return {path.name: path.read_text() for path in directory.glob("*_with_id.json")}


def _trace(home: Home, id_: str) -> dict[str, Any]:
    return dict(home.json("message", "trace", id_))


def test_a_killed_daemon_goes_on_where_it_was(devnet: Home) -> None:
    _send(devnet, b"one", "--wait")
    before = _checkpoints(devnet, 0)
    assert set(before) == {"0_with_id.json"}
    devnet.kill_daemon()
    devnet.run("up")
    _send(devnet, b"two", "--wait")
    after = _checkpoints(devnet, 0)
    assert set(after) == {"0_with_id.json", "1_with_id.json"}
    assert after["0_with_id.json"] == before["0_with_id.json"]
    announced = [e for e in devnet.events("default") if e["type"] == "checkpoint.refused"]
    assert announced == []


def test_a_stopped_validator_is_named(devnet: Home) -> None:
    devnet.run("stop", "--service", "validator-1")
    sent = _send(devnet, b"one")
    address = _announced_by(devnet, 1)

    def is_told() -> bool:
        reason = _trace(devnet, sent["id"])["reason"] or ""
        return "1 of 2 signatures" in reason and address in reason

    until(is_told, 10, "the message says whose signature it lacks")
    devnet.run("start", "--service", "validator-1")
    until(lambda: _trace(devnet, sent["id"])["state"] == "delivered", 10, "it is delivered")


def test_a_validator_alone_and_a_relayer_alone(devnet: Home) -> None:
    """Each in a process of its own, with what stands in the devnet's directory."""
    for service in ("validator-1", "relayer"):
        devnet.run("stop", "--service", service)
    agents = [
        devnet.start("agent", "validator", "--index", "1"),
        devnet.start("agent", "relayer"),
    ]
    try:
        _send(devnet, b"one", "--wait")
        assert set(_checkpoints(devnet, 1)) == {"0_with_id.json"}
    finally:
        for agent in agents:
            agent.terminate()
        for agent in agents:
            agent.communicate(timeout=10)


def test_no_second_checkpoint_for_an_index_after_a_reorg(devnet: Home) -> None:
    """The first message goes with its block, the second takes its place in the tree: it is never
    signed, and the third is."""
    (op,) = (r for r in devnet.status()["rollups"] if r["name"] == "op")
    snapshot = rpc(op["rpc_url"], "evm_snapshot")
    _send(devnet, b"gone", "--wait")
    before = [_checkpoints(devnet, validator) for validator in (0, 1)]
    assert rpc(op["rpc_url"], "evm_revert", snapshot) is True
    until(lambda: _lost(devnet), 15, "the indexer noticed")
    second = _send(devnet, b"in its place")

    def is_told() -> bool:
        reason = _trace(devnet, second["id"])["reason"] or ""
        return "2 validators signed another message in its place, before a reorg" in reason

    until(is_told, 15, "the message says why it can't be proven")
    assert [_checkpoints(devnet, validator) for validator in (0, 1)] == before
    refused = [e for e in devnet.events("default") if e["type"] == "checkpoint.refused"]
    assert {e["service"] for e in refused} == {"validator-0", "validator-1"}
    assert all(e["data"]["ids"] == [second["id"]] for e in refused)
    _send(devnet, b"after it", "--wait")
    for validator in (0, 1):
        found = _checkpoints(devnet, validator)
        assert set(found) == {"0_with_id.json", "1_with_id.json"}


def _lost(home: Home) -> bool:
    return any(e["type"] == "chain.reorged" for e in home.events("default"))


def _announced_by(home: Home, validator: int) -> str:
    path = Path("devnets/default/checkpoints") / f"validator-{validator}" / "op/announcement.json"
    value = json.loads((home.home / path).read_text())["value"]
    return str(value["validator"])
