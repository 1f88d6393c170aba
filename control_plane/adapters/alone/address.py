"""Where a server of ours is: ``tcp://HOST:PORT`` or ``unix:PATH``."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from control_plane.domain.errors import InvalidInput

_LONGEST_SOCKET_NAME: Final = 100
"""Bytes. ``sun_path`` holds 104 on macOS and 108 on Linux, with the final zero."""


@dataclass(frozen=True, slots=True)
class Address:
    """Either `path` or `host` and `port`."""

    host: str = ""
    port: int = 0
    path: Path | None = None

    @classmethod
    def parse(cls, text: str, base: Path | None = None) -> Self:
        """From a URL, or from ``HOST:PORT``; a relative path begins at `base`. InvalidInput."""
        if text.startswith("unix:"):
            return cls(path=(base or Path.cwd()) / text.removeprefix("unix:").removeprefix("//"))
        try:
            parts = urlsplit(text if "://" in text else f"tcp://{text}")
            if parts.scheme == "tcp" and parts.hostname and parts.port is not None:
                return cls(parts.hostname, parts.port)
        except ValueError:
            pass
        raise InvalidInput(
            f"{text!r} is no address", "", "Write tcp://HOST:PORT, HOST:PORT or unix:PATH."
        )

    def __str__(self) -> str:
        if self.path is not None:
            return f"unix:{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp://{host}:{self.port}"

    @property
    def socket_path(self) -> Path:
        """`path`, or, when that is too long for a socket's name, one in a folder of this user's
        own below the temporary directory: server and client arrive at the same one."""
        if self.path is None:
            raise ValueError(f"{self} is no Unix socket")
        if len(os.fsencode(self.path)) <= _LONGEST_SOCKET_NAME:
            return self.path
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"caldera-{os.getuid()}" / f"{digest}.sock"

    def make_room(self) -> Path:
        """The socket's path, free to be bound: folder made (0700), an old socket removed. For
        whoever holds the right to serve there. OSError, also when the folder's own folder is not
        there: that of a devnet goes with it, and nobody makes it again."""
        path = self.socket_path
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.unlink(missing_ok=True)
        return path
