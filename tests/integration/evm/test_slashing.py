"""Evidence against guardians on real chains: what it costs them to the wei, and what it spares."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from control_plane.adapters.evm.bootstrap import first_set
from control_plane.adapters.evm.sealing import anvil_seal
from control_plane.domain.aggregate import Aggregate
from control_plane.domain.bls import SecretKey
from control_plane.domain.evidence import (
    Refutation,
    Vote,
    equivocation_calldata,
    false_leaf_calldata,
    refute,
)
from control_plane.domain.formats import NO_PARENT, Certificate, EpochHeader, Leaf
from control_plane.domain.quorum import Tally
from control_plane.services.metalayer.leaves import read_leaf
from control_plane.services.metalayer.rounds import make_roster
from tests.integration.evm.test_bootstrap import Bare, bare
from tests.integration.metalayer.lab import STAKE, selector

pytestmark = pytest.mark.integration
_WORDS = [f"0x{slot:064x}" for slot in (32, 33)]


@pytest.fixture
async def found(tmp_path: Path) -> AsyncIterator[Bare]:
    """An L1 and a rollup at block 1, four guardians staked."""
    async with bare(tmp_path) as made:
        await asyncio.gather(made.boot("l1"), made.boot("op"))
        yield made


async def _send(found: Bare, to: str, data: bytes) -> tuple[bool, int, str]:
    """Whether the call went through, its gas, and who made it."""
    rpc = found.rpc("l1")
    sender: str = (await rpc.call("eth_accounts"))[-1]
    request = {
        "from": sender,
        "to": found.network.contracts[to],
        "data": "0x" + data.hex(),
        "gas": hex(5_000_000),
    }
    sent = await rpc.call("eth_sendTransaction", request)
    await anvil_seal(rpc)()
    receipt = await rpc.call("eth_getTransactionReceipt", sent)
    return int(receipt["status"], 16) == 1, int(receipt["gasUsed"], 16), sender


async def _stake(found: Bare, index: int) -> int:
    """All that it can lose, staked or unbonding."""
    account = bytes.fromhex(found.keys.guardians[index].account.address[2:])
    view = await found.view(
        "l1", "guardianRegistry", "guardianOf(address)", account.rjust(32, b"\0")
    )
    return int.from_bytes(view[32:64]) + int.from_bytes(view[64:96])


def _account(found: Bare, index: int) -> bytes:
    return bytes.fromhex(found.keys.guardians[index].account.address[2:])


def _header(root: bytes, epoch: int = 7) -> EpochHeader:
    return EpochHeader(1, epoch, 1_767_225_600, NO_PARENT, root)


def _alone(found: Bare, index: int, header: EpochHeader) -> Vote:
    key = SecretKey(found.keys.guardians[index].bls_seed)
    return Vote.alone(header, key.sign(header.hash(found.network.network_id)))


def _among(found: Bare, index: int, header: EpochHeader, absent: int) -> Vote:
    roster = make_roster(1, found.keys.guardians, STAKE)
    assert roster.guardian_set == first_set(found.keys, found.network)
    tally = Tally(roster, header.hash(found.network.network_id))
    for guardian in found.keys.guardians:
        if guardian.index != absent:
            tally.add(guardian.index, SecretKey(guardian.bls_seed).sign(tally.digest))
    return Vote.among(Certificate(header, tally.proof()), roster, index)


async def _holdings(found: Bare, reporter: str) -> tuple[int, int, int, int]:
    contracts = found.network.contracts
    registry, treasury = contracts["guardianRegistry"], contracts["governanceExecutor"]
    held = (registry, reporter, treasury, contracts["slasher"])
    return tuple([await found.era(one) for one in held])  # type: ignore[return-value]


async def _expect_slashed(found: Bare, index: int, data: bytes, amount: int) -> int:
    """Report, and compare every balance to the wei. The gas."""
    reporter = (await found.rpc("l1").call("eth_accounts"))[-1]
    before, stake = await _holdings(found, reporter), await _stake(found, index)
    accepted, gas, _ = await _send(found, "slasher", data)
    assert accepted
    reward = amount // 10
    registry, reporter_, treasury, slasher = before
    assert await _holdings(found, reporter) == (
        registry - amount,
        reporter_ + reward,
        treasury + amount - reward,
        slasher,
    )
    assert await _stake(found, index) == stake - amount
    assert not (await _send(found, "slasher", data))[0]  # once only
    return gas


@pytest.mark.parametrize("kind", ["signatures", "certificates", "mixed"])
async def test_an_equivocator_loses_all(found: Bare, kind: str) -> None:
    first, second = _header(b"\x01" * 32), _header(b"\x02" * 32)
    votes = {
        "signatures": (_alone(found, 2, first), _alone(found, 2, second)),
        "certificates": (_among(found, 2, first, 0), _among(found, 2, second, 3)),
        "mixed": (_among(found, 2, first, 1), _alone(found, 2, second)),
    }
    data = equivocation_calldata(_account(found, 2), *votes[kind])
    gas = await _expect_slashed(found, 2, data, STAKE)
    assert gas < 1_000_000
    # the next set is without it, and the others' stakes are whole
    accepted, _, _ = await _send(
        found, "guardianRegistry", bytes.fromhex(selector("sealSet()")[2:])
    )
    assert accepted
    members = [guardian for guardian in found.keys.guardians if guardian.index != 2]
    sealed = await found.view("l1", "guardianRegistry", "currentSet()")
    assert int.from_bytes(sealed[32:64]) == 2
    assert int.from_bytes(sealed[64:96]) == 3
    assert [await _stake(found, guardian.index) for guardian in members] == [STAKE] * 3


async def test_the_honest_are_not_slashed(found: Bare) -> None:
    first, second = _header(b"\x01" * 32), _header(b"\x02" * 32, 8)
    pairs = [
        (_alone(found, 1, first), _alone(found, 1, first)),
        (_alone(found, 1, first), _alone(found, 1, second)),
        (_alone(found, 1, first), _alone(found, 2, _header(b"\x02" * 32))),
        (_among(found, 1, first, 0), _among(found, 2, _header(b"\x02" * 32), 1)),
    ]
    for pair in pairs:
        data = equivocation_calldata(_account(found, 1), *pair)
        assert not (await _send(found, "slasher", data))[0]
    assert await _stake(found, 1) == STAKE


async def _leaf(found: Bare) -> tuple[Leaf, Any, Any]:
    """The rollup's head, its block and the proof of its message tree."""
    rpc, hook = found.rpc("op"), found.network.contracts["merkleTreeHook"]
    chain = next(chain for chain in found.network.chains if chain.name == "op")
    leaf = await read_leaf(rpc, chain.domain, hook, None)
    assert leaf is not None
    at = "0x" + leaf.block_hash.hex()
    block = await rpc.call("eth_getBlockByHash", at, False)
    return leaf, block, await rpc.call("eth_getProof", hook, _WORDS, at)


@pytest.mark.parametrize(
    "lie",
    [
        {"block_number": 77},
        {"state_root": b"\x07" * 32},
        {"message_count": 1},
        {"message_root": b"\x07" * 32},
    ],
    ids=lambda lie: next(iter(lie)),
)
async def test_a_liar_loses_a_quarter(found: Bare, lie: dict[str, Any]) -> None:
    true, block, answer = await _leaf(found)
    leaf = replace(true, **lie)
    aggregate = Aggregate.of([leaf])
    proof = aggregate.prove_leaf(7, leaf).encode()
    hook = bytes.fromhex(found.network.contracts["merkleTreeHook"][2:])
    refutation = refute(leaf, proof, hook, block, answer)
    assert refutation is not None
    vote = _alone(found, 3, _header(aggregate.root))
    data = false_leaf_calldata(_account(found, 3), vote, refutation)
    assert await _expect_slashed(found, 3, data, STAKE // 4) < 1_000_000


async def test_a_reorg_slashes_nobody(found: Bare) -> None:
    """A block is attested, then its chain drops it: the leaf stays true of its block."""
    rpc = found.rpc("op")
    await anvil_seal(rpc)()
    leaf, block, answer = await _leaf(found)
    await rpc.call("anvil_rollback", 1)
    await rpc.call("evm_increaseTime", 1_000)
    await anvil_seal(rpc)()
    other, *_ = await _leaf(found)
    assert other.block_number == leaf.block_number
    assert other.block_hash != leaf.block_hash

    aggregate = Aggregate.of([leaf])
    proof = aggregate.prove_leaf(7, leaf).encode()
    hook = bytes.fromhex(found.network.contracts["merkleTreeHook"][2:])
    assert refute(leaf, proof, hook, block, answer) is None
    lying = refute(replace(leaf, message_count=1), proof, hook, block, answer)
    assert isinstance(lying, Refutation)
    vote = _alone(found, 3, _header(aggregate.root))
    data = false_leaf_calldata(_account(found, 3), vote, lying)
    assert not (await _send(found, "slasher", data))[0]
    # and the guardian attests the other branch under the next number
    follow_up = _alone(found, 3, _header(Aggregate.of([other]).root, 8))
    pair = equivocation_calldata(_account(found, 3), vote, follow_up)
    assert not (await _send(found, "slasher", pair))[0]
    assert await _stake(found, 3) == STAKE
