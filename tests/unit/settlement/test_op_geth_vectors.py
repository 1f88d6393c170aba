"""A chain that a real op-geth ran, out of its channel: each header to the last byte."""

import contextlib
import json
import os
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.adapters.derivation.l1_fees import Charges, compressed_length, estimated_size
from control_plane.adapters.derivation.living import living
from control_plane.adapters.derivation.replay import Differs, Replay
from control_plane.domain import rlp
from control_plane.domain.channels import MOST_BYTES, Channel, decode_channel
from control_plane.domain.hashing import keccak256
from control_plane.domain.op_stack import Deposit
from control_plane.domain.settlement.proofs import MESSAGE_PASSER

VECTORS = Path(__file__).parents[2] / "vectors" / "op_geth.json"
CALL = (
    "02f901550a758302df1483be21b88304743f94f80e51afb613d764fa61751affd3313c190a86bb87"
    "0151bd62fd12adb8e41ef24f3f000000000000000000000000000000000000000000000000000000"
    "000000006e000000000000000000000000af88d065e77c8cc2239327c5edb3a432268e5831000000"
    "000000000000000000000000000000000000000000000000000003c1e50000000000000000000000"
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "000000000000000000000000a0000000000000000000000000000000000000000000000000000000"
    "00000000148c89ed219d02f1a5be012c689b4f5b731827bebe000000000000000000000000c001a0"
    "33fd89cb37c31b2cba46b6466e040c61fc9b2a3675a7f5f493ebd5ad77c497f8a07cdf65680e2383"
    "92693019b4092f610222e71b7cec06449cb922b93b6a12744e"
)
"""A call of a contract, a transaction of OP Mainnet's."""


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(VECTORS.read_bytes())
    return found


@pytest.fixture
def channel(vectors: dict[str, Any]) -> Channel:
    return _channel(vectors)


def _channel(vectors: dict[str, Any]) -> Channel:
    data = bytes.fromhex(vectors["channel"][2:])
    decompressor = zstandard.ZstdDecompressor()
    return decode_channel(data, lambda raw: decompressor.decompress(raw, MOST_BYTES))


def test_every_header_is_found(vectors: dict[str, Any], channel: Channel) -> None:
    zero, *headers = (bytes.fromhex(each[2:]) for each in vectors["headers"])
    replay = Replay(vectors["genesis"], bytes(32))
    assert replay.parent_hash == keccak256(zero) == channel.parent_hash
    for block, header in zip(channel.blocks, headers, strict=True):
        assert replay.derive(block) == header
        assert block.hash == keccak256(header)


def test_transactions_for_another_chain_are_refused(
    vectors: dict[str, Any], channel: Channel
) -> None:
    """What was signed for one rollup can't be taken to another one."""
    genesis = {**vectors["genesis"], "config": {**vectors["genesis"]["config"], "chainId": 7}}
    replay = Replay(genesis, bytes(32))
    first = next(block for block in channel.blocks if len(block.transactions) > 1)
    alone = replace(channel.blocks[0], transactions=first.transactions)
    with pytest.raises(Differs, match="signed for chain 900"):
        replay.derive(alone)


def test_a_block_has_gas_for_what_is_in_it(vectors: dict[str, Any], channel: Channel) -> None:
    replay = Replay(vectors["genesis"], bytes(32))
    first = channel.blocks[0]
    told = first.transactions[0]
    large = replace(Deposit.decode(told), gas=first.gas_limit).encode()
    with pytest.raises(Differs, match="the block has"):
        replay.derive(replace(first, transactions=(told, large)))


@pytest.mark.parametrize(
    ("data", "length"),
    [(b"", 0), (b"\x01" * 1_000, 21), (bytes(1_000), 21), (bytes.fromhex(CALL), 202)],
)
def test_lengths_of_fastlz(data: bytes, length: int) -> None:
    """As op-geth's own tests have them."""
    assert compressed_length(data) == length


def test_what_data_cost() -> None:
    """A transfer takes the least: 100 bytes."""
    assert estimated_size(bytes(110)) == 100 * 10**6
    charges = Charges(1_368 * 10**9 * 16 + 810_949, 2, 3)
    assert charges.data_fee(100 * 10**6) == 2_188_800_081
    assert charges.operator_fee(21_000) == 21_000 * 2 * 100 + 3


def test_it_goes_on_from_any_block(vectors: dict[str, Any], channel: Channel) -> None:
    """From the nodes of one state alone; and any block is executed once more, step by step."""
    replay = Replay(vectors["genesis"], bytes(32))
    hashes, roots = [replay.parent_hash], [replay.root]
    for block in channel.blocks:
        header = replay.derive(block)
        hashes.insert(0, block.hash)
        roots.append(replay.root)
        nodes = living(replay.nodes, [roots[-2], roots[-1]])
        replay.reopen(header, hashes, nodes)
        steps: list[bytes] = []
        past = replay.past(block.number, roots[-2], hashes[1:])
        assert past.run(block, steps) == roots[-1] == block.state_root
        assert len(steps) == 1 + len(block.transactions)
        assert past.storage_root(MESSAGE_PASSER) == _withdrawals_root(header)


def _withdrawals_root(header: bytes) -> bytes:
    root = rlp.decode_list(header)[16]
    assert isinstance(root, bytes)
    return root


@cache
def _at_genesis() -> tuple[Replay, Channel]:
    document = json.loads(VECTORS.read_bytes())
    return Replay(document["genesis"], bytes(32)), _channel(document)


@settings(max_examples=int(os.environ.get("CALDERA_SPOILT_BLOCKS", "100")), deadline=None)
@given(st.data())
def test_whatever_is_posted_is_executed_or_refused(data: st.DataObject) -> None:
    """Transactions of which some bytes are others: nothing but Differs comes of them."""
    replay, channel = _at_genesis()
    blocks = channel.blocks
    raws = list(data.draw(st.sampled_from(blocks)).transactions)
    at = data.draw(st.integers(0, len(raws) - 1))
    spoilt = bytearray(raws[at])
    for _ in range(data.draw(st.integers(1, 4))):
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    raws[at] = bytes(spoilt)
    told = blocks[0].transactions[0]
    kept = [raw for raw in raws if raw[:1] != told[:1] or raw == raws[at]]
    block = replace(blocks[0], transactions=(told, *kept))
    with contextlib.suppress(Differs):
        replay.past(1, replay.root, [replay.parent_hash]).run(block)
