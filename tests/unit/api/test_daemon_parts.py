"""Lock, sockets, daemon.json and the gate."""

import asyncio
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from control_plane import daemon_files, listeners
from control_plane.api.asgi import problem, send_json
from control_plane.api.gate import Gate
from control_plane.domain.errors import Conflict, StorageFailed
from control_plane.schemas import paths
from control_plane.settings import Settings


def here(home: Path) -> daemon_files.Listening:
    return daemon_files.Listening(1, "0", str(home), "s", 2, daemon_files.now_utc())


def test_one_daemon_for_each_home(tmp_path: Path) -> None:
    first, second = daemon_files.DaemonLock(tmp_path), daemon_files.DaemonLock(tmp_path)
    first.acquire()
    daemon_files.write_info(tmp_path, here(tmp_path))
    with pytest.raises(Conflict, match="process 1, version 0"):
        second.acquire(patience=5)
    daemon_files.remove_info(tmp_path)
    with pytest.raises(Conflict):
        second.acquire(patience=0.05)
    first.release()
    second.acquire()
    second.release()
    assert list(tmp_path.iterdir()) == []


def test_a_lock_dies_with_its_process(tmp_path: Path) -> None:
    code = (
        "import os,sys; from pathlib import Path; from control_plane import daemon_files as d;"
        "d.DaemonLock(Path(sys.argv[1])).acquire(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert paths.lock_path(tmp_path).exists()
    lock = daemon_files.DaemonLock(tmp_path)
    lock.acquire()
    lock.release()


def test_a_home_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed, match="file"):
        daemon_files.make_home(tmp_path / "file" / "home")
    if os.getuid() != 0:
        (tmp_path / "locked").mkdir(mode=0o500)
        with pytest.raises(StorageFailed):
            daemon_files.make_home(tmp_path / "locked")
    daemon_files.make_home(tmp_path / "new")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_the_socket_is_this_users_own(tmp_path: Path) -> None:
    path = tmp_path / "daemon.sock"
    path.write_text("left over")
    with listeners.listen_unix(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(StorageFailed):
        listeners.listen_unix(tmp_path / "link" / "daemon.sock")


def test_a_home_with_a_long_name_has_a_socket_elsewhere(tmp_path: Path) -> None:
    settings = Settings(tmp_path / ("x" * 120), port=0, port_named=True)
    path = paths.socket_path(settings.home)
    with listeners.listening(settings):
        assert stat.S_ISSOCK(path.stat().st_mode)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not path.exists()


def test_a_default_port_moves_a_named_one_does_not() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with listeners.listen_tcp("127.0.0.1", port, named=False) as moved:
            assert moved.getsockname()[1] != port
        with pytest.raises(Conflict, match=str(port)):
            listeners.listen_tcp("127.0.0.1", port, named=True)


async def test_the_gate_answers_health_and_holds_the_rest() -> None:
    gate = Gate("1.2.3")
    transport = httpx.ASGITransport(gate)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        health = await client.get("/health")
        assert health.json() == {"status": "starting", "version": "1.2.3"}
        assert (await client.get("/ready")).status_code == 503
        waiting = asyncio.create_task(client.get("/v1/devnets"))
        await asyncio.sleep(0.01)
        gate.open(lambda scope, receive, send: send_json(send, 200, []))
        assert (await waiting).json() == []
        assert (await client.get("/health")).json()["status"] == "ok"
        gate.stop()
        assert (await client.get("/health")).json()["status"] == "stopping"


@pytest.mark.parametrize("how", ["fail", "stop"])
async def test_the_gate_tells_who_waits_why_not(how: str) -> None:
    gate = Gate("1")
    transport = httpx.ASGITransport(gate)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        waiting = asyncio.create_task(client.get("/v1/devnets"))
        await asyncio.sleep(0.01)
        if how == "fail":
            gate.fail(problem("storage-failed", 500, "The disk is full"))
        else:
            gate.stop()
        answer = await waiting
    assert answer.status_code == (500 if how == "fail" else 503)
