"""A `CALDERA_HOME` of its own, the command in it, and everything that could be left behind."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.acceptance.world import CALDERA, World, until

_GONE = 10.0
"""Seconds that a process which is ending may take."""


@dataclass(frozen=True)
class Found:
    """A process that belongs to a home."""

    pid: int
    command: str
    started: str
    """Kernel start time: with the pid an identity."""


class Home(World):
    """Every devnet gets free ports, the daemon's port is free too."""

    def __init__(self, home: Path, command: Path = CALDERA) -> None:
        super().__init__(home, command)
        self.environment["CALDERA_FREE_PORTS"] = "1"

    # ------------------------------------------------------------------ commands

    def run(
        self,
        *arguments: str,
        check: bool = True,
        timeout: float = 60,
        environment: Mapping[str, str] | None = None,
    ) -> "subprocess.CompletedProcess[str]":
        """Run the command to its end, with `environment` on top."""
        kept = self.environment
        self.environment = kept | dict(environment or {})
        try:
            return super().run(*arguments, check=check, timeout=timeout)
        finally:
            self.environment = kept

    def start(
        self, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[str]":
        """Start the command, in a process group of its own as a shell would."""
        return subprocess.Popen(
            [str(self.command), *arguments],
            env=self.environment | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.home,
            process_group=0,
        )

    def status(self, name: str | None = None) -> dict[str, Any]:
        return dict(self.json("status", *([name] if name else [])))

    def wait_state(self, state: str, seconds: float = 20, name: str | None = None) -> Any:
        """The status once the devnet is in `state`."""
        seen: dict[str, Any] = {}

        def there() -> bool:
            seen.clear()
            seen.update(self.status(name))
            return bool(seen["state"] == state)

        until(there, seconds, f"{name or 'the devnet'} is {state}")
        return seen

    def events(self, name: str, after: int = 0) -> list[dict[str, Any]]:
        """A devnet's events after that id, oldest first."""
        text = self.run("events", name, "--json", f"--after={after}", "--limit=1000").stdout
        return [dict(json_line) for json_line in _json_lines(text)]

    # ------------------------------------------------------------------ processes

    @property
    def daemon_pid(self) -> int:
        """Zero when there is none."""
        pid = int(self.daemon().get("pid", 0))
        return pid if pid and is_alive(pid) else 0

    def processes(self) -> list[Found]:
        """All processes that name this home in argv or environment, or run in it."""
        return sorted(_processes(os.fsencode(self.home)), key=lambda found: found.pid)

    def nodes(self) -> dict[str, list[Found]]:
        """Node processes by ``devnet/chain``."""
        found: dict[str, list[Found]] = {}
        for marker in (f"{flag} {self.home}/devnets/" for flag in ("--init", "--datadir")):
            for process in self.processes():
                if marker in process.command:
                    devnet, _, chain = process.command.partition(marker)[2].split("/")[:3]
                    found.setdefault(f"{devnet}/{chain}", []).append(process)
        return found

    def node(self, chain: str) -> Found:
        """The one node of a chain; AssertionError when there are none or two."""
        (found,) = (every for name, every in self.nodes().items() if name.endswith(f"/{chain}"))
        assert len(found) == 1, f"{chain} runs {len(found)} times: {found}"
        return found[0]

    def deriving(self) -> list[int]:
        """Of the processes that derive a rollup each: copies of one that does not."""
        found = {p.pid for p in self.processes() if "control_plane.deriving" in p.command}
        return [pid for pid in found if _parent(pid) in found]

    def kill_daemon(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End the daemon and wait until it is gone."""
        pid = self.daemon_pid
        assert pid, "no daemon runs"
        kill(pid, number)

    def end(self) -> None:
        """Take everything down; what is left over then is killed by its pid."""
        if not self.processes():
            return
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
            self.run("down", "--all", "-y", check=False)
            if self.daemon_pid:
                self.kill_daemon(signal.SIGTERM)
        for process in self.processes():
            kill(process.pid)

    # ------------------------------------------------------------------ what is left

    def leftovers(self) -> list[str]:
        """Processes, sockets, locks and files of devnets; empty when all is clean."""
        found = [f"process {p.pid}: {p.command}" for p in self.processes()]
        names = ("daemon.sock", "daemon.json", "daemon.lock", "gate.sock")
        found += [str(self.home / name) for name in names if (self.home / name).exists()]
        devnets = self.home / "devnets"
        if devnets.is_dir():
            found += [str(path) for path in devnets.iterdir()]
        return found

    def assert_clean(self, *ports: int) -> None:
        """Nothing is left of this home, and `ports` are free."""
        until(lambda: not self.leftovers(), 3, f"nothing is left, but: {self.leftovers()}")
        for port in ports:
            assert is_free(port), f"port {port} is still taken"


@contextlib.contextmanager
def new_home(parent: Path | None = None) -> Iterator[Home]:
    """A home with a short path; all that ran in it is gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="cal-", dir=parent))
    home = Home(directory)
    try:
        yield home
    finally:
        home.end()
        shutil.rmtree(directory, ignore_errors=True)


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal that ends the process, and wait until it is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
    until(lambda: not is_alive(pid), _GONE, f"process {pid} ends after {number.name}")


def is_alive(pid: int) -> bool:
    """Whether a process that is no zombie has this pid; while any thread runs, it is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    fields = stat[stat.rfind(")") + 2 :].split()
    return fields[0] not in "ZX" or int(fields[17]) > 1


def is_free(port: int) -> bool:
    """Whether a server could listen on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def ports_of(status: Mapping[str, Any]) -> list[int]:
    """Public ports of a devnet's nodes."""
    chains = [status["l1"], *status["rollups"]]
    return [int(chain["rpc_url"].rsplit(":", 1)[1]) for chain in chains]


def _parent(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(stat[stat.rfind(")") + 2 :].split()[1])


def _processes(home: bytes) -> Iterator[Found]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            where = os.fsencode((entry / "cwd").readlink())
            environment = (entry / "environ").read_bytes()
            stat = (entry / "stat").read_text()
        except OSError:
            continue
        fields = stat[stat.rfind(")") + 2 :].split()
        mine = home in command or where.startswith(home) or b"=" + home in environment
        if mine and fields[0] not in {"Z", "X"}:
            text = command.replace(b"\0", b" ").decode(errors="replace").strip()
            yield Found(int(entry.name), text, fields[19])


def _json_lines(text: str) -> list[Any]:
    import json

    return [json.loads(line) for line in text.splitlines() if line.strip()]
