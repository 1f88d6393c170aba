"""What `caldera doctor` looks at."""

import json
import os
import platform
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

from caldera_cli import VERSION
from caldera_cli.daemon import connect_if_running, read_info
from caldera_cli.engine_checks import engine_checks
from caldera_cli.errors import CliError
from caldera_cli.findings import Check
from control_plane.schemas import paths

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


def run_checks() -> list[Check]:
    """All checks, in the order in which a fault hinders most."""
    home = paths.home()
    running = connect_if_running()
    return [
        _python(),
        _home(home),
        _anvil(),
        *engine_checks(),
        _daemon(home, answers=running is not None),
        _nodes(home, cared_for=running is not None),
        _files(home),
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
        text = f"looking for it took more than {_ANVIL_DEADLINE:g} s"
        return Check("anvil", "missing", text, "set ANVIL_BIN to an anvil of version 1.7.1")
    except ValueError:
        text = done.stderr.strip().rpartition("\n")[2] or "no answer"
        return Check("anvil", "failed", text, "install Caldera anew: `make up` in a checkout")
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
    state = "runs" if health.get("status") == "ok" else f"is {health.get('status')}"
    text = f"{state}, version {version}, process {info.get('pid', '?')}"
    if version != VERSION:
        return Check("daemon", "warning", text, f"this is {VERSION}; the next command replaces it")
    return Check("daemon", "ok", text)


def _nodes(home: Path, *, cared_for: bool) -> Check:
    """Node processes and the gate."""
    from caldera_cli.strays import find_strays

    count = len(find_strays(home))
    if count and not cared_for:
        hint = "`caldera ls` starts a daemon that adopts them, `caldera clean` ends them"
        return Check("processes", "warning", f"{count} run without a daemon", hint)
    if count:
        return Check("processes", "ok", f"{count} run: nodes, and the gate before them")
    gate = paths.gate_directory(home) / paths.GATE_SOCKET
    if gate.exists() and not cared_for:
        hint = "nothing to do: the next devnet replaces it, `caldera clean` removes it"
        return Check("processes", "warning", f"none runs, but the gate left {gate}", hint)
    return Check("processes", "ok", "no node runs")


def _files(home: Path) -> Check:
    """What lies in the home directory."""
    try:
        names = sorted(path.name for path in home.iterdir())
        devnets = sorted(path.name for path in (home / "devnets").glob("*") if path.is_dir())
        records = sum(path.stat().st_size for path in home.glob("caldera.db*"))
    except OSError as error:
        hint = f"see who owns {home}, and its mode"
        return Check("files", "failed", f"{error.filename}: {error.strerror}", hint)
    foreign = [name for name in names if not name.startswith(paths.KNOWN)]
    text = f"devnets: {', '.join(devnets) or 'none'}; records: {records / 1e6:.1f} MB"
    if foreign:
        text += f"; not ours: {', '.join(foreign)}"
    return Check("files", "ok", text)


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
    if free >= _DISK:
        return Check("disk", "ok", text)
    return Check("disk", "warning", text, "make room, or set CALDERA_HOME to another disk")


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
