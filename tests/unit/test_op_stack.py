"""Deposits and L1 attributes, byte for byte."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.domain import rlp
from control_plane.domain.hashing import keccak256
from control_plane.domain.op_stack import (
    DEPOSITED_TOPIC,
    DEPOSITOR,
    ISTHMUS,
    JOVIAN,
    L1_BLOCK,
    Deposit,
    Fees,
    InvalidDeposit,
    L1Block,
    Origin,
    attributes_source,
    blob_base_fee,
    create3_address,
    deposit_of_log,
    is_jovian,
    l1_attributes,
    origin_of,
    portal_salt,
    user_source,
)

L1 = L1Block(
    number=0x1234,
    hash=bytes.fromhex("c00e5d67c2755389aded7d8b151cbd5bcdf7ed275ad5e028b664880fc7581c77"),
    timestamp=1_700_000_001,
    base_fee=10**9 + 7,
    blob_base_fee=5,
    beacon_root=bytes(32),
    randao=bytes(32),
)
HASH = "0x" + "ab" * 32


def test_the_source_hash_of_l1_attributes_is_op_nodes() -> None:
    """op-node/rollup/derive/deposit_source_test.go, TestL1InfoDepositSource."""
    expected = "0586c503340591999b8b38bc9834bb16aec7d5bc00eb5587ab139c9ddab81977"
    assert attributes_source(L1.hash, 4).hex() == expected


def test_the_source_hash_of_a_user_is_the_specifications_formula() -> None:
    inner = keccak256(L1.hash + (5).to_bytes(32))
    assert user_source(L1.hash, 5) == keccak256(bytes(32) + inner)


def test_a_deposit_is_op_geths_bytes() -> None:
    """op-geth's tracetest/testdata/call_tracer/deposit.json."""
    sender = bytes.fromhex("bc339e628e6fe32c39e84392d087567b2743ea35")
    deposit = Deposit(
        source=bytes.fromhex("b4f9f798a5fe956d1b79c3eff355febf9e1039a7440948845536982cb62aa031"),
        sender=sender,
        to=sender,
        mint=0,
        value=0x1AA535D3D0C000,
        gas=200_000,
        data=b"\0",
    )
    raw = (
        "7ef85aa0b4f9f798a5fe956d1b79c3eff355febf9e1039a7440948845536982cb62aa031"
        "94bc339e628e6fe32c39e84392d087567b2743ea35"
        "94bc339e628e6fe32c39e84392d087567b2743ea35"
        "80871aa535d3d0c00083030d408000"
    )
    assert deposit.encode().hex() == raw


@pytest.mark.parametrize(
    ("jovian", "selector", "length"), [(False, ISTHMUS, 176), (True, JOVIAN, 178)]
)
def test_l1_attributes_are_the_specifications_table(
    jovian: bool, selector: bytes, length: int
) -> None:
    fees = Fees(1, 2, b"\x03" * 32, 4, 5, 6)
    deposit = l1_attributes(L1, 9, fees, jovian=jovian)
    data = deposit.data
    assert (deposit.sender, deposit.to, deposit.gas) == (DEPOSITOR, L1_BLOCK, 1_000_000)
    assert (deposit.mint, deposit.value) == (0, 0)
    assert deposit.source == attributes_source(L1.hash, 9)
    name = "setL1BlockValuesJovian()" if jovian else "setL1BlockValuesIsthmus()"
    assert data[:4] == selector == keccak256(name.encode())[:4]
    table = [
        (4, 8, 1),
        (8, 12, 2),
        (12, 20, 9),
        (20, 28, L1.timestamp),
        (28, 36, L1.number),
        (36, 68, L1.base_fee),
        (68, 100, L1.blob_base_fee),
        (100, 132, int.from_bytes(L1.hash)),
        (132, 164, int.from_bytes(b"\x03" * 32)),
        (164, 168, 4),
        (168, 176, 5),
        *([(176, 178, 6)] if jovian else []),
    ]
    assert [int.from_bytes(data[a:b]) for a, b, _ in table] == [value for *_, value in table]
    assert len(data) == length
    assert origin_of(data) == Origin(L1.number, L1.hash, 9)


@given(st.binary(max_size=200))
def test_what_is_no_attributes_tells_no_origin(data: bytes) -> None:
    if data[:4] not in {ISTHMUS, JOVIAN}:
        with pytest.raises(InvalidDeposit):
            origin_of(data)


def log(opaque: bytes, *, version: int = 0) -> dict[str, Any]:
    length = len(opaque)
    body = (32).to_bytes(32) + length.to_bytes(32) + opaque + bytes(-length % 32)
    addresses = ["0x" + "00" * 12 + "a1" * 20, "0x" + "00" * 12 + "b2" * 20]
    return {
        "topics": ["0x" + DEPOSITED_TOPIC.hex(), *addresses, f"0x{version:064x}"],
        "data": "0x" + body.hex(),
        "blockHash": HASH,
        "logIndex": "0x3",
    }


@given(
    st.integers(0, 2**128), st.integers(0, 2**256 - 1), st.integers(0, 2**64 - 1),
    st.booleans(), st.binary(max_size=300),
)  # fmt: skip
def test_deposits_of_users_come_back_out_of_their_event(
    mint: int, value: int, gas: int, creates: bool, data: bytes
) -> None:
    opaque = mint.to_bytes(32) + value.to_bytes(32) + gas.to_bytes(8) + bytes([creates]) + data
    deposit = deposit_of_log(log(opaque))
    assert deposit == Deposit(
        source=user_source(b"\xab" * 32, 3),
        sender=b"\xa1" * 20,
        to=None if creates else b"\xb2" * 20,
        mint=mint,
        value=value,
        gas=gas,
        data=data,
    )
    fields = rlp.decode_list(deposit.encode()[1:])
    assert (len(fields), fields[6], fields[7]) == (8, b"", data)


@pytest.mark.parametrize(
    "changed",
    [log(bytes(72)), log(bytes(100), version=1), {**log(bytes(80)), "data": "0x"},
     {**log(bytes(80)), "topics": []}],
)  # fmt: skip
def test_events_that_are_no_deposits_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidDeposit):
        deposit_of_log(changed)


def test_the_fork_stands_in_the_extra_data() -> None:
    assert not is_jovian(bytes(9))
    assert is_jovian(bytes(17))
    with pytest.raises(InvalidDeposit):
        is_jovian(b"")


def test_the_blob_base_fee_grows_by_eip_4844s_formula() -> None:
    assert blob_base_fee(0) == 1
    assert blob_base_fee(5_007_716) == 2  # e, rounded down
    assert blob_base_fee(10 * 5_007_716) == 22_026  # e^10


def test_a_portals_address_is_the_factorys() -> None:
    """As test_addressOf_isCreateOfCreate2 of the contracts."""
    factory = b"\x11" * 20
    code = bytes.fromhex("73365f5f37365f34f06012573d5f5f3e3d5ffd5b005f526014600cf3")
    salt = portal_salt(901)
    middle = keccak256(b"\xff" + factory + salt + keccak256(code))[12:]
    assert create3_address(factory, salt) == keccak256(b"\xd6\x94" + middle + b"\x01")[12:]
    assert portal_salt(902) != salt
