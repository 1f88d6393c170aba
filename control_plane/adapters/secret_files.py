"""Secrets on disk."""

import contextlib
import os
import secrets
from pathlib import Path


def write_once(path: Path, secret: bytes) -> None:
    """`secret` as hex digits, mode 0600. Appears whole or not at all; whoever comes second keeps
    what is there. OSError."""
    draft = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
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
