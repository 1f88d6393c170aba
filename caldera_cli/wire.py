"""HTTP/1.1 over the daemon's Unix socket: one request on a connection of its own, its answer.

``http.client`` would do, but imports the mail parsers and TLS: 20 ms at every command. This
reads what our own daemon sends (RFC 9112): a body with Content-Length, in chunks, or up to the
end of the connection. No redirects, no keep-alive, no compression, none of which it asks for.

::

    OSError             the system's word: no socket, connection reset
    ├── TimeoutError    nothing, or not all, came in time
    └── Truncated       the daemon went away before the answer was complete
    ValueError
    └── Malformed       what came is no HTTP answer
"""

import os
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Self

_LARGEST_HEAD: Final = 64 * 1024
_LONGEST_SIZE: Final = 1024
"""Bytes of the line before a chunk, extensions included."""
_BLOCK: Final = 64 * 1024
_NO_BODY: Final = frozenset({204, 304})


class Truncated(ConnectionError):
    """The connection ended in the middle of an answer."""


class Malformed(ValueError):
    """Not HTTP, or a kind of it that our daemon does not speak."""


class Answer:
    """An answer whose head was read; its body comes as it is asked for.

    A context manager: leaving it closes the connection.
    """

    def __init__(self, connection: socket.socket, deadline: float | None) -> None:
        self._connection = connection
        self._deadline = deadline
        """Monotonic time by which all must have come; None: any length, see :meth:`patient`."""
        self._silence: float | None = None
        self._rest = b""
        """Bytes that were received and not yet given out."""
        self.status, self.headers = self._head()
        """The status code; header fields by their names in small letters."""
        self._blocks = self._body()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; idempotent."""
        self._connection.close()

    def patient(self, silence: float | None) -> None:
        """From now on the body may take any time, if it is never silent for `silence` seconds."""
        self._deadline, self._silence = None, silence

    def read(self) -> bytes:
        """All that is left of the body."""
        return b"".join(self._blocks)

    def lines(self) -> Iterator[bytes]:
        """The body's lines without their ends, each as soon as it is complete."""
        parts: list[bytes] = []
        for block in self._blocks:
            first, *more = block.split(b"\n")
            parts.append(first)
            for line in more:
                yield b"".join(parts).removesuffix(b"\r")
                parts = [line]
        if last := b"".join(parts):
            yield last

    # ------------------------------------------------------------------ the head

    def _head(self) -> tuple[int, dict[str, str]]:
        while True:
            head = self._until(b"\r\n\r\n", _LARGEST_HEAD).decode("latin-1")
            status, *fields = head.split("\r\n")
            code = _status(status)
            if code >= 200:  # those below only announce the answer
                return code, dict(_field(line) for line in fields)

    # ------------------------------------------------------------------ the body

    def _body(self) -> Iterator[bytes]:
        if self.status in _NO_BODY:
            return iter(())
        coding = self.headers.get("transfer-encoding", "").lower()
        if coding == "chunked":
            return self._chunks()
        if coding:
            raise Malformed(f"transfer coding {coding!r}")
        length = self.headers.get("content-length")
        return self._to_the_end() if length is None else self._exactly(_number(length, 10))

    def _chunks(self) -> Iterator[bytes]:
        while size := _number(
            self._until(b"\r\n", _LONGEST_SIZE).partition(b";")[0].decode("latin-1"), 16
        ):
            yield from self._exactly(size)
            if self._until(b"\r\n", 2):
                raise Malformed("a chunk is longer than it says")
        while self._until(b"\r\n", _LARGEST_HEAD):
            pass  # trailer fields

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size > 0:
            data = self._rest or self._receive()
            if not data:
                raise Truncated(f"the connection ended {size} bytes early")
            block, self._rest = data[:size], data[size:]
            size -= len(block)
            yield block

    def _to_the_end(self) -> Iterator[bytes]:
        block, self._rest = self._rest, b""
        while block or (block := self._receive()):
            yield block
            block = b""

    # ------------------------------------------------------------------ bytes

    def _until(self, mark: bytes, most: int) -> bytes:
        """What comes before `mark`, which is passed over; at most `most` bytes with it."""
        data, looked = self._rest, 0
        while (place := data.find(mark, looked)) < 0:
            if len(data) >= most:
                raise Malformed(f"no {mark!r} within {most} bytes")
            looked = max(0, len(data) - len(mark) + 1)
            block = self._receive()
            if not block:
                raise Truncated("the connection ended before the answer did")
            data += block
        self._rest = data[place + len(mark) :]
        return data[:place]

    def _receive(self) -> bytes:
        if self._deadline is None:
            self._connection.settimeout(self._silence)
        else:
            self._connection.settimeout(_left(self._deadline))
        return self._connection.recv(_BLOCK)


def send(
    where: Path,
    method: str,
    target: str,
    headers: Mapping[str, str],
    payload: bytes | None,
    timeout: float,
) -> Answer:
    """Send a request to the socket `where`; its answer, which must come within `timeout` seconds.

    `target` is path and query, percent-encoded. Raises what the module says.
    """
    deadline = time.monotonic() + timeout
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if payload is not None:
        lines.append(f"Content-Length: {len(payload)}")
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a line break within the head of a request")
    request = "\r\n".join([*lines, "", ""]).encode("ascii") + (payload or b"")
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.connect(os.fspath(where))
        _send_all(connection, request, deadline)
        return Answer(connection, deadline)
    except BaseException:
        connection.close()
        raise


def _send_all(connection: socket.socket, request: bytes, deadline: float) -> None:
    try:
        connection.settimeout(_left(deadline))
        connection.sendall(request)
    except (BrokenPipeError, ConnectionResetError):
        return  # it may have answered before it read all: a body that is too large


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the answer took too long")
    return left


def _status(line: str) -> int:
    version, _, rest = line.partition(" ")
    code = rest.partition(" ")[0]
    if not version.startswith("HTTP/1.") or not (len(code) == 3 and _is_digits(code)):
        raise Malformed(f"no status line: {line[:40]!r}")
    return int(code)


def _field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name or name != name.strip():
        raise Malformed(f"no header field: {line[:40]!r}")
    return name.lower(), value.strip()


def _number(text: str, base: int) -> int:
    cleaned = text.strip()
    try:
        value = int(cleaned, base)
    except ValueError:
        value = -1
    if value < 0 or not cleaned.isalnum():
        raise Malformed(f"no size: {text[:40]!r}")
    return value


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
