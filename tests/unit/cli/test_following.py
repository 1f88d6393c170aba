"""What follows a devnet: `events -f`, `logs -f`, `status --watch`, `up --attach`."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from caldera_cli import following
from caldera_cli.client import Client, Event
from caldera_cli.daemon import read_info
from caldera_cli.errors import CliError
from tests.unit.cli.conftest import ROOT, Caldera, start_fake_daemon
from tests.unit.cli.scripted import says, server

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.fixture
def shop(caldera: Caldera) -> Caldera:
    caldera("down", "--all", "-y")
    assert caldera("up", "minimal", "--name", "shop").code == 0
    return caldera


class Running:
    """A command line in a process of its own, on a terminal if wanted."""

    def __init__(
        self, home: Path, line: Sequence[str], *, terminal: bool = False, no_color: bool = False
    ) -> None:
        ours, theirs = pty.openpty() if terminal else os.pipe()
        kept = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "TERM"}}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "caldera_cli.main", *line],
            stdin=theirs if terminal else subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            cwd=ROOT,
            env={
                **kept,
                "TERM": "xterm",
                "COLUMNS": "80",
                "CALDERA_HOME": str(home),
                **({"NO_COLOR": "1"} if no_color else {}),
            },
            process_group=0,
        )
        os.close(theirs)
        self._from = ours
        self.text = ""

    def until(self, wanted: str, seconds: float = 15) -> str:
        """All that was said up to the moment at which `wanted` was in it."""
        stop = time.monotonic() + seconds
        while wanted not in self.text:
            left = stop - time.monotonic()
            assert left > 0, f"{wanted!r} did not come: {self.text!r}"
            if select.select([self._from], [], [], left)[0] and not self._read():
                assert wanted in self.text, f"{wanted!r} did not come: {self.text!r}"
        return self.text

    def end(self, seconds: float = 15) -> int:
        """Read on until it ended; its exit code."""
        stop = time.monotonic() + seconds
        while select.select([self._from], [], [], max(0, stop - time.monotonic()))[0]:
            if not self._read():
                break
        return self.process.wait(max(0.1, stop - time.monotonic()))

    def interrupt(self) -> None:
        """Ctrl-C."""
        os.killpg(self.process.pid, signal.SIGINT)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._from)

    def _read(self) -> bool:
        try:
            data = os.read(self._from, 65_536)
        except OSError:  # a terminal whose other side was closed
            data = b""
        self.text += data.decode()
        return bool(data)


@contextmanager
def running(
    home: Path, *line: str, terminal: bool = False, no_color: bool = False
) -> Iterator[Running]:
    started = Running(home, line, terminal=terminal, no_color=no_color)
    try:
        yield started
    finally:
        started.close()


# ---------------------------------------------------------------- events


def test_events_of_the_past_end_with_the_last(shop: Caldera) -> None:
    types = [json.loads(line)["type"] for line in shop("events", "--json").out.splitlines()]
    assert types[-2:] == ["devnet.created", "devnet.ready"]
    assert shop("events", "--limit", "1").out.split()[1] == "devnet.ready"


def test_events_after_one(shop: Caldera) -> None:
    first = json.loads(shop("events", "--json", "--limit", "2").out.splitlines()[0])
    done = shop("events", "--after", str(first["id"]), "--json")
    assert [json.loads(line)["type"] for line in done.out.splitlines()] == ["devnet.ready"]


def test_following_events_to_the_devnets_end(shop: Caldera, daemon_home: Path) -> None:
    with running(daemon_home, "events", "shop", "-f") as command:
        command.until("devnet.ready")
        shop("down", "shop")
        assert command.end() == 0
        assert command.text.rstrip().endswith("devnet.removed")


def test_following_only_the_last_ones(shop: Caldera, daemon_home: Path) -> None:
    with running(daemon_home, "events", "shop", "-f", "--limit", "1") as command:
        assert "devnet.created" not in command.until("devnet.ready")
        command.interrupt()
        assert command.end() == 130
        assert "Traceback" not in command.text


def test_events_go_on_with_the_next_daemon(tmp_path: Path) -> None:
    first = start_fake_daemon(tmp_path)
    client = Client(tmp_path / "daemon.sock")
    client.post("/v1/devnets", {"template": "minimal", "name": "shop"})
    with running(tmp_path, "events", "shop", "-f", "--json") as command:
        command.until("devnet.ready")
        os.kill(first, signal.SIGKILL)
        command.until("waiting for the next one")
        command.process.send_signal(signal.SIGSTOP)  # the made-up daemon forgets its devnets
        second = start_fake_daemon(tmp_path)
        client.post("/v1/devnets", {"template": "minimal", "name": "shop"})
        command.process.send_signal(signal.SIGCONT)
        time.sleep(2)  # nothing tells from outside that the command follows again
        client.delete("/v1/devnets/shop")
        command.until("devnet.removed")
        assert command.end() == 0
    os.kill(second, signal.SIGTERM)


def test_the_resumed_stream_begins_where_the_other_broke(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = b'id: 6\n\nid: 7\nevent: a\ndata: {"n": 7}\n\n'
    second = b'id: 7\n\nid: 8\nevent: devnet.removed\ndata: {"n": 8}\n\n'
    with server(says(HEAD + first), says(HEAD + second)) as (where, requests):
        monkeypatch.setattr(following, "connect_if_running", lambda: Client(where))
        events = list(following.follow(Client(where), "shop", tail=0))
    assert events == [
        Event("6", "", {}),
        Event("7", "a", {"n": 7}),
        following.RESUMED,
        Event("7", "", {}),
        Event("8", "devnet.removed", {"n": 8}),
    ]
    assert b"Last-Event-ID" not in requests[0]
    assert b"Last-Event-ID: 7\r\n" in requests[1]
    assert "The daemon ended" in capsys.readouterr().err


def test_a_daemon_that_does_not_return(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_PATIENCE", 0.2)
    monkeypatch.setattr(following, "connect_if_running", lambda: None)
    with server(says(HEAD)) as (where, _), pytest.raises(CliError, match="none came back") as told:
        list(following.follow(Client(where), "shop"))
    assert "caldera status shop" in told.value.hint


def test_what_the_daemon_refuses_ends_it(shop: Caldera) -> None:
    assert shop("events", "nowhere", "-f").code == 3
    assert shop("status", "nowhere", "--watch").code == 3


# ---------------------------------------------------------------- status --watch


def test_watching_draws_at_every_event(shop: Caldera, daemon_home: Path) -> None:
    with running(daemon_home, "status", "shop", "--watch", terminal=True) as command:
        assert "\x1b[H\x1b[2J" in command.until("\x1b[32mready\x1b[0m")
        command.text = ""
        shop("restart", "shop")
        command.until("shop is \x1b[32mready\x1b[0m")
        shop("down", "shop")
        command.until("shop is gone.")
        assert command.end() == 0


def test_watching_without_a_terminal_clears_nothing(shop: Caldera, daemon_home: Path) -> None:
    with running(daemon_home, "status", "shop", "--watch") as command:
        assert "\x1b" not in command.until("shop is ready")
        command.interrupt()
        assert command.end() == 130


# ---------------------------------------------------------------- up --attach


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_attached_takes_the_devnet_down_in_the_end(
    caldera: Caldera, daemon_home: Path, number: signal.Signals
) -> None:
    caldera("down", "--all", "-y")
    line = ("up", "minimal", "--name", "mine", "--attach")
    with running(daemon_home, *line, terminal=True) as command:
        command.until("Ctrl-C takes the devnet down")
        os.killpg(command.process.pid, number)
        command.until("mine is gone.")
        assert command.end() == 0
    assert json.loads(caldera("ls", "--json").out) == []


def test_up_attached_ends_when_somebody_else_takes_it_down(
    caldera: Caldera, daemon_home: Path
) -> None:
    caldera("down", "--all", "-y")
    with running(daemon_home, "up", "minimal", "--name", "mine", "--attach") as command:
        command.until("Ctrl-C takes the devnet down")
        caldera("down", "mine")
        command.until("mine is gone.")
        assert command.end() == 0


# ---------------------------------------------------------------- logs -f


def write(home: Path, text: str) -> None:
    """What the relayer of `shop` says."""
    path = home / "shop" / "relayer.log"
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as file:
        file.write(text)


def test_following_a_log_to_the_devnets_end(shop: Caldera, daemon_home: Path) -> None:
    write(daemon_home, "".join(f"line {n}\n" for n in range(100)))
    line = ("logs", "shop", "--service", "relayer", "-f", "--tail", "2")
    with running(daemon_home, *line) as command:
        assert command.until("line 99\n") == "line 98\nline 99\n"
        write(daemon_home, "more\nhalf")
        command.until("more\n")
        write(daemon_home, " and half\n")
        assert command.until("half\n").endswith("more\nhalf and half\n")
        (daemon_home / "shop" / "relayer.log").unlink()
        (daemon_home / "shop").rmdir()
        shop("down", "shop")
        assert command.end() == 0
        assert command.text.endswith("shop is gone.\n")


def test_following_a_log_till_interrupted(shop: Caldera, daemon_home: Path) -> None:
    write(daemon_home, "hello\n")
    with running(daemon_home, "logs", "--service", "relayer", "-f", "--json") as command:
        command.until('{"service": "relayer", "line": "hello"}\n')
        command.interrupt()
        assert command.end() == 130


def test_following_a_log_of_a_daemon_that_ends(tmp_path: Path) -> None:
    daemon = start_fake_daemon(tmp_path)
    Client(tmp_path / "daemon.sock").post("/v1/devnets", {"template": "minimal", "name": "shop"})
    write(tmp_path, "hello\n")
    with running(tmp_path, "logs", "shop", "--service", "relayer", "-f") as command:
        command.until("hello")
        os.kill(daemon, signal.SIGTERM)
        assert command.end() == 1
        assert "error: The daemon ended" in command.text
    assert not read_info(tmp_path)
