"""What a stand-in keeps: one file an item, there whole or not at all.

A file is written beside and renamed, so a kill leaves no half of one. Against a power cut nothing
is done: these are stand-ins.
"""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from control_plane.domain.hashing import keccak256

Fault = Literal["withhold", "corrupt"]
EVERY: Final = b"*"
"""In place of a key."""
FAULTS: Final[tuple[Fault, ...]] = ("withhold", "corrupt")


class Withheld(LookupError):
    """An item that is there and is not given, or is not there."""


class Store:
    """Items by key, in one directory of one process."""

    def __init__(self, directory: Path) -> None:
        """Make `directory` (0700) unless it is there."""
        self.directory = directory
        self._items = directory / "items"
        self._faults = directory / "faults"
        for folder in (directory, self._items, self._faults):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self._items.glob("*.part"):
            left.unlink()

    def put(self, key: bytes, data: bytes) -> None:
        """Keep `data`; when this returns they are kept."""
        write(self._items / name_of(key), data)

    def has(self, key: bytes) -> bool:
        """Whether there is such an item, withheld or not."""
        return (self._items / name_of(key)).exists()

    def get(self, key: bytes) -> bytes:
        """The data, with their first byte inverted where that was asked for. Raises Withheld."""
        fault, data = self.fault(key), self.taken(key)
        if fault == "withhold":
            raise Withheld(f"there is no 0x{key.hex()[:80]}")
        return bytes([data[0] ^ 0xFF]) + data[1:] if fault == "corrupt" and data else data

    def taken(self, key: bytes) -> bytes:
        """The data as they were taken, whatever fault is asked for. Raises Withheld."""
        try:
            return (self._items / name_of(key)).read_bytes()
        except FileNotFoundError:
            raise Withheld(f"there is no 0x{key.hex()[:80]}") from None

    def fault(self, key: bytes) -> Fault | None:
        """What was asked for with :meth:`break_`."""
        for one in (key, EVERY):
            for fault in FAULTS:
                if (self._faults / f"{name_of(one)}.{fault}").exists():
                    return fault
        return None

    def break_(self, key: bytes, fault: Fault | None) -> None:
        """From now on withhold or corrupt an item, :data:`EVERY`: all, and those to come; None:
        neither. Also after a restart."""
        for other in FAULTS:
            with suppress(FileNotFoundError):
                (self._faults / f"{name_of(key)}.{other}").unlink()
        if fault is not None:
            (self._faults / f"{name_of(key)}.{fault}").touch()

    def count(self) -> int:
        """Of items."""
        return sum(1 for _ in self._names())

    def _names(self) -> Iterator[str]:
        return (path.name for path in self._items.iterdir() if not path.name.endswith(".part"))


def name_of(key: bytes) -> str:
    """The file of `key`."""
    return keccak256(key).hex()


def write(path: Path, data: bytes) -> None:
    """A file that is whole whenever it is there, readable by this user only."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    part.replace(path)


def secret(path: Path) -> str:
    """The secret in `path`, made there (0600) at first."""
    with suppress(FileNotFoundError):
        return path.read_text().strip()
    write(path, secrets.token_hex(32).encode())
    return path.read_text().strip()


def load(path: Path, default: object) -> object:
    """The JSON in `path`, `default` where there is none."""
    with suppress(FileNotFoundError):
        return json.loads(path.read_bytes())
    return default
