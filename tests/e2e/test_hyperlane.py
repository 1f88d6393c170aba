"""Hyperlane's own CLI, SDK and token contracts, unmodified, on a devnet with validators."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.world import rpc, until
from tests.e2e.home import Home
from tests.hyperlane import HERE, Hyperlane, packages

pytestmark = pytest.mark.timeout(240)

CLI_KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
CLI_ACCOUNT = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8"
OTHER_KEY = "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"
"""Of the second and third listed account: programs that run at once share no nonces."""
VALIDATORS = 3


@dataclass(frozen=True)
class Devnet:
    home: Home
    registry: Path
    hyperlane: Hyperlane

    @property
    def contracts(self) -> dict[str, str]:
        return dict(self.home.status()["l1"]["contracts"])

    def transaction(self, rollup: str, hash_: str) -> dict[str, Any]:
        (url,) = (r["rpc_url"] for r in self.home.status()["rollups"] if r["name"] == rollup)
        return dict(rpc(url, "eth_getTransactionByHash", hash_))

    def told(self, program: str) -> Any:
        """The last line that a program here prints, about messages from op to arb."""
        arguments = (str(self.registry), OTHER_KEY, "op", "arb")
        return json.loads(self.hyperlane.program(program, *arguments).splitlines()[-1])


@pytest.fixture(scope="module")
def devnet(shared_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Devnet:
    packages()  # or skip
    shared_home.run("up", "--rollups", "2", "--set", f"metalayer.validators={VALIDATORS}")
    registry = tmp_path_factory.mktemp("registry")
    shared_home.run("export", "hyperlane-registry", "--out", str(registry))
    name, _, url = (registry / "hyperlane.env").read_text().strip().partition("=")
    hyperlane = Hyperlane(tmp_path_factory.mktemp("hyperlane"), {name: url})
    return Devnet(shared_home, registry, hyperlane)


def _messages(home: Home) -> list[dict[str, Any]]:
    return list(home.json("message", "ls"))


def test_the_cli_sends_and_relays_through_the_multisig_module(devnet: Devnet) -> None:
    home = devnet.home
    home.run("stop", "--service", "relayer")
    try:
        told = devnet.hyperlane.cli(
            *("send", "message", "--registry", str(devnet.registry), "--disableProxy", "--yes"),
            *("--origin", "op", "--destination", "arb", "--key", CLI_KEY),
            *("--body", "by the CLI", "--relay"),
        )
    finally:
        home.run("start", "--service", "relayer")
    assert "Message was self-relayed!" in told
    until(lambda: _messages(home)[0]["state"] == "delivered", 10, "the indexer has seen it")
    message = _messages(home)[0]
    assert bytes.fromhex(message["body"][2:]) == b"by the CLI"
    assert message["recipient"].endswith(devnet.contracts["guardedTestRecipient"][2:])
    relayed = devnet.transaction("arb", message["delivered_tx"])
    assert relayed["from"] == CLI_ACCOUNT, "nobody but the CLI brought it"
    assert relayed["to"] == devnet.contracts["mailbox"]


def test_the_stock_relayer_carries_messages_to_the_multisig_module(devnet: Devnet) -> None:
    """Hyperlane's own relayer beside a devnet whose relayer rests."""
    home = devnet.home
    home.run("stop", "--service", "relayer")
    try:
        with devnet.hyperlane.cli_running(
            *("relayer", "--registry", str(devnet.registry), "--disableProxy", "--yes"),
            *("--chains", "op", "--chains", "arb", "--key", CLI_KEY),
            *("--cache", str(devnet.hyperlane.scratch / "relayer.json")),
            until="Starting relayer",
        ):
            recipient = devnet.contracts["guardedTestRecipient"]
            options = ("--to", recipient, "--body", "0x01", "--wait")
            home.run("message", "send", "op", "arb", *options)
    finally:
        home.run("start", "--service", "relayer")
    relayed = devnet.transaction("arb", _messages(home)[0]["delivered_tx"])
    assert relayed["from"] == CLI_ACCOUNT
    assert relayed["to"] == devnet.contracts["mailbox"]


def test_the_cli_makes_a_configuration_for_agents(devnet: Devnet, tmp_path: Path) -> None:
    out = tmp_path / "agents.json"
    devnet.hyperlane.cli(
        *("registry", "agent-config", "--registry", str(devnet.registry), "--disableProxy"),
        *("--chains", "op", "--chains", "arb", "--out", str(out)),
    )
    chains = json.loads(out.read_text())["chains"]
    assert {name: chain["domainId"] for name, chain in chains.items()} == {"op": 901, "arb": 902}
    assert chains["op"]["validatorAnnounce"] == devnet.contracts["validatorAnnounce"]


def test_the_sdk_reads_sends_and_checks(devnet: Devnet) -> None:
    """Our relayer delivers to our module and to Hyperlane's own; validators' announcements and
    signatures are true by Hyperlane's contracts and code."""
    told = devnet.told("sdk.mjs")
    assert told["chains"] == ["arb", "l1", "op"]
    validators = told["module"]["validators"]
    assert told["module"]["type"] == "messageIdMultisigIsm"
    assert (len(validators), told["module"]["threshold"]) == (VALIDATORS, 3)
    assert [c["signer"] for c in told["checkpoints"]] == validators
    assert {c["id"] for c in told["checkpoints"]} == {told["message"]}
    assert told["foreignModule"] == "from the SDK"
    assert told["foreignAnnouncements"] == validators


def test_a_hyp_erc20_pair_moves_tokens_over_our_relayer(devnet: Devnet) -> None:
    told = devnet.told("warp.mjs")
    assert (told["owner"], told["collateral"], told["synthetic"]) == (999_400, 600, 600)
    processor = devnet.contracts["batchProcessor"]
    for tx in told["transactions"]:
        (message,) = (m for m in _messages(devnet.home) if m["tx"] == tx)
        chain = {902: "arb", 901: "op"}[message["destination"]]
        delivery = devnet.transaction(chain, message["delivered_tx"])
        assert delivery["to"] == processor, "our relayer brought it"


def test_vectors_are_what_the_sdk_makes(tmp_path: Path) -> None:
    packages()
    made = Hyperlane(tmp_path, {}).program("vectors.mjs")
    kept = (HERE.parent / "vectors" / "hyperlane.json").read_text()
    assert json.loads(made) == json.loads(kept)
