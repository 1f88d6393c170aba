"""Transactions: from the JSON of a node to the bytes that their hashes are of.

Encodings: EIP-155, EIP-2718, EIP-2930, EIP-1559, EIP-7702, and the OP Stack's deposits.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from control_plane.domain import rlp
from control_plane.domain.hashing import keccak256
from control_plane.domain.op_stack import DEPOSIT_TYPE, Deposit
from control_plane.domain.rlp import Item

_LEGACY, _ACCESS_LIST, _DYNAMIC_FEE, _SET_CODE = 0, 1, 2, 4
_FEES: Final[Mapping[int, Sequence[str]]] = {
    _ACCESS_LIST: ("gasPrice",),
    _DYNAMIC_FEE: ("maxPriorityFeePerGas", "maxFeePerGas"),
    _SET_CODE: ("maxPriorityFeePerGas", "maxFeePerGas"),
}


def raw_of(transaction: Mapping[str, Any]) -> bytes | None:
    """The transaction's bytes; None for one whose hash is not of what is known here, as of a type
    that came later."""
    try:
        raw = _encode(transaction)
    except (KeyError, ValueError, TypeError):
        return None
    return raw if "0x" + keccak256(raw).hex() == transaction["hash"] else None


def _encode(tx: Mapping[str, Any]) -> bytes:
    kind = int(tx.get("type") or "0x0", 16)
    if kind == DEPOSIT_TYPE:
        return Deposit.of_json(tx).encode()
    call: list[Item] = [_number(tx["gas"]), _bytes(tx.get("to")), _number(tx["value"])]
    call.append(_bytes(tx["input"]))
    signature: list[Item] = [_number(tx["r"]), _number(tx["s"])]
    if kind == _LEGACY:
        head: list[Item] = [_number(tx["nonce"]), _number(tx["gasPrice"])]
        return rlp.encode([*head, *call, _number(tx["v"]), *signature])
    lists: list[Item] = [
        [[_bytes(e["address"]), [_bytes(k) for k in e["storageKeys"]]] for e in tx["accessList"]]
    ]
    if kind == _SET_CODE:
        lists.append([_authorization(each) for each in tx["authorizationList"]])
    prices: list[Item] = [_number(tx[fee]) for fee in _FEES[kind]]
    head = [_number(tx["chainId"]), _number(tx["nonce"]), *prices]
    parity = _number(tx["yParity"] if "yParity" in tx else tx["v"])
    return bytes((kind,)) + rlp.encode([*head, *call, *lists, parity, *signature])


def _authorization(one: Mapping[str, Any]) -> list[Item]:
    numbers = [_number(one[key]) for key in ("nonce", "yParity", "r", "s")]
    return [_number(one["chainId"]), _bytes(one["address"]), *numbers]


def _number(text: str) -> bytes:
    return rlp.encode_int(int(text, 16))


def _bytes(text: str | None) -> bytes:
    return bytes.fromhex((text or "0x")[2:])
