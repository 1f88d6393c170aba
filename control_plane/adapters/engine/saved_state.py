"""A chain's saved state: one file, replaced atomically.

Its first line is JSON (version, chain id, block number and hash, Unix time, length), the rest is
what ``anvil_dumpState`` gave, as bytes. One file, so that what it claims and what it
holds can't come from two saves.
"""

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from control_plane.domain.errors import StorageFailed

_VERSION: Final = 1
_LONGEST_HEAD: Final = 4096


@dataclass(frozen=True, slots=True)
class StateHead:
    """What a saved state is of."""

    chain_id: int
    block: int
    hash: str
    """Of `block`, 0x-hex."""
    at: float
    """Unix seconds."""
    length: int
    """Bytes of the dump."""


def write_state(path: Path, head: StateHead, dump: bytes) -> None:
    """Replace the saved state; after the return it survives a power cut.

    Raises StorageFailed; the old state is then still there.
    """
    temporary = path.with_name(path.name + ".tmp")
    line = json.dumps({"version": _VERSION, **asdict(head)}).encode() + b"\n"
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123
            file.write(line)
            file.write(dump)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_directory(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise StorageFailed(
            "The chain's state can't be saved",
            f"{path}: {error.strerror}",
            "Free some space or make the directory writable; the last saved state is kept.",
        ) from error


def read_head(path: Path) -> StateHead | None:
    """What the file claims; None when there is none or it is not one of ours."""
    try:
        with path.open("rb") as file:
            return _parse_head(file.readline(_LONGEST_HEAD))
    except OSError:
        return None


def read_state(path: Path) -> tuple[StateHead, bytes]:
    """The saved state; StorageFailed when it can't be read or is not whole."""
    try:
        with path.open("rb") as file:
            head, dump = _parse_head(file.readline(_LONGEST_HEAD)), file.read()
    except OSError as error:
        raise _damaged(path, error.strerror or str(error)) from error
    if head is None or len(dump) != head.length:
        raise _damaged(path, "it is not whole")
    return head, dump


def _parse_head(line: bytes) -> StateHead | None:
    try:
        fields = json.loads(line)
        if fields.pop("version") != _VERSION:
            return None
        return StateHead(**fields)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _damaged(path: Path, why: str) -> StorageFailed:
    return StorageFailed(
        "A saved chain can't be read",
        f"{path}: {why}",
        "Move the file away to start this chain from its genesis.",
    )


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
