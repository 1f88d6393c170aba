"""Reading log files: the end, what came since a moment, and what comes next.

A file is looked at every fifth of a second, only while somebody follows it.
"""

import asyncio
import os
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import BinaryIO, Final

from control_plane.domain.errors import InvalidInput, Problem

_INTERVAL: Final = 0.2
_BLOCK: Final = 65_536
_LONGEST_LINE: Final = 8_192
"""Characters of a line that are shown."""
_MOST_LINES: Final = 10_000

_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h|d)?", re.ASCII)
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, None: 1.0}
_STAMP = re.compile(
    r"(?:\[|t=)?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)"
)
_BLOCK_TIME = re.compile(r'\s*Block Time: "([^"]{10,40})"')
"""How Anvil says the time, in the lines of a block."""


def parse_since(text: str, now: float | None = None) -> float:
    """Unix seconds of ``5m``, ``90`` (seconds ago) or an RFC 3339 time. Raises InvalidInput."""
    matched = _DURATION.fullmatch(text.strip())
    if matched:
        ago = float(matched[1]) * _SECONDS[matched[2]]
        return (time.time() if now is None else now) - ago
    try:
        moment = datetime.fromisoformat(text.strip().replace(" ", "+"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        hint = "a time ago (30s, 5m, 2h) or a moment (2026-01-31T12:00:00Z)"
        raise InvalidInput(
            "That is no time", repr(text), hint, (Problem("since", "is no time", hint),)
        ) from None


def read_log(path: Path, *, since: float | None = None, tail: int | None = None) -> list[str]:
    """Lines of the file, oldest first, at most the last 10,000; none when it is not there.

    Lines before the first that shows its time count as written when the file was changed last.
    """
    try:
        with path.open("rb") as file:
            return _lines_before(file, _end_of_lines(file), since, tail)
    except FileNotFoundError:
        return []


def _lines_before(file: BinaryIO, end: int, since: float | None, tail: int | None) -> list[str]:
    most = min(tail if tail is not None else _MOST_LINES, _MOST_LINES)
    lines: Iterable[str] = _last_lines(file, end, most if since is None else _MOST_LINES)
    if since is not None:
        changed = os.fstat(file.fileno()).st_mtime
        lines = _only_since(list(lines), since, changed)
    return list(deque(lines, maxlen=most))


async def follow_log(
    path: Path, *, since: float | None = None, tail: int | None = None
) -> AsyncIterator[str]:
    """What `read_log` gives, then each line as it is written, until the reader stops.

    Goes on with the new file when the old one is replaced or cut, waits when there is none, ends
    when the directory of a file that was there is gone: the devnet was removed.
    """
    reader = _Reader(path)
    try:
        for line in reader.past(since, tail):
            yield line
        while True:
            lines = reader.read()
            for line in lines:
                yield line
            if not lines and reader.gone():
                return
            if not lines:
                await asyncio.sleep(_INTERVAL)
    finally:
        reader.close()


class _Reader:
    """Complete new lines of a file that grows, is cut or replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._rest = b""
        self._opened = False

    def past(self, since: float | None, tail: int | None) -> list[str]:
        """The lines that are there; reading goes on after them."""
        if not self._open():
            return []
        assert self._file is not None  # noqa: S101 - just opened
        end = _end_of_lines(self._file)
        lines = _lines_before(self._file, end, since, tail)
        self._file.seek(end)
        return lines

    def read(self) -> list[str]:
        if self._file is None and not self._open():
            return []
        assert self._file is not None  # noqa: S101 - just opened
        data = self._file.read(_BLOCK * 16)
        if not data and self._replaced():
            self.close()
            return []
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _BLOCK * 16:
            lines, self._rest = [*lines, self._rest], b""
        return [_text(line) for line in lines]

    def gone(self) -> bool:
        """Whether there was a file and nothing of the place where it was is left."""
        return self._opened and not self._path.parent.exists()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
            self._rest = b""

    def _open(self) -> bool:
        try:
            self._file = self._path.open("rb")
        except FileNotFoundError:
            return False
        self._opened = True
        return True

    def _replaced(self) -> bool:
        assert self._file is not None  # noqa: S101 - callers look
        mine = os.fstat(self._file.fileno())
        try:
            now = self._path.stat()
        except FileNotFoundError:
            return mine.st_nlink == 0
        return now.st_ino != mine.st_ino or now.st_size < self._file.tell()


def _end_of_lines(file: BinaryIO) -> int:
    """Offset after the last line break within the last block, else the end."""
    end = file.seek(0, os.SEEK_END)
    start = max(0, end - _BLOCK)
    file.seek(start)
    place = file.read(end - start).rfind(b"\n")
    return start + place + 1 if place >= 0 else (0 if start == 0 else end)


def _last_lines(file: BinaryIO, end: int, count: int) -> list[str]:
    """The last `count` complete lines before the offset `end`, read backwards."""
    position = end
    if position == 0 or count <= 0:
        return []
    data = b""
    while position > 0 and data.count(b"\n") <= count and len(data) < 64 * 1024 * 1024:
        start = max(0, position - _BLOCK)
        file.seek(start)
        data = file.read(position - start) + data
        position = start
    return [_text(line) for line in data.split(b"\n")[:-1][-count:]]


def _only_since(lines: list[str], since: float, changed: float) -> Iterator[str]:
    """Lines written at or after `since`; one without a time has that of the line before."""
    times = [_time_of(line) for line in lines]
    first = next((moment for moment in times if moment is not None), changed)
    current = first
    for line, moment in zip(lines, times, strict=True):
        current = moment if moment is not None else current
        if current >= since:
            yield line


def _time_of(line: str) -> float | None:
    try:
        if matched := _STAMP.match(line):
            moment = datetime.fromisoformat(matched[1])
        elif matched := _BLOCK_TIME.match(line):
            moment = parsedate_to_datetime(matched[1])
        else:
            return None
    except (ValueError, TypeError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _text(line: bytes) -> str:
    """Printable text: terminal control characters of whoever wrote it are shown, not obeyed."""
    text = line[: _LONGEST_LINE * 4].decode("utf-8", "replace").rstrip("\r")[:_LONGEST_LINE]
    return "".join(c if c == "\t" or c.isprintable() else f"\\x{ord(c):02x}" for c in text)
