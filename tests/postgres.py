"""A throw-away PostgreSQL cluster for tests, where its programs are installed."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def find_bin() -> Path | None:
    """The directory of initdb and postgres; None when they are not installed."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    newest = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return newest[-1].parent if newest else None


@contextlib.contextmanager
def cluster(programs: Path) -> Iterator[str]:
    """Yields the URL of a running server, in a directory that goes with it."""
    owner = _owner()
    with tempfile.TemporaryDirectory(prefix="caldera-pg-") as name:
        data = Path(name) / "data"
        if "user" in owner:
            os.chown(name, int(owner["user"]), -1)
        Path(name).chmod(0o755)
        command = [
            str(programs / "initdb"),
            "-D",
            str(data),
            "-U",
            "caldera",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "-N",
        ]
        subprocess.run(command, check=True, capture_output=True, cwd="/", **owner)
        quick = [
            "-c",
            "fsync=off",
            "-c",
            "listen_addresses=",
            "-c",
            f"unix_socket_directories={name}",
        ]
        log = (Path(name) / "log").open("w")
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, *quick], stdout=log, stderr=log, cwd="/", **owner
        )
        try:
            _wait(programs, name)
            yield f"postgresql://caldera@/postgres?host={name}"
        finally:
            server.terminate()
            server.wait(10)
            log.close()


def _wait(programs: Path, directory: str) -> None:
    deadline = time.monotonic() + 20
    while subprocess.run(
        [programs / "pg_isready", "-h", directory], capture_output=True
    ).returncode:
        assert time.monotonic() < deadline, (Path(directory) / "log").read_text()
        time.sleep(0.02)


def _owner() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then it runs as the user made for it, or as nobody."""
    if os.geteuid() != 0:
        return {}
    with contextlib.suppress(KeyError):
        return {"user": pwd.getpwnam("postgres").pw_uid, "group": pwd.getpwnam("postgres").pw_gid}
    return {"user": pwd.getpwnam("nobody").pw_uid, "group": pwd.getpwnam("nobody").pw_gid}
