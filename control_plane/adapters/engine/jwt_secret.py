"""The secret that a node's Engine API and its callers share."""

import contextlib
import os
import secrets
from pathlib import Path


def ensure_secret(path: Path) -> None:
    """Make the secret (32 random bytes as hex, mode 0600) unless it is there. Raises OSError."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}-{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        draft.unlink()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(draft, flags, 0o600), "w") as file:
        file.write(secrets.token_hex(32))
    draft.replace(path)
