"""What `caldera doctor` looks at."""

import json
import os
import platform
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from caldera_cli import VERSION
from caldera_cli.daemon import connect_if_running, read_info
from caldera_cli.errors import CliError
from control_plane.schemas import paths

State = Literal["ok", "warning", "failed", "missing"]

_OLDEST_PYTHON: Final = (3, 11)
_PORTS: Final = (8545, 9545, 9546, 9547, 8420)
_DISK: Final = 2_000_000_000
_MEMORY: Final = 1_000_000_000
_ANVIL_DEADLINE: Final = 180.0

_FIND_ANVIL: Final = """
import json
from control_plane.adapters.engine.anvil_binary import resolve_anvil
from control_plane.domain.errors import CalderaError
try:
    found = resolve_anvil()
    print(json.dumps({"path": str(found.path), "version": found.version}))
except CalderaError as error:
    print(json.dumps({"title": error.title, "detail": error.detail, "hint": error.hint}))
"""
"""Run by an interpreter of its own: the CLI does not import adapters."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: State
    detail: str
    hint: str = ""


def run_checks() -> list[Check]:
    """All checks, in the order in which a fault hinders most."""
    home = paths.home()
    running = connect_if_running()
    return [
        _python(),
        _home(home),
        _anvil(),
        _daemon(home, answers=running is not None),
        _ports(free_expected=running is None),
        _disk(home),
        _memory(),
    ]


def _python() -> Check:
    version = platform.python_version()
    if sys.version_info < _OLDEST_PYTHON:
        return Check("python", "missing", version, "install Python 3.11 or newer")
    return Check("python", "ok", version)


def _home(home: Path) -> Check:
    probe = home / f".doctor-{os.getpid()}"
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        hint = "set CALDERA_HOME to a directory that you can write to"
        return Check("home", "failed", f"{home}: {error.strerror or error}", hint)
    return Check("home", "ok", str(home))


def _anvil() -> Check:
    try:
        done = subprocess.run(
            [sys.executable, "-c", _FIND_ANVIL],
            capture_output=True,
            text=True,
            timeout=_ANVIL_DEADLINE,
            check=False,
        )
        found = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return Check("anvil", "missing", f"looking for it took more than {_ANVIL_DEADLINE:g} s")
    except ValueError:
        return Check("anvil", "failed", done.stderr.strip().rpartition("\n")[2] or "no answer")
    if "path" in found:
        return Check("anvil", "ok", f"{found['version']}, {found['path']}")
    return Check("anvil", "missing", f"{found['title']}: {found['detail']}", found["hint"])


def _daemon(home: Path, *, answers: bool) -> Check:
    info = read_info(home)
    if not answers:
        if info:
            return Check("daemon", "warning", "it ended unexpectedly", "`caldera up` restarts it")
        return Check("daemon", "ok", "none runs; `caldera up` starts one")
    client = connect_if_running()
    try:
        health = client.get("/health") if client else {}
    except CliError as error:
        return Check("daemon", "failed", str(error), f"see {paths.log_path(home)}")
    version = health.get("version", "?")
    text = f"{health.get('status')}, version {version}, process {info.get('pid', '?')}"
    if version != VERSION:
        return Check("daemon", "warning", text, f"this is {VERSION}; the next command replaces it")
    return Check("daemon", "ok", text)


def _ports(*, free_expected: bool) -> Check:
    taken = [port for port in _PORTS if not _is_free(port)]
    if not taken:
        return Check("ports", "ok", f"the default ones are free: {', '.join(map(str, _PORTS))}")
    detail = f"taken: {', '.join(map(str, taken))}"
    if not free_expected:
        return Check("ports", "ok", f"{detail} (a daemon runs here)")
    return Check("ports", "warning", detail, "a default port that is taken moves to a free one")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _disk(home: Path) -> Check:
    place = next(path for path in (home, *home.parents) if path.exists())
    free = shutil.disk_usage(place).free
    text = f"{free / 1e9:.1f} GB free at {place}"
    return (
        Check("disk", "ok", text) if free >= _DISK else Check("disk", "warning", text, "free some")
    )


def _memory() -> Check:
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return Check("memory", "ok", "unknown on this system")
    free = _available() or free
    text = f"{free / 1e9:.1f} GB free"
    if free >= _MEMORY:
        return Check("memory", "ok", text)
    return Check("memory", "warning", text, "a devnet of three rollups needs about 0.5 GB")


def _available() -> int | None:
    """Bytes to be had without swapping, where the system tells."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [line for line in lines if line.startswith("MemAvailable:")]
    return int(found[0].split()[1]) * 1024 if found else None
