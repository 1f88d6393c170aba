"""A server on a Unix socket that says exactly what a test wants said."""

import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

Play = Callable[[socket.socket], None]
"""What is done on one connection after the request's head came; then it is closed."""


def says(*parts: bytes) -> Play:
    """Send the parts, each on its own; close."""

    def play(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)

    return play


@contextmanager
def server(*plays: Play) -> Iterator[tuple[Path, list[bytes]]]:
    """Serve one connection after another; the socket's path, and the requests that came.

    Connections that say nothing, as those that only look whether somebody listens, count not.
    """
    with tempfile.TemporaryDirectory(prefix="cal-") as directory:
        where = Path(directory) / "s"
        requests: list[bytes] = []
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(where))
            listener.listen()
            listener.settimeout(10)
            serving = threading.Thread(target=_serve, args=(listener, plays, requests))
            serving.start()
            try:
                yield where, requests
            finally:
                where.unlink(missing_ok=True)
                serving.join(10)


def _serve(listener: socket.socket, plays: Sequence[Play], requests: list[bytes]) -> None:
    for play in plays:
        request = b""
        while not request:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(10)
                request = _request(connection)
                if request:
                    requests.append(request)
                    play(connection)


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        block = connection.recv(65_536)
        if not block:
            return data
        data += block
    return data
