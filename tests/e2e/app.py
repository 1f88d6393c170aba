"""The app that docs/concepts/apps.md shows: two contracts, described once for all rollups."""

from typing import Any

from eth_abi import encode  # type: ignore[attr-defined]

from control_plane.adapters.evm.accounts import derive_accounts
from control_plane.adapters.evm.signer import Transaction, sign
from control_plane.domain.calls import selector
from control_plane.domain.ports.node import Account
from control_plane.schemas.spec import TEST_MNEMONIC
from tests.acceptance.gateway import delivered, interoperable
from tests.acceptance.test_docs import write_files
from tests.acceptance.world import rpc, until
from tests.e2e.home import Home

Chain = dict[str, Any]
MANIFEST = "points.yaml"
NUMBER = 4
OWNER = derive_accounts(TEST_MNEMONIC, NUMBER + 1)[NUMBER]
SUPPLY = 1_000
"""Of points, on every rollup."""
_GWEI = 10**9


def deploy(home: Home) -> dict[str, Any]:
    """By the manifest as the page has it; what the command tells."""
    if not (home.home / MANIFEST).exists():
        write_files("docs/concepts/apps.md", home.home)
    return dict(home.json("app", "deploy", MANIFEST, "--from", str(NUMBER)))


def write_manifest(home: Home, file: str, *, name: str) -> None:
    """The same for an app of another name, which so has other addresses."""
    text = (home.home / MANIFEST).read_text()
    (home.home / file).write_text(text.replace("name: points", f"name: {name}", 1))


def states(told: dict[str, Any], kind: str) -> set[str]:
    """States of all ``contracts`` or ``calls``."""
    return {one["state"] for rollup in told["rollups"] for one in rollup[kind]}


def move(here: Chain, there: Chain, points: str, to: str, amount: int) -> str:
    """Points of the owner to an account of another rollup; the message that took them."""
    arguments = encode(["bytes", "uint256"], [interoperable(there["chain_id"], to), amount])
    data = selector("crosschainTransfer(bytes,uint256)") + arguments
    return delivered(here, there, send(here, points, data))


def send(
    rollup: Chain, to: str, data: bytes, *, value: int = 0, by: Account = OWNER
) -> dict[str, Any]:
    """A transaction of `by`; its receipt."""
    url = rollup["rpc_url"]
    nonce = int(rpc(url, "eth_getTransactionCount", by.address, "pending"), 16)
    raw, hash_ = sign(
        Transaction(
            chain_id=rollup["chain_id"],
            nonce=nonce,
            to=bytes.fromhex(to[2:]),
            value=value,
            data=data,
            gas=6_000_000,
            max_fee=20 * _GWEI,
            tip=_GWEI,
        ),
        by.key,
    )
    rpc(url, "eth_sendRawTransaction", "0x" + raw.hex())
    until(lambda: rpc(url, "eth_getTransactionReceipt", hash_), 20, f"mined on {rollup['name']}")
    receipt = dict(rpc(url, "eth_getTransactionReceipt", hash_))
    assert receipt["status"] == "0x1", receipt
    return receipt
