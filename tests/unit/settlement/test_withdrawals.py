"""Withdrawals as bytes, against an ABI library; amounts; what bridges' events tell."""

from typing import Any

import pytest
from eth_abi.abi import decode, encode
from hypothesis import given
from hypothesis import strategies as st

from control_plane.domain.calls import selector, word
from control_plane.domain.errors import InvalidInput
from control_plane.domain.hashing import keccak256
from control_plane.domain.settlement.withdrawals import (
    MESSAGE_PASSED,
    MESSAGE_PASSER,
    Withdrawal,
    withdrawal_of_log,
)
from control_plane.services.bridge.events import bridged_by
from control_plane.services.bridge.tokens import COIN, Token, units, whole_units

TYPES = ("uint256", "address", "address", "uint256", "uint256", "bytes")
TUPLE = f"({','.join(TYPES)})"
WORDS = st.binary(min_size=32, max_size=32)
ADDRESSES = st.binary(min_size=20, max_size=20)
NUMBERS = st.integers(0, 2**256 - 1)
WITHDRAWALS = st.builds(
    Withdrawal, NUMBERS, ADDRESSES, ADDRESSES, NUMBERS, NUMBERS, st.binary(max_size=200)
)
USDC = Token("USDC", 6, b"\x01" * 20, b"\x02" * 20)


def fields(it: Withdrawal) -> tuple[Any, ...]:
    return (
        it.nonce,
        "0x" + it.sender.hex(),
        "0x" + it.target.hex(),
        it.value,
        it.gas_limit,
        it.data,
    )


@given(WITHDRAWALS)
def test_hash_and_slot(it: Withdrawal) -> None:
    assert it.hash == keccak256(encode(TYPES, fields(it)))
    assert it.slot == keccak256(encode(("bytes32", "uint256"), (it.hash, 0)))


@given(WITHDRAWALS, NUMBERS, st.tuples(*[WORDS] * 4), st.lists(st.binary(max_size=80), max_size=5))
def test_calls(it: Withdrawal, index: int, output: tuple[bytes, ...], nodes: list[bytes]) -> None:
    parts = "(bytes32,bytes32,bytes32,bytes32)"
    call = it.prove_call(index, output, nodes)
    assert call[:4] == selector(f"proveWithdrawalTransaction({TUPLE},uint256,{parts},bytes[])")
    assert call[4:] == encode(
        (TUPLE, "uint256", parts, "bytes[]"), (fields(it), index, output, nodes)
    )
    final = it.finalize_call()
    assert final[:4] == selector(f"finalizeWithdrawalTransaction({TUPLE})")
    assert decode((TUPLE,), final[4:]) == (fields(it),)


@given(WITHDRAWALS)
def test_withdrawals_come_back_out_of_their_event(it: Withdrawal) -> None:
    data = encode((*TYPES[3:], "bytes32"), (it.value, it.gas_limit, it.data, it.hash))
    indexed = (MESSAGE_PASSED, word(it.nonce), word(it.sender), word(it.target))
    log = {
        "address": "0x" + MESSAGE_PASSER.hex(),
        "topics": ["0x" + topic.hex() for topic in indexed],
        "data": "0x" + data.hex(),
    }
    assert withdrawal_of_log(log) == it
    assert withdrawal_of_log(log | {"address": "0x" + "11" * 20}) is None
    assert withdrawal_of_log(log | {"topics": []}) is None


@given(st.integers(1, 10**30), st.sampled_from([COIN, USDC]))
def test_amounts_go_there_and_back(amount: int, token: Token) -> None:
    text = whole_units(amount, token.decimals)
    assert units(text, token) == amount
    assert "e" not in text.lower()


@pytest.mark.parametrize("amount", ["0", "0.0000001", "0.0000000000000000001"])
def test_what_is_no_amount(amount: str) -> None:
    with pytest.raises(InvalidInput):
        units(amount, USDC)


def test_events_of_other_bridges_tell_nothing() -> None:
    bridge, other = b"\x03" * 20, b"\x04" * 20
    eth = keccak256(b"ETHBridgeInitiated(address,address,uint256,bytes)")
    log = {
        "address": "0x" + bridge.hex(),
        "topics": ["0x" + t.hex() for t in (eth, word(b"\x05" * 20), word(b"\x06" * 20))],
        "data": "0x" + encode(("uint256", "bytes"), (7, b"")).hex(),
    }
    found = bridged_by([log], bridge, on_l1=True)
    assert found is not None
    assert (found.sender, found.to, found.amount, found.token) == (
        b"\x05" * 20,
        b"\x06" * 20,
        7,
        None,
    )
    assert bridged_by([log], other, on_l1=True) is None
