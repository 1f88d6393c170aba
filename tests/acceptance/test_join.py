"""A chain that the test starts by itself joins a devnet, and leaves it."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from control_plane.adapters.engine.anvil_binary import resolve_anvil
from tests.acceptance.gateway import ETHER, Bridge, balance
from tests.acceptance.world import ALICE, World, chain, new_world, rpc, spec, until
from tests.hardhat import hardhat
from tests.nodes import free_port, is_open

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CHAIN_ID = 4242
DOMAIN = 77


class Theirs:
    """A plain Anvil as anybody starts it."""

    def __init__(self, state: Path, *arguments: str, chain_id: int = CHAIN_ID) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [
            *(str(resolve_anvil().path), "--silent", "--port", str(self.port)),
            *("--chain-id", str(chain_id), "--cache-path", str(state.with_suffix(".cache"))),
            *("--state", str(state), *arguments),
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        until(lambda: is_open(self.port), 10, f"{self.url} listens")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(10)
            self._process = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid


@pytest.fixture(scope="module")
def devnet() -> Iterator[World]:
    with new_world() as made:
        (made.home / "net.yaml").write_text(spec(rollups=("op",)))
        made.run("up", "net.yaml")
        yield made


@pytest.fixture(scope="module")
def theirs(devnet: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theirs]:
    started = Theirs(tmp_path_factory.mktemp("theirs") / "state.json")
    try:
        yield started
    finally:
        started.stop()


def send(world: World, origin: str, destination: str) -> dict[str, Any]:
    command = ("message", "send", origin, destination, "--body", "0xaa", "--wait")
    return dict(world.json(*command, "--devnet", "net"))


def test_a_chain_joins_takes_part_goes_comes_back_and_leaves(devnet: World, theirs: Theirs) -> None:
    before = rpc(theirs.url, "eth_blockNumber")
    joined = devnet.json(
        *("rollup", "join", "theirs", "--rpc", theirs.url, "--domain", str(DOMAIN)),
        *("--devnet", "net"),
    )
    assert joined["unlocked"]
    assert joined["payer"] == ALICE
    assert "Mailbox" in joined["deployed"]
    status = devnet.json("status", "net")
    there, here = chain(status, "theirs"), chain(status, "op")
    assert (there["engine"], there["chain_id"], there["domain"]) == ("external", CHAIN_ID, DOMAIN)
    assert there["rpc_url"] == theirs.url
    assert (there["state"], status["state"]) == ("ready", "ready")
    assert there["contracts"]["mailbox"] == here["contracts"]["mailbox"]
    for name, address in there["contracts"].items():
        assert rpc(theirs.url, "eth_getCode", address, "latest") != "0x", name
    assert int(before, 16) < int(rpc(theirs.url, "eth_blockNumber"), 16)

    faucet = ("faucet", ALICE, "--on", "theirs", "--devnet", "net")
    assert "somebody else runs that chain" in devnet.run(*faucet, check=False).stderr
    logs = ("logs", "net", "--service", "theirs/node")
    assert "somebody else runs that chain" in devnet.run(*logs, check=False).stderr

    # a message each way, and a token: its domain is not its chain id
    assert send(devnet, "op", "theirs")["destination"] == DOMAIN
    assert send(devnet, "theirs", "op")["origin"] == DOMAIN
    bridge = Bridge.build(here, there, "test: a token for a joined chain")
    bridge.deposit(ALICE, ETHER)
    assert balance(there, bridge.address, ALICE) == ETHER
    bridge.withdraw(ALICE, ALICE, ETHER)

    _goes_and_comes_back(devnet, theirs)
    _outlives_the_daemon(devnet, theirs)

    devnet.run("rollup", "rm", "theirs", "--devnet", "net")
    assert int(rpc(theirs.url, "eth_chainId"), 16) == CHAIN_ID, "its node runs on"
    assert [r["name"] for r in devnet.json("rollup", "ls", "--devnet", "net")] == ["op"]

    # and back again: the contracts are there, with their domain
    again = devnet.json("rollup", "join", "theirs", "--rpc", theirs.url, "--devnet", "net")
    assert (again["deployed"], again["rollup"]["domain"]) == ([], DOMAIN)
    assert send(devnet, "op", "theirs")["delivered_tx"]
    devnet.run("rollup", "rm", "theirs", "--devnet", "net")


def test_a_fresh_chain_does_not_take_over_a_domain(devnet: World, tmp_path: Path) -> None:
    node = Theirs(tmp_path / "state.json", chain_id=6161)
    join = ("rollup", "join", "fresh", "--rpc", node.url, "--devnet", "net")
    try:
        devnet.run(*join)
        _loses_its_state(devnet, node, tmp_path / "state.json")
        devnet.run("rollup", "rm", "fresh", "--devnet", "net")
        refused = devnet.run(*join, check=False)
        assert refused.returncode == 4
        assert "belonged to a chain that was removed" in refused.stderr
        devnet.run(*join, "--domain", "6162")
        assert send(devnet, "fresh", "op")["origin"] == 6162
    finally:
        devnet.run("rollup", "rm", "fresh", "--devnet", "net", check=False)
        node.stop()


def _loses_its_state(devnet: World, node: Theirs, state: Path) -> None:
    node.stop(signal.SIGKILL)
    state.unlink(missing_ok=True)
    node.start()
    until(
        lambda: (
            "has lost the Metalayer's contracts" in str(devnet.json("status", "net")["problem"])
        ),
        20,
        "the loss is told",
    )


def _goes_and_comes_back(devnet: World, theirs: Theirs) -> None:
    theirs.stop()
    until(lambda: devnet.json("status", "net")["state"] == "degraded", 15, "the loss is noticed")
    assert f"127.0.0.1:{theirs.port}" in str(devnet.json("status", "net")["problem"])
    sent = devnet.json("message", "send", "op", "theirs", "--body", "0xbb", "--devnet", "net")
    theirs.start()
    until(lambda: devnet.json("status", "net")["state"] == "ready", 30, "it is taken in again")
    until(
        lambda: (
            devnet.json("message", "trace", sent["id"], "--devnet", "net")["state"] == "delivered"
        ),
        30,
        "what waited is delivered",
    )


def _outlives_the_daemon(devnet: World, theirs: Theirs) -> None:
    pid = devnet.daemon()["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{pid}").exists(), 10, "the daemon is gone")
    assert theirs.pid
    devnet.run("ls")
    until(lambda: devnet.json("status", "net")["state"] == "ready", 30, "the devnet is taken over")
    assert send(devnet, "theirs", "op")["delivered_tx"]


@pytest.mark.parametrize(
    ("arguments", "hardfork", "code", "words"),
    [
        (("--chain-id", "7"), "prague", 4, "is another chain"),
        (("--domain", "900"), "prague", 4, "l1 has that domain"),
        ((), "cancun", 4, "no BLS12-381 precompiles"),
        (("--fund", "1000000"), "prague", 4, "Nobody can pay"),
        (("--key-file", "/dev/null"), "prague", 2, "no private key"),
    ],
)
def test_what_can_not_join_is_told_why(
    devnet: World,
    tmp_path: Path,
    arguments: tuple[str, ...],
    hardfork: str,
    code: int,
    words: str,
) -> None:
    node = Theirs(tmp_path / "state.json", "--hardfork", hardfork, chain_id=5151)
    try:
        command = ("rollup", "join", "other", "--rpc", node.url, "--devnet", "net")
        done = devnet.run(*command, *arguments, check=False)
    finally:
        node.stop()
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert [r["name"] for r in devnet.json("rollup", "ls", "--devnet", "net")] == ["op"]


def test_a_chain_id_that_is_taken_and_nobody_there(devnet: World, tmp_path: Path) -> None:
    node = Theirs(tmp_path / "state.json", chain_id=901)
    command = ("rollup", "join", "other", "--devnet", "net", "--rpc")
    try:
        done = devnet.run(*command, node.url, check=False)
    finally:
        node.stop()
    assert done.returncode == 4
    assert "op has that chain id" in done.stderr
    nobody = devnet.run(*command, f"http://127.0.0.1:{free_port()}", check=False)
    assert nobody.returncode == 4
    assert "can't be reached" in nobody.stderr


@pytest.mark.parametrize("contract", ["mailbox", "governanceExecutor"])
def test_anothers_contract_at_the_address_is_refused(
    devnet: World, tmp_path: Path, contract: str
) -> None:
    """Also one with the right code and another owner."""
    op = chain(devnet.json("status", "net"), "op")
    address = op["contracts"][contract]
    code = rpc(op["rpc_url"], "eth_getCode", address, "latest")
    node = Theirs(tmp_path / "state.json", chain_id=5252)
    rpc(node.url, "anvil_setCode", address, "0x00" if contract == "mailbox" else code)
    try:
        command = ("rollup", "join", "other", "--rpc", node.url, "--devnet", "net")
        done = devnet.run(*command, check=False)
    finally:
        node.stop()
    assert done.returncode == 4
    assert "Another's contract stands where" in done.stderr


def test_a_key_of_the_users_pays_at_block_time(devnet: World, tmp_path: Path) -> None:
    # without the deterministic-deployment proxy, which Anvil brings along otherwise
    node = Theirs(
        tmp_path / "state.json",
        *("--block-time", "0.5", "--accounts", "1", "--disable-default-create2-deployer"),
        chain_id=4343,
    )
    key = tmp_path / "key"
    key.write_text("0x" + "11" * 32)
    payer = "0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a"
    rpc(node.url, "anvil_setBalance", payer, hex(500 * ETHER))
    try:
        joined = devnet.json(
            *("rollup", "join", "slow", "--rpc", node.url, "--key-file", str(key)),
            *("--devnet", "net"),
        )
        assert (joined["payer"], joined["unlocked"]) == (payer, False)
        assert send(devnet, "op", "slow")["delivered_tx"]
    finally:
        devnet.run("rollup", "rm", "slow", "--devnet", "net", check=False)
        node.stop()


def test_a_hardhat_node_joins(devnet: World, tmp_path: Path) -> None:
    """It simulates nothing for the relayer, and has no deterministic-deployment proxy."""
    with hardhat(tmp_path) as url:
        joined = devnet.json("rollup", "join", "hh", "--rpc", url, "--devnet", "net")
        try:
            assert joined["rollup"]["chain_id"] == 31337
            assert send(devnet, "op", "hh")["delivered_tx"]
            assert send(devnet, "hh", "op")["delivered_tx"]
        finally:
            devnet.run("rollup", "rm", "hh", "--devnet", "net")
