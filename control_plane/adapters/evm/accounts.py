"""The accounts of a mnemonic (BIP-39 seed, BIP-32 keys, BIP-44 path of Ethereum)."""

import hashlib
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from control_plane.adapters.evm.signer import account
from control_plane.domain.errors import InvalidInput, Problem
from control_plane.domain.ports.node import Account

PATH: Final = "m/44'/60'/0'/0"
_ROUNDS: Final = 2048
_LENGTHS: Final = (12, 15, 18, 21, 24)


@lru_cache(maxsize=16)
def derive_accounts(mnemonic: str, count: int) -> Sequence[Account]:
    """The first `count` accounts on ``m/44'/60'/0'/0/{index}``, without a passphrase.

    Raises InvalidInput when `mnemonic` has no BIP-39 length. Words and checksum are not looked
    at: the node takes any words, and so do other tools.
    """
    words = unicodedata.normalize("NFKD", " ".join(mnemonic.split()))
    if len(words.split()) not in _LENGTHS:
        detail = f"has {len(words.split())} words, a mnemonic has 12, 15, 18, 21 or 24"
        raise InvalidInput(
            "The accounts' mnemonic is not valid",
            detail,
            "Leave it out for the usual test accounts.",
            (Problem("accounts.mnemonic", detail),),
        )
    from bip32 import BIP32

    seed = hashlib.pbkdf2_hmac("sha512", words.encode(), b"mnemonic", _ROUNDS)
    parent = BIP32.from_seed(seed)
    return tuple(account(parent.get_privkey_from_path(f"{PATH}/{index}")) for index in range(count))
