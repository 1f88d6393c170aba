"""A devnet's service keys: one random master secret on disk, everything else derived from it."""

import hashlib
import hmac
import secrets
from pathlib import Path
from typing import Final

from control_plane.adapters.evm.signer import account
from control_plane.adapters.secret_files import write_once
from control_plane.domain.errors import StorageFailed
from control_plane.domain.network import GuardianKeys, Keys
from control_plane.domain.ports.node import Account

_MASTER_BYTES: Final = 32
_CURVE_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Order of secp256k1 (SEC 2)."""


def load_keys(directory: Path, guardians: int, validators: int = 0) -> Keys:
    """The keys of the devnet whose files are in `directory` (made with mode 0700). The master
    secret is drawn at the first call and kept in ``secrets``, mode 0600; asking for more
    guardians or validators later leaves the earlier ones as they are.

    Raises StorageFailed.
    """
    return keys_of(_master(directory), guardians, validators)


def role_secret(master: bytes, service: str) -> bytes:
    """The 32 secret bytes that `service` needs when it runs alone, and no more: ``relayer`` its
    account's key, ``guardian-2`` its BLS seed, ``bootstrap`` everything.

    ValueError for a service that needs none.
    """
    if service == "bootstrap":
        return master
    if service == "relayer":
        return _account(master, "relayer").key
    role, _, index = service.partition("-")
    if role == "guardian" and index.isdecimal():
        return derive(master, f"guardian/{index}/bls")
    if role == "validator" and index.isdecimal():
        return _account(master, f"validator/{index}").key
    raise ValueError(f"{service} has no secret of its own")


def keys_of(master: bytes, guardians: int, validators: int = 0) -> Keys:
    """Everything that is derived from `master`."""
    return Keys(
        governor=_account(master, "governor"),
        relayer=_account(master, "relayer"),
        faucet=_account(master, "faucet"),
        watcher=_account(master, "watcher"),
        rotation=_account(master, "rotation"),
        guardians=tuple(
            GuardianKeys(i, _account(master, f"guardian/{i}"), derive(master, f"guardian/{i}/bls"))
            for i in range(guardians)
        ),
        validators=tuple(_account(master, f"validator/{i}") for i in range(validators)),
    )


def derive(master: bytes, purpose: str) -> bytes:
    """32 bytes for `purpose` by HKDF-SHA256 (RFC 5869), the purpose as info."""
    extracted = hmac.digest(b"caldera/service-keys/v1", master, hashlib.sha256)
    return hmac.digest(extracted, purpose.encode() + b"\x01", hashlib.sha256)


def _account(master: bytes, purpose: str) -> Account:
    key = derive(master, purpose)
    while not 0 < int.from_bytes(key) < _CURVE_ORDER:  # one in 2^128
        key = hashlib.sha256(key).digest()
    return account(key)


def _master(directory: Path) -> bytes:
    path = directory / "secrets"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            write_once(path, secrets.token_bytes(_MASTER_BYTES))
        master = bytes.fromhex(path.read_text().strip())
    except (OSError, ValueError) as error:
        raise StorageFailed(
            "The devnet's service keys can't be read or made", f"{path}: {error}", "Is it writable?"
        ) from error
    if len(master) != _MASTER_BYTES:
        raise StorageFailed("The devnet's service keys are damaged", str(path), "Take it down.")
    return master
