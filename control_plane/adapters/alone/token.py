"""Secrets in files: what agents of one devnet show each other, and keys of single roles."""

import contextlib
import os
import secrets
from pathlib import Path
from typing import Final

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
    draft = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(secret.hex().encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink()
    except OSError as error:
        raise StorageFailed("A secret can't be written", f"{path}: {error.strerror}") from error
