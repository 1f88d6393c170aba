"""Secrets in files: what agents of one devnet show each other, and keys of single roles."""

import secrets
from pathlib import Path
from typing import Final

from control_plane.adapters.secret_files import write_once
from control_plane.domain.errors import StorageFailed

_BYTES: Final = 32


def read_secret(path: Path) -> bytes:
    """32 bytes from a file of 64 hex digits. StorageFailed."""
    try:
        secret = bytes.fromhex(path.read_text().strip())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it does not hold hex digits"
        raise StorageFailed(
            "A secret can't be read", f"{path}: {why}", "Is it there, and readable by this user?"
        ) from error
    if len(secret) != _BYTES:
        raise StorageFailed("A secret is damaged", f"{path} does not hold 64 hex digits")
    return secret


def ensure_secret(path: Path) -> bytes:
    """The secret of `path`, drawn now (mode 0600) when there is none. StorageFailed."""
    if not path.exists():
        write_secret(path, secrets.token_bytes(_BYTES))
    return read_secret(path)


def write_secret(path: Path, secret: bytes) -> None:
    """Write `secret` as hex, mode 0600; whoever comes second keeps what is there.

    Appears whole or not at all. StorageFailed.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_once(path, secret)
    except OSError as error:
        raise StorageFailed("A secret can't be written", f"{path}: {error.strerror}") from error
