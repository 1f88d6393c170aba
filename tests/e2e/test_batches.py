"""A rollup whose blocks are posted to the L1: rebuilt from there, whatever was killed meanwhile."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.world import until
from tests.e2e.home import Home, kill, new_home
from tests.e2e.messages import chains_of

_NAME = "net"
_BATCHED = ("up", "minimal", "--name", _NAME, "--set", "rollups.op.da=ethereum-calldata")


@pytest.fixture
def net() -> Iterator[Home]:
    with new_home() as home:
        home.run(*_BATCHED, "--set", "save_interval=0.5")
        yield home


def head(home: Home) -> int:
    return chains_of(home.status())["op"].height


def posted(home: Home) -> int:
    """Last block that an event says was posted."""
    events = home.events(_NAME)
    return max((e["data"]["to"] for e in events if e["type"] == "batch.posted"), default=0)


def verified(home: Home, seconds: float = 20) -> dict[str, Any]:
    """What `verify` says once all blocks are posted, for which `seconds` are waited."""
    until(lambda: posted(home) == head(home), seconds, "all blocks are posted")
    url = home.status()["rollups"][0]["rpc_url"]
    done = home.run("verify", "op", "--diagnose", url, "--json", check=False)
    found = json.loads(done.stdout)
    assert "verified" in found, (found, done.stderr)
    return dict(found["verified"])


def test_status_and_a_wrong_rollup(net: Home) -> None:
    status = net.status()
    (rollup,) = status["rollups"]
    assert rollup["da"] == "ethereum-calldata"
    assert rollup["l1_contracts"]["batchInbox"].startswith("0x")
    assert "op/batcher" in {service["name"] for service in status["services"]}
    done = net.run("verify", "nowhere", check=False)
    assert done.returncode == 3
    assert "op" in done.stderr


def use(home: Home, transfers: int = 20) -> None:
    """Transfers by listed accounts, and a message each way. (`Burst` gives its accounts money by an
    admin call, which is no transaction and so nothing that could be executed again.)"""
    op = chains_of(home.status())["op"]
    accounts = op.call("eth_accounts")
    calls = [
        {
            "from": accounts[n % 10],
            "to": "0x" + f"{n + 1:040x}",
            "value": hex(n),
            "gas": hex(21_000),
        }
        for n in range(transfers)
    ]
    hashes = [op.call("eth_sendTransaction", call) for call in calls]
    until(lambda: all(op.call("eth_getTransactionReceipt", each) for each in hashes), 20, "mined")
    home.run("message", "send", "op", "l1", "--body", "0x6869", "--wait")
    home.run("message", "send", "l1", "op", "--body", "0x6869", "--wait")


def test_everything_is_rebuilt_through_kills(net: Home) -> None:
    use(net)
    first = verified(net)
    assert first["transactions"] > 20

    kill(net.node("op").pid)
    net.wait_state("ready", 30)
    use(net)
    second = verified(net)
    assert second["blocks"] > first["blocks"]

    kill(net.node("l1").pid)
    net.wait_state("ready", 30)
    use(net)
    third = verified(net)
    assert third["blocks"] > second["blocks"]

    net.kill_daemon()
    net.run("status")
    net.wait_state("ready", 30)
    use(net)
    assert verified(net)["blocks"] > third["blocks"]


def test_a_lie_of_the_sequencer_is_named(net: Home) -> None:
    verified(net)
    op = chains_of(net.status())["op"]
    recipient = net.status()["rollups"][0]["contracts"]["testRecipient"]
    op.call("anvil_setStorageAt", recipient, "0x" + f"{77:064x}", "0x" + f"{5:064x}")
    net.run("message", "send", "l1", "op", "--to", recipient, "--body", "0x6869", "--wait")
    until(lambda: posted(net) == head(net), 20, "all blocks are posted")
    url = net.status()["rollups"][0]["rpc_url"]
    done = net.run("verify", "op", "--diagnose", url, "--json", check=False)
    assert done.returncode == 1
    found = json.loads(done.stdout)["differs"]
    assert found["what"] == "state root"
    (account,) = found["diagnosis"]["accounts"]
    assert account["address"] == recipient.lower()
    assert account["what"] == f"slot {77:#x}"
    assert (account["claimed"], account["found"]) == ("0x5", "0x0")


def test_a_rollup_without_da_is_refused(tmp_path: Path) -> None:
    with new_home() as home:
        home.run("up", "minimal", "--name", _NAME)
        done = home.run("verify", "op", check=False)
    assert done.returncode == 2
    assert "names no `da`" in done.stderr
