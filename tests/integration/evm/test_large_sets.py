"""Certificates of small and of large guardian sets, made by a round and taken by a real chain."""

import asyncio
from collections.abc import AsyncIterator, Collection
from pathlib import Path

import pytest

from benchmarks.simulation import Ready, guardian_keys
from control_plane.adapters.evm.sealing import anvil_seal
from control_plane.domain.abi_formats import install_calldata, submit_calldata
from control_plane.domain.aggregate import Aggregate
from control_plane.domain.bls import SecretKey
from control_plane.domain.formats import NO_PARENT, Certificate, EpochHeader, Leaf
from control_plane.domain.ids import Domain
from control_plane.domain.network import GuardianKeys
from control_plane.services.metalayer.rounds import Panel, Proposal, make_roster
from tests.integration.evm.test_bootstrap import Bare, bare
from tests.integration.metalayer.lab import STAKE

pytestmark = pytest.mark.integration
_LEAF = Leaf(Domain(901), 5, b"\x01" * 32, b"\x02" * 32, b"\x03" * 32, 1)


@pytest.fixture
async def found(tmp_path: Path) -> AsyncIterator[Bare]:
    async with bare(tmp_path) as made:
        await asyncio.gather(made.boot("l1"), made.boot("op"))
        yield made


async def send(found: Bare, data: bytes) -> tuple[bool, int]:
    """A call of the rollup's root verifier by its owner: whether it went through, its gas."""
    rpc, owner = found.rpc("op"), found.network.contracts["governanceExecutor"]
    await rpc.call("anvil_impersonateAccount", owner)
    await rpc.call("anvil_setBalance", owner, hex(10**20))
    to = found.network.contracts["rootVerifier"]
    request = {"from": owner, "to": to, "data": "0x" + data.hex(), "gas": hex(10_000_000)}
    sent = await rpc.call("eth_sendTransaction", request)
    await anvil_seal(rpc)()
    receipt = await rpc.call("eth_getTransactionReceipt", sent)
    return int(receipt["status"], 16) == 1, int(receipt["gasUsed"], 16)


async def certified(
    found: Bare, keys: list[GuardianKeys], set_id: int, epoch: int, absent: Collection[int] = ()
) -> Certificate | None:
    """What a round among `keys` comes to."""
    aggregate = Aggregate.of([_LEAF])
    header = EpochHeader(set_id, epoch, 1_767_225_600, NO_PARENT, aggregate.root)
    digest = header.hash(found.network.network_id)
    panel = Panel(
        make_roster(set_id, keys, STAKE),
        [
            Ready(one.index, SecretKey(one.bls_seed).sign(digest))
            for one in keys
            if one.index not in absent
        ],
    )
    return (await panel.hold(Proposal(header, digest, aggregate, None))).certificate


async def test_a_certificate_costs_the_same_for_four_and_for_five_hundred(found: Bare) -> None:
    gas = {}
    for set_id, size in ((2, 4), (3, 500)):
        keys = guardian_keys(size)
        guardian_set = make_roster(set_id, keys, STAKE).guardian_set
        assert (await send(found, install_calldata(found.network.network_id, guardian_set)))[0]
        # the first one on a chain fills slots that were empty
        for epoch, absent in enumerate(((), (), (size // 2,)), start=10 * set_id):
            certificate = await certified(found, keys, set_id, epoch, absent)
            assert certificate is not None
            taken, gas[size, len(absent)] = await send(found, submit_calldata(certificate))
            assert taken
    assert gas[500, 0] == pytest.approx(gas[4, 0], rel=0.02)
    # a proof of nine nodes instead of two, calldata included
    assert gas[500, 1] - gas[500, 0] <= gas[4, 1] - gas[4, 0] + 10_000


async def test_a_third_less_one_of_five_hundred_may_be_absent(found: Bare) -> None:
    keys = guardian_keys(500)
    guardian_set = make_roster(2, keys, STAKE).guardian_set
    assert (await send(found, install_calldata(found.network.network_id, guardian_set)))[0]
    absent = range(0, 498, 3)
    assert len(absent) == 166
    certificate = await certified(found, keys, 2, 20, absent)
    assert certificate is not None
    assert (await send(found, submit_calldata(certificate)))[0]
    assert await certified(found, keys, 2, 21, (*absent, 499)) is None
