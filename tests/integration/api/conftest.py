"""Daemons as processes of their own, ended by pid whatever happens."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import pytest

from control_plane.schemas import paths

ROOT = Path(__file__).resolve().parents[3]
DEADLINE = 20.0


@dataclass(frozen=True)
class Daemon:
    home: Path
    process: "subprocess.Popen[str]"

    @property
    def info(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(paths.info_path(self.home).read_text())
        return found

    @property
    def socket(self) -> Path:
        return paths.socket_path(self.home)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.info['port']}"

    def client(self) -> httpx.Client:
        """Over the Unix socket."""
        transport = httpx.HTTPTransport(uds=os.fspath(self.socket))
        return httpx.Client(transport=transport, base_url="http://daemon", timeout=DEADLINE)

    def stop(self) -> float:
        """SIGTERM; the seconds until it was gone."""
        began = time.monotonic()
        self.process.terminate()
        self.process.wait(DEADLINE)
        return time.monotonic() - began


Start = Callable[..., Daemon]


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, f"waited {DEADLINE:g} s for {what}"
        time.sleep(0.01)


def answers(home: Path) -> bool:
    info = paths.info_path(home)
    if not info.exists():
        return False
    port = json.loads(info.read_text())["port"]
    connection = HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts daemons: `start(home=…, module=…, wait=…)`; the default one runs nothing."""
    started: list[Daemon] = []

    def run(
        home: Path | None = None,
        *arguments: str,
        module: str = "tests.integration.api.fake_daemon",
        wait: bool = True,
    ) -> Daemon:
        chosen = home or tmp_path / "home"
        process = subprocess.Popen(
            [sys.executable, "-m", module, "--home", str(chosen), "--port", "0", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        daemon = Daemon(chosen, process)
        started.append(daemon)
        if wait:
            wait_until(lambda: answers(chosen), f"the daemon of {chosen}")
        return daemon

    yield run
    for daemon in started:
        if daemon.process.poll() is None:
            daemon.process.send_signal(signal.SIGTERM)
            try:
                daemon.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                daemon.process.kill()
                daemon.process.wait()
        for stream in (daemon.process.stdout, daemon.process.stderr):
            if stream is not None:
                stream.close()
