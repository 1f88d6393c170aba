"""Signed transactions and addresses are what other implementations make of the same input."""

import pytest
from eth_account import Account  # here: its import changes the recursion limit
from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.adapters.evm.signer import Transaction, account, checksum, sign

_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_WEI = st.integers(0, 2**96)
_TRANSACTIONS = st.builds(
    Transaction,
    chain_id=st.integers(1, 2**53),
    nonce=st.integers(0, 2**63),
    to=st.binary(min_size=20, max_size=20),
    value=_WEI,
    data=st.binary(max_size=200),
    gas=st.integers(21_000, 2**40),
    max_fee=_WEI,
    tip=_WEI,
)
_KEYS = st.integers(1, _ORDER - 1).map(lambda number: number.to_bytes(32))


@settings(max_examples=60, deadline=None)
@given(_TRANSACTIONS, _KEYS)
def test_same_bytes_as_eth_account(transaction: Transaction, key: bytes) -> None:
    reference = Account.sign_transaction(
        {
            "type": 2,
            "chainId": transaction.chain_id,
            "nonce": transaction.nonce,
            "to": checksum(transaction.to.hex()),
            "value": transaction.value,
            "data": transaction.data,
            "gas": transaction.gas,
            "maxFeePerGas": transaction.max_fee,
            "maxPriorityFeePerGas": transaction.tip,
        },
        key,
    )
    raw, hash_ = sign(transaction, key)
    assert raw == bytes(reference.raw_transaction)
    assert hash_ == "0x" + bytes(reference.hash).hex()


@settings(max_examples=30, deadline=None)
@given(_KEYS)
def test_address_of_a_key(key: bytes) -> None:
    mine = account(key)
    assert checksum(mine.address) == Account.from_key(key).address
    assert mine.key == key


@pytest.mark.parametrize(
    "address",  # EIP-55, test cases
    [
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
        "0xde709f2102306220921060314715629080e2fb77",
        "0x27b1fdb04752bbc536007a920d24acb045561c26",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ],
)
def test_checksums(address: str) -> None:
    assert checksum(address.lower()) == address
    assert checksum(address.upper().replace("0X", "0x")) == address
