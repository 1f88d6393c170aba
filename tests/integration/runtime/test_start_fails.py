"""Nodes that do not start, and programs that misbehave: what is told, and that nothing is left."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from control_plane.adapters.engine.anvil import AnvilEngine
from control_plane.adapters.runtime.gate import Gate
from control_plane.adapters.runtime.http import NodeHttp
from control_plane.adapters.runtime.ports import holder, is_taken, taken_ports
from control_plane.adapters.runtime.process import ProcessRuntime
from control_plane.domain.errors import (
    Conflict,
    DeadlineExceeded,
    MissingDependency,
    ServiceFailed,
    StorageFailed,
)
from control_plane.domain.ports.node import NodeSpec
from tests.disks import small_disk
from tests.nodes import anvil_runtime, free_port, make_plan, make_specs, processes_below, script

pytestmark = pytest.mark.integration


async def test_taken_port_is_a_conflict_that_names_the_holder(
    runtime: ProcessRuntime, anvil: Path, spec: NodeSpec, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", spec.chain.port)):
        for starter in (runtime, anvil_runtime(anvil)):
            with pytest.raises(Conflict, match=f"Port {spec.chain.port} is in use") as caught:
                await starter.start_node(spec)
            assert str(os.getpid()) in caught.value.detail
    assert not [line for line in processes_below(tmp_path) if "anvil" in line]


def test_ports() -> None:
    free = free_port()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert taken_ports([port, free]) == {port}
        assert str(os.getpid()) in (holder(port) or "")
    assert taken_ports([port]) == set()
    assert holder(free) is None
    with socket.create_server(("0.0.0.0", 0)) as server:
        assert is_taken(server.getsockname()[1])


async def test_port_with_lingering_connections_is_free(
    runtime: ProcessRuntime, spec: NodeSpec
) -> None:
    for _ in range(2):
        handle = await runtime.start_node(spec)
        lingering = await NodeHttp.connect("127.0.0.1", handle.port)
        await runtime.stop_node(handle)
        await lingering.close()
        assert not is_taken(handle.port)


async def test_missing_binary(gate: Gate, spec: NodeSpec, tmp_path: Path) -> None:
    runtime = anvil_runtime(tmp_path / "no-such-anvil", gate)
    with pytest.raises(MissingDependency, match="no-such-anvil"):
        await runtime.start_node(spec)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("not a program at all", "Exec format error"),
        ("#!/no/such/shell\n", "no program"),
        ("#!/bin/sh\necho unknown option >&2; exit 2\n", "unknown option"),
        ("#!/bin/sh\nexit 0\n", "said nothing"),
    ],
)
async def test_wrong_binary(
    gate: Gate, spec: NodeSpec, tmp_path: Path, text: str, told: str
) -> None:
    program = script(tmp_path / "wrong", text)
    runtime = anvil_runtime(program, gate)
    started = time.monotonic()
    with pytest.raises((ServiceFailed, MissingDependency)) as caught:
        await runtime.start_node(spec)
    assert time.monotonic() - started < 3
    assert told in caught.value.detail
    if isinstance(caught.value, ServiceFailed):
        assert caught.value.command[0] == str(program)
        assert caught.value.log == str(spec.directory / "node.log")
    assert not is_taken(spec.chain.port)


async def test_only_the_lines_of_this_start_are_told(
    gate: Gate, spec: NodeSpec, tmp_path: Path
) -> None:
    program = script(tmp_path / "wrong", "#!/bin/sh\necho line; echo $$; exit 3\n")
    runtime = anvil_runtime(program, gate)
    for _ in range(2):
        with pytest.raises(ServiceFailed) as caught:
            await runtime.start_node(spec)
        assert len(caught.value.last_lines) == 2


async def test_binary_that_never_answers(gate: Gate, spec: NodeSpec, tmp_path: Path) -> None:
    program = script(tmp_path / "mute", "#!/bin/sh\necho waiting\nexec sleep 60\n")
    runtime = anvil_runtime(program, gate, start_deadline=0.5)
    with pytest.raises(DeadlineExceeded) as caught:
        await runtime.start_node(spec)
    assert "node.log" in caught.value.detail
    assert "waiting" in caught.value.detail
    assert not [line for line in processes_below(tmp_path) if "sleep" in line]


async def test_answer_of_another_chain_is_a_conflict(
    gate: Gate, anvil: Path, spec: NodeSpec, tmp_path: Path
) -> None:
    text = (
        f"#!{sys.executable}\nimport os, sys\n"
        "arguments = sys.argv[1:]\n"
        "arguments[arguments.index('--chain-id') + 1] = '4242'\n"
        f"os.execv({str(anvil)!r}, ['anvil', *arguments])\n"
    )
    other = script(tmp_path / "other", text)
    runtime = anvil_runtime(other, gate)
    with pytest.raises(Conflict, match="another chain") as caught:
        await runtime.start_node(spec)
    assert "4242" in caught.value.detail
    assert not is_taken(spec.chain.port)


async def test_cancelled_start_leaves_nothing(
    runtime: ProcessRuntime, spec: NodeSpec, tmp_path: Path
) -> None:
    for after in (0.0, 0.005, 0.02, 0.05):
        task = asyncio.create_task(runtime.start_node(spec))
        await asyncio.sleep(after)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled():
            await runtime.stop_node(task.result())
        assert not [line for line in processes_below(tmp_path) if "anvil" in line]


async def test_genesis_that_anvil_refuses(runtime: ProcessRuntime, spec: NodeSpec) -> None:
    spec.genesis.write_text('{"alloc": 5}')
    with pytest.raises(ServiceFailed, match="exited while starting") as caught:
        await runtime.start_node(spec)
    assert caught.value.last_lines
    spec.genesis.unlink()
    with pytest.raises(StorageFailed, match=r"genesis\.json"):
        await runtime.start_node(spec)


async def test_full_disk_and_read_only_disk(
    runtime: ProcessRuntime, engine: AnvilEngine, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "small", kilobytes=256) as disk:
        spec = make_specs(make_plan(), disk, engine)[0]
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)  # noqa: ASYNC221
        with pytest.raises(StorageFailed, match="Read-only"):
            await runtime.start_node(spec)
        assert not processes_below(disk)
