"""Nodes that can't start, and ports that are taken: one error, and nothing is left running."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from control_plane.adapters.engine.anvil_binary import resolve_anvil
from tests.acceptance.world import until
from tests.e2e.home import Home, is_free, ports_of
from tests.nodes import free_port, script


def write_spec(home: Home, **ports: int) -> dict[str, int]:
    """`net.yaml`, an L1 and two rollups on ports that it names."""
    names = {name: ports.get(name) or free_port() for name in ("l1", "op", "arb")}
    spec: dict[str, Any] = {
        "version": 1,
        "name": "net",
        "l1": {"port": names["l1"]},
        "rollups": [{"name": name, "port": names[name]} for name in ("op", "arb")],
    }
    (home.home / "net.yaml").write_text(yaml.safe_dump(spec))
    return names


def anvil_but(home: Home, case: str) -> dict[str, str]:
    """Anvil, except where the shell's `case` branch matches its arguments."""
    program = script(
        home.home / "anvil",
        f'#!/bin/sh\ncase "$*" in\n{case}\nesac\nexec {resolve_anvil().path} "$@"\n',
    )
    return {"ANVIL_BIN": str(program)}


def assert_nothing_runs(home: Home, ports: dict[str, int]) -> None:
    until(lambda: not home.nodes(), 3, f"no node runs, but {home.nodes()}")
    daemon = [home.daemon_pid] if home.daemon_pid else []
    until(lambda: [p.pid for p in home.processes()] == daemon, 3, "no gate runs")
    assert all(is_free(port) for port in ports.values())


@contextmanager
def listener(port: int = 0) -> Iterator[int]:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        yield taken.getsockname()[1]


# ---------------------------------------------------------------- nodes


@pytest.mark.parametrize("victim", ["l1", "op"])
def test_node_that_exits_takes_the_others_with_it(home: Home, victim: str) -> None:
    ports = write_spec(home)
    bad = anvil_but(home, f"*--init*/nodes/{victim}/*) echo 'no luck today' >&2; exit 1;;")
    done = home.run("up", "net.yaml", check=False, environment=bad)
    assert done.returncode == 1
    for word in (f"{victim}/node", str(ports[victim]), "node.log", "no luck today"):
        assert word in done.stderr, word
    assert_nothing_runs(home, ports)
    status = home.status()
    assert status["state"] == "failed"
    assert "no luck today" in status["problem"]
    assert "no luck today" in home.run("logs", "--service", f"{victim}/node").stdout
    home.kill_daemon()  # the next one has another Anvil
    home.run("up", "net.yaml")
    assert home.status()["state"] == "ready"
    home.run("down")
    home.assert_clean(*ports.values())


def test_node_that_ends_while_others_start(home: Home) -> None:
    """It answers first, and dies before the devnet is ready."""
    ports = write_spec(home)
    anvil = resolve_anvil().path
    bad = anvil_but(
        home,
        f"""*--init*/nodes/op/*) {anvil} "$@" & sleep 0.6; kill -9 $!; exit 1;;
*--init*/nodes/l1/*) sleep 2;;""",
    )
    done = home.run("up", "net.yaml", check=False, environment=bad)
    assert done.returncode == 1, done
    for word in ("op/node", "node.log"):
        assert word in done.stderr
    assert_nothing_runs(home, ports)


def test_program_that_is_no_anvil(home: Home) -> None:
    ports = write_spec(home)
    program = script(home.home / "anvil", "#!/bin/sh\necho hello\n")
    done = home.run("up", "net.yaml", check=False, environment={"ANVIL_BIN": str(program)})
    assert done.returncode == 6
    assert str(program) in done.stderr
    assert_nothing_runs(home, ports)


def test_program_that_is_missing(home: Home) -> None:
    ports = write_spec(home)
    missing = home.home / "there-is-none"
    done = home.run("up", "net.yaml", check=False, environment={"ANVIL_BIN": str(missing)})
    assert done.returncode == 6
    assert str(missing) in done.stderr
    assert_nothing_runs(home, ports)


def test_program_that_cannot_be_run(home: Home) -> None:
    ports = write_spec(home)
    program = home.home / "anvil"
    program.write_bytes(b"\x7fELF but not really")
    program.chmod(0o755)
    done = home.run("up", "net.yaml", check=False, environment={"ANVIL_BIN": str(program)})
    assert done.returncode == 6
    assert str(program) in done.stderr
    assert_nothing_runs(home, ports)


# ---------------------------------------------------------------- ports


def test_taken_port_that_the_spec_names_is_a_conflict(home: Home) -> None:
    with listener() as taken:
        ports = write_spec(home, op=taken)
        done = home.run("up", "net.yaml", check=False)
        assert done.returncode == 4
        for word in ("op", str(taken)):
            assert word in done.stderr
        until(lambda: not home.nodes(), 3, "no node runs")
    home.run("up", "net.yaml")  # free now
    assert ports_of(home.status()) == list(ports.values())


def test_taken_default_port_moves_and_is_said(home: Home) -> None:
    """The real defaults: whatever of this machine may be on them already, nobody is disturbed."""
    del home.environment["CALDERA_FREE_PORTS"]
    with listener_or_other(9545):
        done = home.run("up", "minimal")
        status = home.status()
        (rollup,) = status["rollups"]
        assert rollup["rpc_url"] != "http://127.0.0.1:9545"
        assert any("9545" in note for note in status["notes"]), status["notes"]
        assert "9545" in done.stdout + done.stderr
        assert home.json("message", "send", "l1", "op", "--body", "0x01", "--wait")["delivered_tx"]


@contextmanager
def listener_or_other(port: int) -> Iterator[None]:
    """Somebody listens on the port, we or another program."""
    if not is_free(port):
        yield
        return
    with listener(port):
        yield


def test_port_taken_after_planning_is_planned_again(home: Home) -> None:
    """A default port is taken by another program between `stop` and `up`."""
    home.run("up", "minimal")
    port = ports_of(home.status())[1]
    home.run("stop")
    with listener(port):
        home.run("up", "minimal")
        status = home.status()
        assert status["state"] == "ready"
        assert ports_of(status)[1] != port
        assert any(str(port) in note for note in status["notes"])
        moved = [e for e in home.events("minimal") if e["type"] == "plan.port_moved"]
        assert [(e["service"], e["data"]["from"]) for e in moved] == [("op/node", port)]
        home.run("message", "send", "op", "l1", "--body", "0x01", "--wait")


def test_named_port_taken_after_planning_is_a_conflict(home: Home) -> None:
    ports = write_spec(home)
    home.run("up", "net.yaml")
    sent = home.json("message", "send", "op", "arb", "--body", "0x01", "--wait")
    home.run("stop")
    with listener(ports["arb"]):
        done = home.run("up", "net.yaml", check=False)
        assert done.returncode == 4
        assert str(ports["arb"]) in done.stderr
        until(lambda: not home.nodes(), 3, "the others are stopped")
    home.run("up", "net.yaml")
    assert home.json("message", "trace", sent["id"])["state"] == "delivered"


def test_log_path_is_named_as_it_is(home: Home) -> None:
    write_spec(home)
    bad = anvil_but(home, "*--init*/nodes/arb/*) exit 9;;")
    done = home.run("up", "net.yaml", "--json", check=False, environment=bad)
    log = home.home / "devnets" / "net" / "nodes" / "arb" / "node.log"
    assert str(log) in done.stderr
    assert Path(log).exists()
