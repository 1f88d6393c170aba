"""Messages of foreign clients arrive, whatever runs the chains."""

import pytest

from tests.conformance.client import Wallet, wait_delivered
from tests.conformance.devnet import Devnet

pytestmark = pytest.mark.mixed

_WAYS = (("a", "b"), ("b", "a"), ("a", "l1"), ("l1", "a"), ("l1", "b"), ("b", "l1"))
_IDS = [f"{origin}->{destination}" for origin, destination in _WAYS]


@pytest.mark.parametrize(("origin", "destination"), _WAYS, ids=_IDS)
def test_message_arrives_once(
    devnet: Devnet, wallet: Wallet, origin: str, destination: str
) -> None:
    here, there = devnet.chains[origin], devnet.chains[destination]
    id_ = wallet.dispatch(here, there, f"{origin} to {destination}".encode())
    wait_delivered(there, id_)
    traced = devnet.home.json("message", "trace", id_, "--devnet", "net")
    assert traced["state"] == "delivered"
    names = [step["name"] for step in traced["steps"]]
    assert names == ["dispatched", "attested", "certified", "relayed", "delivered"]


def test_command_sends_one(devnet: Devnet) -> None:
    done = devnet.home.json(
        "message", "send", "a", "b", "--body", "0x01", "--wait", "--devnet", "net"
    )
    assert done["delivered_tx"]


@pytest.mark.parametrize(("origin", "destination"), [("a", "b"), ("l1", "a")])
def test_finalized_message_arrives_from_a_final_block(
    devnet: Devnet, origin: str, destination: str
) -> None:
    """What is final differs by engine; that a block comes to be does not."""
    read = "l1:0xcA11bde05977b3631167028862bE2a173976CA11:0x42cbb15c"
    done = devnet.home.json(
        *("message", "send", origin, destination, "--finality", "finalized", "--read", read),
        *("--wait", "--devnet", "net"),
    )
    traced = devnet.home.json("message", "trace", done["id"], "--devnet", "net")
    sent, attested = traced["steps"][:2]
    assert traced["message"]["finality"] == "finalized"
    epoch = devnet.home.json("epoch", "show", str(traced["message"]["epoch"]), "--devnet", "net")
    (leaf,) = [
        leaf
        for leaf in epoch["leaves"]
        if leaf["chain"] == origin and leaf["finality"] == "finalized"
    ]
    assert sent["block"] <= leaf["block_number"]
    assert attested["block"] == leaf["block_number"]
    assert [each["message"] for each in epoch["reads"]] == [done["id"]]
