"""A sequencer's sealed blocks on disk, and how an engine that was killed gets them back.

``DIRECTORY/000001.log`` …, one line a block, oldest first::

    CRC32 NUMBER HASH PARENT {"execution": …, "beacon_root": …}

The checksum covers what follows it, so a line that a crash cut off is known and left out. A block
takes the place of those of its height and above: that is how a reorg is written. Files are closed
when they are large or long and the oldest go, but never one with a block of the last minutes: what
a machine that loses power may not have written yet is at most half as old.

op-geth that is killed has lost its newest blocks, or the state of the last one. It calls itself
SYNCING when it is pointed to one of them; given the blocks again, in order, it goes on as if
nothing had happened.
"""

import asyncio
import fcntl
import os
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import orjson

from control_plane.adapters.evm.engine_api import connect_engine
from control_plane.domain.errors import Conflict, DeadlineExceeded, StorageFailed
from control_plane.domain.ids import Hex
from control_plane.domain.ports.engine_api import EngineApi, ForkChoice, HeadUnknown, Payload
from control_plane.domain.ports.node import Caller
from control_plane.domain.rpc import RpcError

_SEGMENT_BLOCKS: Final = 512
_SEGMENT_BYTES: Final = 64 * 2**20
_KEPT_SECONDS: Final = 120.0
"""Linux writes what waits in memory after 30 s (vm.dirty_expire_centisecs)."""
_DEADLINE: Final = 60.0


def journal_directory(node: Path) -> Path:
    """Where the journal of the node with the directory `node` is."""
    return node / "journal"


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a block stands, and what links it to others."""

    number: int
    hash: Hex
    parent: Hex
    file: Path
    offset: int
    length: int


class Journal:
    """Implements ``ports.engine_api.PayloadJournal``. Read by anybody, written by one at a time.

    Every method but :meth:`append` may block for milliseconds; opening a full journal takes up to
    a second.
    """

    def __init__(self, directory: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Reads what is there; nothing is made or changed. StorageFailed."""
        self._directory = directory
        self._clock = clock
        self._entries: dict[int, Entry] = {}
        self._head: Entry | None = None
        self._out: IO[bytes] | None = None
        self._lock: IO[bytes] | None = None
        self._turn = threading.Lock()
        """Held while a thread writes: a cancelled :meth:`append` goes on to its end."""
        self._in_segment = 0
        self._load()

    @property
    def head(self) -> Entry | None:
        """The block written last."""
        return self._head

    def entry(self, number: int) -> Entry | None:
        """The block of that height on the journal's chain, if it is still kept."""
        return self._entries.get(number)

    def read(self, number: int) -> Payload | None:
        """See the port. StorageFailed."""
        entry = self._entries.get(number)
        if entry is None:
            return None
        try:
            with entry.file.open("rb") as file:
                file.seek(entry.offset)
                parsed = _parse(file.read(entry.length))
        except OSError as error:
            raise _unreadable(entry.file, error) from error
        if parsed is None:
            raise StorageFailed("A block in the journal is damaged", f"{entry.file}, {entry.hash}")
        body = orjson.loads(parsed[3])
        return Payload(body["execution"], Hex(body["beacon_root"]))

    async def append(self, payload: Payload) -> None:
        """See the port. Conflict when another process writes this journal."""
        await asyncio.to_thread(self._append, payload)

    def close(self) -> None:
        """Let another process write."""
        with self._turn:
            for file in (self._out, self._lock):
                if file is not None:
                    file.close()
            self._out = self._lock = None

    # ------------------------------------------------------------------ writing

    def _append(self, payload: Payload) -> None:
        body = orjson.dumps({"execution": payload.execution, "beacon_root": payload.beacon_root})
        rest = b"%d %s %s " % (payload.number, payload.hash.encode(), payload.parent.encode())
        line = b"%08x " % zlib.crc32(body, zlib.crc32(rest)) + rest + body + b"\n"
        with self._turn:
            try:
                out = self._open()
                offset = out.tell()
                _write(out, line)
            except OSError as error:
                self._abandon()
                raise StorageFailed(
                    "A block can't be written into the journal",
                    f"{self._directory}: {error.strerror or error}",
                    "Free some space; the sequencer goes on by itself.",
                ) from error
            at = (Path(out.name), offset, len(line))
            self._take(Entry(payload.number, payload.hash, payload.parent, *at))
            self._in_segment += 1

    def _abandon(self) -> None:
        """What follows a line that was not written whole goes into a file of its own."""
        if self._out is not None:
            self._out.close()
            self._out = None

    def _open(self) -> IO[bytes]:
        """The file to write to, at its end."""
        if self._out is not None:
            if self._in_segment < _SEGMENT_BLOCKS and self._out.tell() < _SEGMENT_BYTES:
                return self._out
            self._out.close()
            self._out = None
        if self._lock is None:
            self._lock = self._claim()
        # never on to an old file: its tail may be torn
        segments = self._segments()
        self._prune(segments)
        last = int(segments[-1].stem) if segments else 0
        path = self._directory / f"{last + 1:06d}.log"
        self._out = path.open("xb", buffering=0)
        _sync_directory(self._directory)
        self._in_segment = 0
        return self._out

    def _claim(self) -> IO[bytes]:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (self._directory / "lock").open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise Conflict(
                "Another sequencer writes this journal",
                f"{self._directory}",
                "Two sequencers would seal two chains: end the other one.",
            ) from error
        return lock

    def _prune(self, segments: list[Path]) -> None:
        """Remove files that only hold blocks far below the head and older than some minutes."""
        limit = self._clock() - _KEPT_SECONDS
        while len(segments) > 2 and segments[1].stat().st_mtime < limit:
            kept = sum(1 for e in self._entries.values() if e.file != segments[0])
            if kept < _SEGMENT_BLOCKS:
                return
            gone = segments.pop(0)
            gone.unlink()
            self._entries = {n: e for n, e in self._entries.items() if e.file != gone}

    # ------------------------------------------------------------------ reading

    def _segments(self) -> list[Path]:
        return sorted(self._directory.glob("[0-9]*.log"))

    def _load(self) -> None:
        for path in self._segments():
            try:
                with path.open("rb") as file:
                    for entry in _entries(path, file):
                        self._take(entry)
            except FileNotFoundError:  # whoever writes has just removed it
                continue
            except OSError as error:
                raise _unreadable(path, error) from error

    def _take(self, entry: Entry) -> None:
        """`entry` is the head now; what it does not build upon is no longer of this chain."""
        above = self._head.number if self._head is not None else -1
        for number in range(entry.number, above + 1):
            self._entries.pop(number, None)
        below = self._entries.get(entry.number - 1)
        if below is None or below.hash != entry.parent:
            self._entries.clear()
        self._entries[entry.number] = entry
        self._head = entry


def _entries(path: Path, file: IO[bytes]) -> Iterator[Entry]:
    """The whole lines of a file; what is cut off or damaged is left out."""
    offset = 0
    for line in file:
        parsed = _parse(line)
        if parsed is not None:
            number, hash_, parent, _ = parsed
            yield Entry(number, hash_, parent, path, offset, len(line))
        offset += len(line)


def _parse(line: bytes) -> tuple[int, Hex, Hex, bytes] | None:
    """Number, hash, parent and body of a line; None when it is not what was written."""
    checksum, _, rest = line.removesuffix(b"\n").partition(b" ")
    parts = rest.split(b" ", 3)
    if len(parts) != 4 or checksum != b"%08x" % zlib.crc32(rest) or not line.endswith(b"\n"):
        return None
    return int(parts[0]), Hex(parts[1].decode()), Hex(parts[2].decode()), parts[3]


def _write(out: IO[bytes], line: bytes) -> None:
    left = memoryview(line)
    while left:
        left = left[out.write(left) :]
    getattr(os, "fdatasync", os.fsync)(out.fileno())


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unreadable(path: Path, error: OSError) -> StorageFailed:
    return StorageFailed("The journal can't be read", f"{path}: {error.strerror or error}")


# ---------------------------------------------------------------------- bringing an engine back


async def bring_back(engine_url: str, jwt: Path, node: Caller, journal: Journal) -> int:
    """Give the engine at `engine_url` the blocks that it lost; the number of its head.

    `node` answers the engine's ordinary JSON-RPC. Nothing happens to an engine that has the
    journal's head on its chain, or when the journal is empty. Raises StorageFailed (the journal
    is another chain's, or does not reach down to what the engine has), DeadlineExceeded,
    TemporaryFailure, RpcError, PayloadRefused.
    """
    if journal.head is None:
        return await _number(node)
    engine = await connect_engine(engine_url, jwt)
    try:
        return await restore_head(engine, node, journal)
    finally:
        await engine.close()


async def restore_head(
    engine: EngineApi, node: Caller, journal: Journal, *, deadline: float = _DEADLINE
) -> int:
    """:func:`bring_back` over a connection that is there already."""
    wanted = journal.head
    if wanted is None or await _hash(node, wanted.number) == wanted.hash:
        return await _number(node)
    try:
        async with asyncio.timeout(deadline):
            first = await _first_missing(node, journal, wanted)
            await cut_off(node, first.number - 1)
            await _replay(engine, journal, first, wanted)
    except TimeoutError:
        raise DeadlineExceeded(
            "The engine did not take back the blocks that it lost",
            f"up to block {wanted.number} within {deadline:g} s",
            "See the node's log; it is tried again at the next start.",
        ) from None
    return wanted.number


async def cut_off(node: Caller, number: int) -> None:
    """Make block `number` the head of a node that holds blocks above it for final.

    op-geth moves final blocks out of its database into files that only grow. A fork choice does
    not reach there: the chain would go on from other blocks than those by their number. Blocks
    that are not final are left to the fork choice, which tells subscribers of them.
    """
    frozen = await node.call("debug_dbAncients")
    try:
        found = await node.call("eth_getBlockByNumber", "finalized", False)
    except RpcError:  # there is none yet
        found = None
    final = 0 if found is None else int(found["number"], 16)
    if max(frozen - 1, final) > number:
        await node.call("debug_setHead", hex(number))


async def _first_missing(node: Caller, journal: Journal, wanted: Entry) -> Entry:
    """The lowest block of the journal that the engine has not, though it has its parent."""
    number = min(await _number(node) + 1, wanted.number)
    while (entry := journal.entry(number)) is not None:
        if await _hash(node, number - 1) == entry.parent:
            return entry
        number -= 1
    raise StorageFailed(
        "The journal of blocks does not fit the chain",
        f"it reaches from block {wanted.number} down to {number + 1}, whose parent is not there",
        "Move the journal away to go on from the node's own head; the blocks in it are lost then.",
    )


async def _replay(engine: EngineApi, journal: Journal, first: Entry, wanted: Entry) -> None:
    """Blocks `first` to `wanted`, in order.

    An engine may have a block and not its state, for it writes that a moment later: it says that
    it knows the block and refuses the next one. Pointed to it, it makes the state anew.
    """
    number = lowest = first.number
    while number <= wanted.number:
        payload = journal.read(number)
        if payload is None:
            raise HeadUnknown(
                "The engine wants blocks that the journal has no more", f"block {number}"
            )
        if await _takes(engine, payload):
            number += 1
        else:
            number = lowest = lowest - 1
    await engine.forkchoice_updated(ForkChoice(wanted.hash))


async def _takes(engine: EngineApi, payload: Payload) -> bool:
    try:
        await engine.new_payload(payload)
    except HeadUnknown:
        try:
            await engine.forkchoice_updated(ForkChoice(payload.parent))
            await engine.new_payload(payload)
        except HeadUnknown:
            return False
    return True


async def _number(node: Caller) -> int:
    return int(await node.call("eth_blockNumber"), 16)


async def _hash(node: Caller, number: int) -> str | None:
    """Hash of the canonical block of that height."""
    block: dict[str, Any] | None = await node.call("eth_getBlockByNumber", hex(number), False)
    return None if block is None else str(block["hash"])
