"""What containers say, written into the nodes' log files as it comes.

A thread for each node: it ends with its container, and goes on where it stopped when the
engine was away. A container's own log is kept, bounded, by the engine.
"""

import contextlib
import os
import threading
from pathlib import Path
from typing import Any, Final

from control_plane.adapters.runtime.compose.link import Link, words_of
from control_plane.adapters.runtime.logs import open_log
from control_plane.domain.errors import CalderaError

_AGAIN: Final = 1.0


class Following:
    """The logs that are followed, by container."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._followers: dict[str, _Follower] = {}

    def begin(self, container: str, log: Path) -> None:
        """Follow from the start of the container, or from when `log` was last written to by
        whoever followed before; idempotent."""
        known = self._followers.get(container)
        if known is None or not known.is_alive():
            self._followers[container] = _Follower(self._link, container, log)
            self._followers[container].start()

    def end(self, container: str) -> None:
        """Follow no more."""
        follower = self._followers.pop(container, None)
        if follower is not None:
            follower.end()

    def close(self) -> None:
        """End them all."""
        for container in list(self._followers):
            self.end(container)


class _Follower(threading.Thread):
    def __init__(self, link: Link, container: str, log: Path) -> None:
        super().__init__(name=f"log of {container[:12]}", daemon=True)
        self._link = link
        self._container = container
        self._log = log
        self._stream: Any = None
        self._ended = threading.Event()

    def end(self) -> None:
        self._ended.set()
        with contextlib.suppress(Exception):  # an SDK's stream that was broken already
            self._stream.close()

    def run(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(CalderaError, OSError):
                if not self._copy():
                    return
            self._ended.wait(_AGAIN)

    def _copy(self) -> bool:
        """Copy what comes; whether the container still runs when no more does."""
        descriptor = open_log(self._log)
        try:
            self._stream = self._link.follow(self._container, self._since())
            for words in words_of(self._stream):
                os.write(descriptor, words)
        finally:
            os.close(descriptor)
        found = self._link.inspect(self._container)
        return found is not None and bool(found["State"]["Running"])

    def _since(self) -> float | None:
        """None: all of it. The engine takes a container's first words, if the log is older."""
        status = self._log.stat()
        return status.st_mtime + 0.001 if status.st_size else None
