"""Genesis files: baked contracts, two kinds of patches, funded accounts.

The shape is geth's ``genesis.json`` as Anvil reads it with ``--init``.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from control_plane.domain.op_stack import FEE_RECIPIENT

GAS_LIMIT = 60_000_000
_ZERO_HASH = "0x" + "0" * 64
NOBODY = "0x" + "0" * 40


def make_alloc(
    baked: Mapping[str, Mapping[str, Any]],
    slots: Mapping[str, Mapping[str, str]],
    balances: Mapping[str, int],
) -> dict[str, dict[str, Any]]:
    """The accounts of a genesis.

    `baked`: by address, geth's account objects (``code``, ``storage``, ``nonce``, ``balance``).
    `slots`: by address of a baked contract, the storage words (0x-hex by 0x-hex) that differ
    by devnet or chain. `balances`: wei by address. The arguments are left as they are.

    Raises KeyError when `slots` names an address that is not baked.
    """
    alloc: dict[str, dict[str, Any]] = {_key(a): dict(account) for a, account in baked.items()}
    for address, words in slots.items():
        account = alloc[_key(address)]
        storage = {_word(slot): value for slot, value in account.get("storage", {}).items()}
        storage |= {_word(slot): _word(value) for slot, value in words.items()}
        account["storage"] = storage
    for account in alloc.values():
        account.setdefault("balance", "0x0")
    for address, wei in balances.items():
        alloc.setdefault(_key(address), {})["balance"] = hex(wei)
    return alloc


def genesis_json(
    chain_id: int, alloc: Mapping[str, Any], timestamp: int, *, op_stack: bool = False
) -> bytes:
    """The whole file; `timestamp` in Unix seconds. `op_stack`: the chain takes deposits, and the
    tips of every block go to the OP Stack's vault. Whoever rebuilds the chain looks there, too."""
    config = {"chainId": chain_id, **({"optimism": {}} if op_stack else {})}
    return orjson.dumps(
        {
            "config": config,
            "nonce": "0x0",
            "timestamp": hex(timestamp),
            "extraData": "0x",
            "gasLimit": hex(GAS_LIMIT),
            "difficulty": "0x0",
            "mixHash": _ZERO_HASH,
            "coinbase": "0x" + FEE_RECIPIENT.hex() if op_stack else NOBODY,
            "alloc": alloc,
        }
    )


def _key(address: str) -> str:
    return address.lower().removeprefix("0x").zfill(40)


def _word(value: str) -> str:
    return "0x" + value.lower().removeprefix("0x").zfill(64)
