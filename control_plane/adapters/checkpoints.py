"""Checkpoints as files, in the places and under the names that stock Hyperlane agents read.

``DEVNET/checkpoints/VALIDATOR/CHAIN/``: ``announcement.json``, ``index.json`` (the highest index),
``0_with_id.json`` … A file appears whole and is never replaced: a validator that finds one for an
index has signed it, whatever happened to the process that did.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from control_plane.domain.errors import StorageFailed
from control_plane.domain.hyperlane import Announcement, SignedCheckpoint

DIRECTORY: Final = "checkpoints"
ANNOUNCEMENT: Final = "announcement.json"
LATEST: Final = "index.json"
METADATA: Final = "metadata_latest.json"
REGION: Final = "local"
"""Of the S3 addresses: no real one is called so, hence nobody else can be asked by mistake."""


class CheckpointFiles:
    """Implements ``ports.checkpoints.CheckpointJournal``."""

    def __init__(self, devnet: str, root: Path, validator: str, chain: str) -> None:
        """`root` is the devnet's directory, `validator` a service's name."""
        self._root = root
        self._directory = root / DIRECTORY / validator / chain
        self.locations: tuple[str, ...] = (
            f"file://{self._directory}",
            f"s3://{devnet}/{REGION}/{DIRECTORY}/{validator}/{chain}",
        )

    async def announce(self, announcement: Announcement, signature: bytes) -> None:
        """See the port."""
        await asyncio.to_thread(self._announce, announcement.to_json(signature))

    async def read(self, index: int) -> SignedCheckpoint | None:
        """See the port."""
        return await asyncio.to_thread(read_checkpoint, self._file(index))

    async def add(self, signed: SignedCheckpoint) -> SignedCheckpoint:
        """See the port."""
        return await asyncio.to_thread(self._add, signed)

    async def reach(self, index: int) -> None:
        """See the port."""
        await asyncio.to_thread(self._replace, LATEST, str(index))

    def _file(self, index: int) -> Path:
        return self._directory / f"{index}_with_id.json"

    def _announce(self, content: Mapping[str, Any]) -> None:
        from control_plane.version import version

        with _told(self._directory):
            # not the devnet's own directory: it goes with the devnet, and nobody makes it again
            for directory in reversed((self._directory, *self._directory.parents)):
                if self._root in directory.parents:
                    directory.mkdir(mode=0o755, exist_ok=True)
        self._replace(ANNOUNCEMENT, json.dumps(content, indent=2))
        self._replace(METADATA, json.dumps({"git_sha": f"caldera-{version()}"}, indent=2))

    def _add(self, signed: SignedCheckpoint) -> SignedCheckpoint:
        target = self._file(signed.checkpoint.index)
        draft = self._directory / f".{target.name}-{os.getpid()}"
        with _told(target):
            try:
                draft.write_text(json.dumps(signed.to_json(), indent=2))
                os.link(draft, target)  # fails when there is one, which may be another's
            except FileExistsError:
                pass
            finally:
                draft.unlink(missing_ok=True)
        found = read_checkpoint(target)
        if found is None:
            raise StorageFailed("A checkpoint is gone", str(target))
        return found

    def _replace(self, name: str, text: str) -> None:
        target = self._directory / name
        draft = self._directory / f".{name}-{os.getpid()}"
        with _told(target):
            draft.write_text(text)
            draft.replace(target)


class CheckpointShelf:
    """Implements ``ports.checkpoints.Checkpoints`` for the validators of a devnet."""

    def __init__(self, root: Path, chains: Mapping[int, str]) -> None:
        """`root` is the devnet's directory, `chains` go by domain."""
        self._root = root
        self._chains = chains
        self._announced: dict[tuple[str, str], Path] = {}
        """Directories of checkpoints by validator's address and chain."""

    async def find(self, validator: str, origin: int, index: int) -> SignedCheckpoint | None:
        """See the port."""
        chain = self._chains.get(origin)
        if chain is None:
            return None
        return await asyncio.to_thread(self._find, validator, chain, index)

    def _find(self, validator: str, chain: str, index: int) -> SignedCheckpoint | None:
        directory = self._announced.get((validator, chain))
        if directory is None:
            directory = self._look_for(validator, chain)
        if directory is None:
            return None
        return read_checkpoint(directory / f"{index}_with_id.json")

    def _look_for(self, validator: str, chain: str) -> Path | None:
        """Where the announcement of `validator` is."""
        for announcement in (self._root / DIRECTORY).glob(f"*/{chain}/{ANNOUNCEMENT}"):
            with _told(announcement):
                who = json.loads(announcement.read_bytes())["value"]["validator"]
            self._announced[str(who), chain] = announcement.parent
        return self._announced.get((validator, chain))


def read_checkpoint(path: Path) -> SignedCheckpoint | None:
    """The checkpoint in a file, None when there is no file. StorageFailed for anything else."""
    with _told(path), contextlib.suppress(FileNotFoundError):
        return SignedCheckpoint.from_json(json.loads(path.read_bytes()))
    return None


def stored_object(root: Path, key: str) -> bytes | None:
    """What stock agents ask S3 for, below a devnet's directory `root`: None when there is none.

    S3 has other names for two files: ``checkpoint_latest_index.json`` and
    ``checkpoint_7_with_id.json``. Nothing but what validators publish is given out.
    """
    parts = key.split("/")
    if len(parts) != 3 or not all(part and not part.startswith(".") for part in parts):
        return None
    validator, chain, name = parts
    local = {"checkpoint_latest_index.json": LATEST}.get(name, name.removeprefix("checkpoint_"))
    if local not in {ANNOUNCEMENT, LATEST, METADATA} and not local.endswith("_with_id.json"):
        return None
    path = root / DIRECTORY / validator / chain / local
    with _told(path), contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return path.read_bytes()
    return None


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Errors in terms of the file."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, FileExistsError):
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageFailed(
            "A validator's checkpoints can't be read or written",
            f"{path}: {error}",
            "Is the disk full, or the file not ours?",
        ) from error
