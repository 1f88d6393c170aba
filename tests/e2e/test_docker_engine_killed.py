"""The Docker engine itself is killed under load: the devnet comes back by itself."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from control_plane.adapters.evm.accounts import derive_accounts
from control_plane.schemas.spec import TEST_MNEMONIC
from tests.acceptance.world import until
from tests.conformance.client import Wallet, transfers
from tests.containers import PrivateEngine, needs_images, private_engine
from tests.e2e.home import Home, new_home
from tests.e2e.messages import Burst, assert_all_delivered_once, chains_of, flowing, looking_on

pytestmark = needs_images("anvil", "op-geth", "devnet")

_SPEC = """
version: 1
name: net
runtime: compose
save_interval: 1
accounts: {balance: 1000000}
rollups:
  - {name: op, engine: op-geth}
  - {name: arb, framework: arbitrum-nitro}
"""
_NOBODY = "0x" + "00" * 19 + "aa"


@pytest.fixture(scope="module")
def engine() -> Iterator[PrivateEngine]:
    with private_engine() as made:
        made.load("anvil", "op-geth", "devnet")
        yield made


@pytest.fixture(scope="module")
def net(engine: PrivateEngine) -> Iterator[Home]:
    """A rollup on each engine, in containers of a Docker engine of their own."""
    before = engine.listing()
    with new_home() as home:
        home.environment |= engine.environment
        (home.home / "net.yaml").write_text(_SPEC)
        home.run("up", "net.yaml", timeout=120)
        yield home
        home.run("down")
        assert engine.listing() == before


def service(home: Home, name: str) -> dict[str, Any]:
    return next(dict(s) for s in home.status()["services"] if s["name"] == name)


@pytest.mark.parametrize("live_restore", [False, True], ids=["ends-containers", "live-restore"])
def test_engine_killed_under_load(net: Home, engine: PrivateEngine, live_restore: bool) -> None:
    """What comes back ends the containers that went on without it, or (`live_restore`) takes them
    over. Twenty transfers a second on each rollup, and messages both ways."""
    chains = chains_of(net.status())
    op, arb = chains["op"], chains["arb"]
    since = max(int(event["id"]) for event in net.events("net"))
    before = {name: service(net, f"{name}/node") for name in chains}
    giver = derive_accounts(TEST_MNEMONIC, 3)[2]
    wallet = Wallet(giver.address, giver.key)
    bursts = Burst.between(op, arb), Burst.between(arb, op)
    with ExitStack() as stack:
        stream = stack.enter_context(flowing(*bursts, each=1, pause=0.1))
        flows = [stack.enter_context(transfers(wallet, at, _NOBODY)) for at in (op, arb)]
        with looking_on(op) as at_op, looking_on(arb) as at_arb:
            until(lambda: all(flow.sent > 40 for flow in flows), 30, "transfers flow")
            engine.stop(signal.SIGKILL)
            until(lambda: "The Docker engine" in str(net.status()["problem"]), 10, "it is said")
            assert net.status()["state"] == "degraded"
        engine.start(live_restore=live_restore)
        net.wait_state("ready", 60)
        sent = [flow.sent for flow in flows]
        until(
            lambda: all(flow.sent > n + 20 for flow, n in zip(flows, sent, strict=True)),
            30,
            "the streams go on",
        )
    assert stream.errors, "the engine was gone for a moment"
    events = net.events("net", since)
    after = {name: service(net, f"{name}/node") for name in chains}
    for name in chains:
        again = after[name]["restarts"] - before[name]["restarts"]
        assert again == (0 if live_restore else 1), name
    assert at_op.gone() == [], "op-geth loses no block"
    assert after["op"]["lost_blocks"] is None
    at_arb.assert_losses_told(events, after["arb"])
    if live_restore:
        assert at_arb.gone() == []
    for here, there in ((op, arb), (arb, op)):
        assert_all_delivered_once(here, there, at_least=10)
    net.wait_state("ready", 20)
