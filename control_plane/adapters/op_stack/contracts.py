"""The OP Stack's contracts of one rollup: creation code for L1, accounts for its genesis."""

import gzip
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from control_plane.domain.errors import PermanentFailure
from control_plane.domain.hashing import keccak256
from control_plane.domain.hexes import hex_word
from control_plane.domain.ids import Hex
from control_plane.domain.op_stack_l1 import addresses
from control_plane.resources import third_party_dir

MESSAGE_PASSER: Final = Hex("0x4200000000000000000000000000000000000016")
_PROXY_ADMIN: Final = "0x4200000000000000000000000000000000000018"
_OTHER_SIDE: Final[Mapping[str, tuple[str, int]]] = {
    # predeploy: (key of its L1 counterpart, slot that holds its address)
    "0x4200000000000000000000000000000000000007": ("l1CrossDomainMessenger", 0xCF),
    "0x4200000000000000000000000000000000000010": ("l1StandardBridge", 0x04),
    "0x4200000000000000000000000000000000000014": ("l1Erc721Bridge", 0x02),
}


def creation_code(contract: str) -> bytes:
    """Creation code of an L1 contract, without constructor arguments.

    Raises PermanentFailure when the file is not the one that its origin tells of.
    """
    home = third_party_dir() / "op-stack"
    code = bytes.fromhex((home / "l1" / f"{contract}.hex").read_text().strip().removeprefix("0x"))
    _check(f"l1/{contract}.hex", code, _origin()["l1"][contract]["creationKeccak256"])
    return code


def batch_inbox(chain_id: int) -> Hex:
    """Where the batcher sends to: an address without code or key, by the OP Stack's custom."""
    return Hex(f"0xff{chain_id:038d}")


def native_alloc(factory: Hex, chain_id: int, owner: Hex) -> dict[str, dict[str, Any]]:
    """Accounts of a rollup's genesis by lower-case address: the OP Stack's predeploys and
    preinstalls, bound to the L1 contracts of rollup `chain_id` and owned by `owner`.

    Values as in a genesis file: ``code``, ``balance``, ``nonce``, ``storage``. An account that a
    devnet has of its own (Multicall3, Permit2) goes before that of the same address here.
    """
    alloc = _predeploys()
    others = addresses(factory, chain_id)
    for predeploy, (key, slot) in _OTHER_SIDE.items():
        alloc[predeploy]["storage"][hex_word(slot)] = hex_word(int(others[key], 16))
    alloc[_PROXY_ADMIN]["storage"][hex_word(0)] = hex_word(int(owner, 16))
    return alloc


def _predeploys() -> dict[str, dict[str, Any]]:
    plain = gzip.decompress((third_party_dir() / "op-stack" / "predeploys.json.gz").read_bytes())
    _check("predeploys.json.gz", plain, _origin()["predeploys"]["keccak256"])
    found: dict[str, dict[str, Any]] = json.loads(plain)
    return found


@cache
def _origin() -> dict[str, Any]:
    path = third_party_dir() / "op-stack" / "origin.json"
    origin: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return origin


def _check(name: str, content: bytes, wanted: str) -> None:
    if "0x" + keccak256(content).hex() != wanted:
        raise PermanentFailure(
            "A contract of the OP Stack is not what it should be",
            f"{name} has another hash than its origin.json tells",
            "Install Caldera anew; in a checkout `scripts/op_contracts.py write` makes it.",
        )
