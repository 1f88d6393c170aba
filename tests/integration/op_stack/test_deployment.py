"""The OP Stack's L1 contracts on a real L1: several rollups, cut off and gone on with."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from control_plane.adapters.evm.sealing import anvil_seal
from control_plane.adapters.op_stack import contracts, deployment
from control_plane.adapters.op_stack.accounts import native_accounts
from control_plane.adapters.op_stack.deployment import Setup, deploy
from control_plane.domain.errors import PermanentFailure
from control_plane.domain.hashing import keccak256
from control_plane.domain.ids import Hex
from control_plane.domain.network import Network
from control_plane.domain.op_stack_l1 import PROXIED, addresses, salt
from control_plane.domain.ports.node import Rpc
from tests.integration.metalayer.conftest import make_network, start_nodes
from tests.integration.metalayer.lab import Node, make_keys, make_plan

pytestmark = pytest.mark.integration

_ADMIN_SLOT = hex(int.from_bytes(keccak256(b"eip1967.proxy.admin")) - 1)
_ROOT = keccak256(b"some output")
KEYS = make_keys(1)


class L1:
    def __init__(self, node: Node, network: Network) -> None:
        assert node.rpc is not None
        self.rpc: Rpc = node.rpc
        self.network = network

    def setup(self, chain_id: int) -> Setup:
        accounts = native_accounts(KEYS, chain_id)
        return Setup(
            chain_id=chain_id,
            factory=self.network.contracts["create3Factory"],
            owner=self.network.contracts["governanceExecutor"],
            deployer=accounts.deployer.address,
            batcher=accounts.batcher.address,
            output_root=_ROOT,
        )

    async def deploy(self, chain_id: int) -> Setup:
        setup = self.setup(chain_id)
        account = native_accounts(KEYS, chain_id).deployer
        await self.rpc.call("anvil_setBalance", account.address, hex(10**24))
        await deploy(self.rpc, 900, setup, account, anvil_seal(self.rpc))
        return setup

    async def read(self, to: Hex, signature: str, *words: int) -> str:
        data = keccak256(signature.encode())[:4] + b"".join(w.to_bytes(32) for w in words)
        found: str = await self.rpc.call(
            "eth_call", {"to": to, "data": "0x" + data.hex()}, "latest"
        )
        return found


@pytest.fixture
async def l1(tmp_path: Path) -> AsyncIterator[L1]:
    plan = make_plan((), guardians=1)
    nodes = await start_nodes(plan, KEYS, tmp_path)
    try:
        yield L1(nodes["l1"], await make_network(plan, KEYS, nodes))
    finally:
        await nodes["l1"].kill()


def _address(word: str) -> str:
    return "0x" + word[-40:]


async def test_two_rollups_are_deployed_and_belong_to_the_governor(l1: L1) -> None:
    for chain_id in (901, 902):
        setup = await l1.deploy(chain_id)
        at = setup.at
        codes = await l1.rpc.batch([("eth_getCode", (a, "latest")) for a in at.values()])
        assert all(len(code) > 2 for code in codes), dict(zip(at, codes, strict=True))
        for key in PROXIED:
            admin = await l1.rpc.call("eth_getStorageAt", at[key], _ADMIN_SLOT, "latest")
            assert _address(admin) == setup.owner, key
        for key in ("systemConfig", "disputeGameFactory", "delayedWeth"):
            assert _address(await l1.read(at[key], "owner()")) == setup.owner, key
        portal = at["optimismPortal"]
        assert _address(await l1.read(portal, "disputeGameFactory()")) == at["disputeGameFactory"]
        assert int(await l1.read(portal, "respectedGameType()"), 16) == deployment.GAME_TYPE
        bridge = at["l1StandardBridge"]
        assert _address(await l1.read(bridge, "messenger()")) == at["l1CrossDomainMessenger"]
        assert _address(await l1.read(at["systemConfig"], "optimismPortal()")) == portal
        anchor = await l1.read(at["anchorStateRegistry"], "anchors(uint32)", deployment.GAME_TYPE)
        assert anchor[2:66] == _ROOT.hex()


async def test_a_second_time_does_nothing(l1: L1) -> None:
    await l1.deploy(901)
    before = await l1.rpc.call("eth_blockNumber")
    await l1.deploy(901)
    assert await l1.rpc.call("eth_blockNumber") == before


async def test_goes_on_where_it_was_cut_off(l1: L1, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = deployment.steps
    monkeypatch.setattr(deployment, "steps", lambda setup: whole(setup)[:20])
    await l1.deploy(901)
    monkeypatch.undo()
    setup = await l1.deploy(901)
    assert _address(await l1.read(setup.at["systemConfig"], "owner()")) == setup.owner


async def test_a_reverted_transaction_is_told(l1: L1) -> None:
    first = await l1.deploy(901)
    other = replace(first, deployer=native_accounts(KEYS, 902).deployer.address)
    account = native_accounts(KEYS, 902).deployer
    await l1.rpc.call("anvil_setBalance", account.address, hex(10**24))
    with pytest.raises(PermanentFailure, match="reverted"):
        await deploy(l1.rpc, 900, other, account, anvil_seal(l1.rpc))


async def test_addresses_are_those_that_the_genesis_names(l1: L1) -> None:
    factory = l1.network.contracts["create3Factory"]
    number = int.from_bytes(salt(901, "optimismPortal"))
    told = _address(await l1.read(factory, "addressOf(bytes32)", number))
    assert told == addresses(factory, 901)["optimismPortal"]
    alloc: dict[str, Any] = contracts.native_alloc(factory, 901, Hex("0x" + "ab" * 20))
    bridge = alloc["0x4200000000000000000000000000000000000010"]["storage"]
    assert addresses(factory, 901)["l1StandardBridge"][2:] in bridge["0x" + "04".zfill(64)]
