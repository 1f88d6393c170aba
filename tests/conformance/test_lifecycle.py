"""Stopped, restarted, killed: what is on the chains stays, messages too."""

from typing import Any

import pytest

from tests.acceptance.world import until
from tests.conformance.client import Wallet, storage, transfers, wait_delivered
from tests.conformance.devnet import Devnet
from tests.e2e.messages import At

SOMEBODY = "0x00000000000000000000000000000000c0ffee03"


def ledger(chain: At, height: int) -> dict[str, Any]:
    """What must not change up to that block."""
    return {
        "hashes": [chain.block_hash(number) for number in range(height + 1)],
        "balance": chain.call("eth_getBalance", SOMEBODY, "latest"),
        "dispatched": chain.dispatched(),
        "processed": chain.processed(),
    }


@pytest.mark.mixed
def test_stop_and_start_keep_everything(devnet: Devnet, wallet: Wallet) -> None:
    chains = devnet.chains
    address = wallet.deploy(chains["a"], salt=20)
    wallet.send(chains["a"], address)
    for name in ("a", "b"):
        wallet.send(chains[name], SOMEBODY, value=5)
    devnet.home.run("stop", "net", "--service", "relayer")
    waiting = wallet.dispatch(chains["a"], chains["b"], b"kept over a stop")
    until(lambda: pending(devnet) == 1, 15, "the message is seen")
    heights = {name: chain.height for name, chain in chains.items()}
    before = {name: ledger(chain, heights[name]) for name, chain in chains.items()}
    devnet.home.run("stop", "net", timeout=90)
    assert devnet.status["state"] == "stopped"
    assert devnet.nodes() == 0
    devnet.home.run("start", "net", timeout=120)
    assert devnet.status["state"] == "ready"
    assert {n: (c.url, c.chain_id) for n, c in devnet.chains.items()} == {
        n: (c.url, c.chain_id) for n, c in chains.items()
    }
    for name in ("a", "b"):
        after = ledger(chains[name], heights[name])
        assert after["hashes"] == before[name]["hashes"]
        assert after["balance"] == before[name]["balance"]
        assert before[name]["processed"].items() <= after["processed"].items()
    assert storage(chains["a"], address) == 1
    wait_delivered(chains["b"], waiting)


def pending(devnet: Devnet) -> int:
    return int(devnet.status["metalayer"]["messages"]["pending"])


def test_one_node_restarts_with_its_chain(devnet: Devnet, a: At, wallet: Wallet) -> None:
    wallet.send(a, SOMEBODY, value=1)
    height = a.height
    before = ledger(a, height)
    devnet.home.run("restart", "net", "--service", "a/node", timeout=90)
    assert devnet.service("a/node")["state"] == "ready", "it is answered when it is back"
    assert ledger(a, height)["hashes"] == before["hashes"]
    assert wallet.send(a, SOMEBODY, value=1)["status"] == "0x1"


def test_node_killed_under_transfers_returns(devnet: Devnet, a: At) -> None:
    """With every block, or with those of its last save: then status names what went."""
    b, wallet = devnet.chains["b"], devnet.wallets[4]
    restarts = devnet.service("a/node")["restarts"]
    with transfers(wallet, a, SOMEBODY) as flow:
        devnet.kill_node("a")
        until(lambda: devnet.service("a/node")["restarts"] > restarts, 30, "it is started again")
        devnet.home.wait_state("ready", 60, "net")
        sent = flow.sent
        until(lambda: flow.sent > sent + 10, 20, "transfers flow again")
    lost = devnet.service("a/node")["lost_blocks"]
    if devnet.cell.can("a").lossless:
        assert lost is None
    gone = range(0) if lost is None else range(lost[0], lost[1] + 1)
    stays = {number: hash_ for number, hash_ in flow.seen.items() if number not in gone}
    assert stays == {number: a.block_hash(number) for number in stays}
    wait_delivered(b, wallet.dispatch(a, b, b"after the kill"))


def test_daemon_killed_under_transfers_finds_its_nodes(devnet: Devnet, a: At) -> None:
    """And its sequencers go on where they were: nothing is sealed twice, nothing is lost."""
    before = {s["name"]: s["restarts"] for s in devnet.status["services"] if s["kind"] == "node"}
    with transfers(devnet.wallets[4], a, SOMEBODY) as flow:
        devnet.home.kill_daemon()
        devnet.home.wait_state("ready", 60, "net")
        sent = flow.sent
        until(lambda: flow.sent > sent + 10, 20, "transfers flow again")
    after = {s["name"]: s["restarts"] for s in devnet.status["services"] if s["kind"] == "node"}
    assert after == before
    assert devnet.nodes() == 3
    assert flow.seen == {number: a.block_hash(number) for number in flow.seen}
