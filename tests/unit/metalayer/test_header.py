"""Blocks of Anvil at several forks, the mainnet's first one, and py-evm's own headers."""

from typing import Any

import pytest
from eth.vm.forks.prague.blocks import PragueBlockHeader

from control_plane.domain import rlp
from control_plane.domain.hashing import keccak256
from control_plane.domain.header import InvalidHeader, check_header, encode_header
from tests.unit.metalayer.vectors import load, raw

BLOCKS: dict[str, Any] = load("blocks")["blocks"]
MAINNET_GENESIS: dict[str, Any] = {
    "parentHash": "0x" + "00" * 32,
    "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
    "miner": "0x" + "00" * 20,
    "stateRoot": "0xd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544",
    "transactionsRoot": "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
    "receiptsRoot": "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
    "logsBloom": "0x" + "00" * 256,
    "difficulty": "0x400000000",
    "number": "0x0",
    "gasLimit": "0x1388",
    "gasUsed": "0x0",
    "timestamp": "0x0",
    "extraData": "0x11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa",
    "mixHash": "0x" + "00" * 32,
    "nonce": "0x0000000000000042",
}


@pytest.mark.parametrize("fork", BLOCKS)
def test_header_hashes_to_the_block_hash(fork: str) -> None:
    block = BLOCKS[fork]["block"]
    header = check_header(block, raw(block["hash"]))
    assert header.hash == raw(block["hash"])
    assert header.number == int(block["number"], 16)
    assert header.state_root == raw(block["stateRoot"])
    assert header.parent_hash == raw(block["parentHash"])
    assert header.timestamp == int(block["timestamp"], 16)


def test_mainnet_genesis() -> None:
    known = "d4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3"
    assert check_header(MAINNET_GENESIS, raw(known)).number == 0


def test_prague_header_of_another_implementation() -> None:
    block = BLOCKS["prague"]["block"]
    fields = rlp.decode_list(encode_header(block))
    names = [name for name, _ in PragueBlockHeader._meta.fields]
    assert len(fields) == len(names)
    header = PragueBlockHeader.deserialize([bytes(field) for field in fields])  # type: ignore[arg-type]
    assert header.hash == raw(block["hash"])


def test_fields_of_later_forks_are_appended_in_their_order() -> None:
    block = {**BLOCKS["prague"]["block"], "blockAccessListHash": "0x" + "ab" * 32}
    fields = rlp.decode_list(encode_header({**block, "slotNumber": "0x2a"}))
    assert fields[-2:] == [b"\xab" * 32, b"\x2a"]
    assert len(fields) == 23


@pytest.mark.parametrize("name", [*MAINNET_GENESIS, "baseFeePerGas", "requestsHash"])
def test_any_other_value_has_another_hash(name: str) -> None:
    block = BLOCKS["prague"]["block"]
    value = block[name]
    other = value[:-1] + ("0" if value[-1] != "0" else "1") if value != "0x" else "0x00"
    changed = {**block, name: other}
    with pytest.raises(InvalidHeader, match="hashes to"):
        check_header(changed, raw(block["hash"]))


def test_a_field_without_the_forks_before_is_refused() -> None:
    block = {**BLOCKS["london"]["block"], "requestsHash": "0x" + "00" * 32}
    with pytest.raises(InvalidHeader, match="later fork"):
        encode_header(block)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stateRoot", "0x00"),
        ("stateRoot", None),
        ("stateRoot", 5),
        ("number", "12"),
        ("number", "0xzz"),
        ("number", "0x-1"),
        ("miner", "0x" + "g" * 40),
        ("nonce", "0x42"),
    ],
)
def test_malformed_fields_are_refused(name: str, value: object) -> None:
    with pytest.raises(InvalidHeader):
        encode_header({**MAINNET_GENESIS, name: value})


def test_a_missing_field_is_named() -> None:
    block = {key: value for key, value in MAINNET_GENESIS.items() if key != "mixHash"}
    with pytest.raises(InvalidHeader, match="mixHash"):
        encode_header(block)


def test_the_hash_asked_for_counts_not_the_one_told() -> None:
    block = BLOCKS["prague"]["block"]
    with pytest.raises(InvalidHeader):
        check_header({**block, "hash": "0x" + "00" * 32}, keccak256(b"another"))
