"""Our GasPriceOracle answers what the OP Stack's own does, whose code third_party has."""

import gzip
import json
import random
from collections.abc import Iterator

import pytest

from control_plane.adapters.engine.anvil_binary import resolve_anvil
from control_plane.adapters.evm.bake_node import BakeNode, bake_node
from control_plane.domain.calls import encode_call, selector, tail, word
from control_plane.domain.op_stack import L1_BLOCK
from control_plane.resources import artifacts_dir, third_party_dir

pytestmark = pytest.mark.integration

OURS, THEIRS = "0x" + "aa" * 20, "0x" + "bb" * 20
THEIR_CODE = "0xc0d3c0d3c0d3c0d3c0d3c0d3c0d3c0d3c0d3000f"
"""Behind the proxy at 0x4200…000F."""
ISTHMUS, JOVIAN = 0x00010101, 0x01010101
WORDS = {
    1: 7_000_000_123,  # base fee
    3: 1_368 << 96 | 810_949 << 64 | 5,  # weights and sequence number
    7: 1_234_567,  # blob base fee
    8: 400 << 96 | 1_500 << 64 | 77,  # footprint, weight and constant of the operator's fee
}


@pytest.fixture(scope="module")
def node() -> Iterator[BakeNode]:
    """An Anvil with both contracts on the values of one L1Block."""
    plain = gzip.decompress((third_party_dir() / "op-stack" / "predeploys.json.gz").read_bytes())
    ours, l1_block = (
        json.loads((artifacts_dir() / f"{name}.json").read_bytes())["deployedBytecode"]
        for name in ("GasPriceOracle", "L1Block")
    )
    with bake_node(resolve_anvil().path, 901, 1_767_225_600) as anvil:
        anvil.call("anvil_setCode", OURS, ours)
        anvil.call("anvil_setCode", THEIRS, json.loads(plain)[THEIR_CODE]["code"])
        anvil.call("anvil_setCode", "0x" + L1_BLOCK.hex(), l1_block)
        for slot, value in WORDS.items():
            store(anvil, "0x" + L1_BLOCK.hex(), slot, value)
        yield anvil


def store(node: BakeNode, where: str, slot: int, value: int) -> None:
    node.call("anvil_setStorageAt", where, hex(slot), "0x" + word(value).hex())


def same(node: BakeNode, data: bytes) -> bytes:
    """What both answer to `data`."""
    call = {"data": "0x" + data.hex(), "gas": hex(50_000_000)}
    ours, theirs = (
        str(node.call("eth_call", {**call, "to": to}, "latest")) for to in (OURS, THEIRS)
    )
    assert ours == theirs, data[:4].hex()
    return bytes.fromhex(ours[2:])


def samples() -> Iterator[bytes]:
    """Bytes of all lengths around FastLZ's limits, and of kinds that compress differently."""
    draw = random.Random(20260101)
    yield from (bytes(length) for length in (*range(18), 31, 32, 33, 276, 277, 278, 9_000))
    for length in (12, 13, 14, 15, 16, 17, 31, 32, 33, 64, 65, 300, 2_000):
        yield draw.randbytes(length)
        yield bytes(draw.choice(b"\0\0\0\1\xff") for _ in range(length))
        yield (draw.randbytes(draw.randrange(1, 40)) * length)[:length]
    noise = draw.randbytes(300)
    for gap in (8_189, 8_190, 8_191, 8_192, 8_193):  # the farthest match
        yield noise + draw.randbytes(gap - len(noise)) + noise
    for _ in range(40):  # as calls look: words, half of them zeros
        yield b"".join(
            draw.choice((bytes(32), word(draw.randrange(9)), noise[:20].rjust(32, b"\0")))
            for _ in range(draw.randrange(30))
        ) + draw.randbytes(draw.randrange(20))


@pytest.mark.parametrize("forks", [ISTHMUS, JOVIAN])
def test_operators_fee_and_getters(node: BakeNode, forks: int) -> None:
    for where in (OURS, THEIRS):
        store(node, where, 0, forks)
    for gas in (0, 1, 21_000, 30_000_001):
        assert any(same(node, encode_call("getOperatorFee(uint256)", gas)))
    for name in ("Ecotone", "Fjord", "Isthmus", "Jovian"):
        same(node, selector(f"is{name}()"))
    for name in ("gasPrice", "baseFee", "l1BaseFee", "blobBaseFee", "baseFeeScalar"):
        same(node, selector(f"{name}()"))
    for name in ("blobBaseFeeScalar", "decimals", "DECIMALS", "version"):
        same(node, selector(f"{name}()"))


def test_fee_of_any_data(node: BakeNode) -> None:
    for where in (OURS, THEIRS):
        store(node, where, 0, JOVIAN)
    fees = set()
    before = random.Random(7).randbytes(400)  # above the least size, so that every byte counts
    for data in samples():
        for argument in (word(32) + tail(data), word(32) + tail(before + data)):
            fees.add(same(node, selector("getL1Fee(bytes)") + argument))
            same(node, selector("getL1GasUsed(bytes)") + argument)
        same(node, encode_call("getL1FeeUpperBound(uint256)", len(data)))
    assert len(fees) > 40
