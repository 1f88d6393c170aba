"""Channels: what goes in comes out, and nothing else is taken for one."""

import dataclasses
import random

import pytest
import zstandard
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.domain import rlp
from control_plane.domain.channels import (
    MOST_BYTES,
    Channel,
    ChannelBlock,
    decode_channel,
    encode_channel,
)
from control_plane.domain.columns import InvalidChannel

_KEYS = [bytes([n]) * 32 for n in range(1, 11)]
_AUTHORIZATION = {"chainId": 901, "address": "0x" + "22" * 20, "nonce": 3}


def compress(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=9).compress(data)


def decompress(data: bytes) -> bytes:
    try:
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=MOST_BYTES)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error


def block(number: int, *transactions: bytes) -> ChannelBlock:
    rnd = random.Random(number)
    return ChannelBlock(
        number=number,
        timestamp=1_700_000_000 + number,
        miner=bytes(20),
        gas_limit=60_000_000,
        base_fee=rnd.randrange(10**9),
        mix_hash=rnd.randbytes(32),
        parent_beacon_root=bytes(32),
        extra_data=b"",
        state_root=rnd.randbytes(32),
        hash=rnd.randbytes(32),
        transactions=transactions,
    )


def signed(key: bytes, **fields: object) -> bytes:
    transaction = {"nonce": 0, "gas": 21_000, "to": "0x" + "11" * 20, "value": 1, **fields}
    return bytes(Account.sign_transaction(transaction, key).raw_transaction)


def transfers(count: int, *, random_recipients: bool) -> list[bytes]:
    rnd = random.Random(7)
    known = [Account.from_key(key).address for key in _KEYS]
    return [
        signed(
            _KEYS[at % 10],
            chainId=901,
            nonce=at // 10,
            maxFeePerGas=2 * 10**9,
            maxPriorityFeePerGas=10**9,
            value=rnd.randrange(1, 100) * 10**15,
            to=rnd.randbytes(20) if random_recipients else rnd.choice(known),
        )
        for at in range(count)
    ]


def every_kind() -> list[bytes]:
    fees = {"maxFeePerGas": 10**10, "maxPriorityFeePerGas": 0}
    access = [{"address": "0x" + "33" * 20, "storageKeys": ["0x" + "44" * 32]}]
    authorization = Account.sign_authorization(_AUTHORIZATION, _KEYS[1])
    key = _KEYS[0]
    return [
        signed(key, gasPrice=10**9),  # before EIP-155
        signed(key, gasPrice=10**9, chainId=901, nonce=300),
        signed(key, gasPrice=10**9, chainId=901, accessList=access),
        signed(key, chainId=901, data="0x" + "ab" * 300, **fees),
        signed(key, chainId=901, to="", data="0x6001", **{**fees, "gas": 10**6}),
        signed(key, chainId=901, authorizationList=[authorization], **{**fees, "gas": 10**6}),
        b"\x7e" + rlp.encode([b"deposit"]),
        b"\x03" + rlp.encode([b"blobs"]),
        b"no transaction at all",
    ]


def test_every_kind_of_transaction_comes_back() -> None:
    channel = Channel(bytes(32), (block(1, *every_kind()), block(2), block(3, *every_kind())))
    assert decode_channel(encode_channel(channel, compress), decompress) == channel


raw = st.one_of(st.sampled_from(every_kind()), st.binary(min_size=1, max_size=80))


@given(st.integers(1, 2**40), st.lists(st.lists(raw, max_size=5), min_size=1, max_size=5))
@settings(max_examples=200, deadline=None)
def test_whatever_goes_in_comes_out(first: int, contents: list[list[bytes]]) -> None:
    blocks = tuple(block(first + at, *content) for at, content in enumerate(contents))
    channel = Channel(bytes([9]) * 32, blocks)
    assert decode_channel(encode_channel(channel, compress), decompress) == channel


@pytest.mark.parametrize(("random_recipients", "most"), [(False, 0.65), (True, 0.85)])
def test_a_channel_is_smaller_than_its_transactions(random_recipients: bool, most: float) -> None:
    raws = transfers(500, random_recipients=random_recipients)
    channel = Channel(bytes(32), (block(1, *raws),))
    ratio = len(encode_channel(channel, compress)) / sum(len(raw) for raw in raws)
    assert ratio <= most


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidChannel):
        decode_channel(data, decompress)
    with pytest.raises(InvalidChannel):
        decode_channel(b"\x01\x01" + compress(data), decompress)


@given(st.integers(0, 10**6), st.integers(1, 255))
@settings(max_examples=300, deadline=None)
def test_a_changed_byte_is_refused_or_said(where: int, change: int) -> None:
    """Never anything else than InvalidChannel, and what is taken can be told again."""
    channel = Channel(bytes(32), (block(1, *every_kind()), block(2)))
    plain = bytearray(decompress(encode_channel(channel, compress)[2:]))
    plain[where % len(plain)] ^= change
    try:
        found = decode_channel(b"\x01\x01" + compress(bytes(plain)), decompress)
    except InvalidChannel:
        return
    assert decode_channel(encode_channel(found, compress), decompress) == found


def test_lists_nested_without_end_are_refused() -> None:
    data = b""
    for _ in range(5_000):
        size = len(data)
        data = (bytes((0xC0 + size,)) if size < 56 else b"\xf9" + size.to_bytes(2)) + data
    with pytest.raises(InvalidChannel):
        decode_channel(b"\x01\x01" + compress(data), decompress)


def test_what_does_not_follow_is_no_channel() -> None:
    with pytest.raises(ValueError, match="follow"):
        Channel(bytes(32), (block(1), block(3)))
    with pytest.raises(ValueError, match="at least one"):
        Channel(bytes(32), ())


def test_fields_of_another_size_are_refused() -> None:
    wrong = dataclasses.replace(block(1), miner=bytes(19))
    data = encode_channel(Channel(bytes(32), (wrong,)), compress)
    with pytest.raises(InvalidChannel, match="19 bytes"):
        decode_channel(data, decompress)
