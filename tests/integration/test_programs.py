"""Programs as processes: started, taken over, replaced, ended; with a small HTTP server."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from control_plane.adapters.runtime.identity import is_alive, processes_with
from control_plane.adapters.runtime.programs import RECORD, ProcessPrograms
from control_plane.agents.program import program_agents
from control_plane.domain.errors import DeadlineExceeded, ServiceFailed
from control_plane.domain.ids import ServiceName
from control_plane.domain.ports.program import ProgramHandle, ProgramSpec
from control_plane.domain.states import ServiceState
from control_plane.services.supervisor import Supervisor
from tests.nodes import free_port, gone, kill

pytestmark = pytest.mark.integration


def make_programs(seconds: float = 20) -> ProcessPrograms:
    return ProcessPrograms(lambda _: Path(sys.executable), start_deadline=seconds)


@pytest.fixture
async def programs(tmp_path: Path) -> AsyncIterator[ProcessPrograms]:
    made = make_programs()
    yield made
    await made.end_below(tmp_path)


def make_spec(home: Path, name: str = "server", needs: tuple[str, ...] = ()) -> ProgramSpec:
    """A server of the files of its own directory."""
    directory, port = home / name, free_port()
    return ProgramSpec(
        service=ServiceName(f"op/{name}"),
        program="python",
        arguments=(
            *("-m", "http.server", str(port), "--bind", "127.0.0.1"),
            *("--directory", str(directory)),
        ),
        directory=directory,
        log=home / "logs" / f"{name}.log",
        host="127.0.0.1",
        port=port,
        question="/",
        environment={"SERVER_KEY": "0xsecret"},
        needs=tuple(ServiceName(need) for need in needs),
    )


def alive(handle: ProgramHandle) -> bool:
    return is_alive(handle.pid, handle.identity)


async def test_runs_until_it_is_stopped(programs: ProcessPrograms, tmp_path: Path) -> None:
    handle = await programs.start(make_spec(tmp_path))
    assert alive(handle)
    await programs.stop(handle)
    assert not alive(handle)
    assert not (handle.spec.directory / RECORD).exists()
    await programs.stop(handle)


async def test_its_secrets_are_in_its_environment_alone(
    programs: ProcessPrograms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALDERA_DATABASE_URL", "postgresql://with-a-password")
    monkeypatch.setenv("OP_NODE_L1", "of the user's shell")
    handle = await programs.start(make_spec(tmp_path))
    environment = (Path("/proc") / str(handle.pid) / "environ").read_text()
    assert "SERVER_KEY=0xsecret" in environment
    assert "CALDERA_" not in environment
    assert "OP_NODE_L1" not in environment
    written = (handle.spec.directory / RECORD).read_text()
    assert "0xsecret" not in written + " ".join(handle.command)


async def test_one_that_runs_is_taken_over_by_whoever_comes_next(
    programs: ProcessPrograms, tmp_path: Path
) -> None:
    spec = make_spec(tmp_path)
    first = await programs.start(spec)
    assert (await programs.start(spec)).pid == first.pid
    adopted = await make_programs().start(spec)
    assert (adopted.pid, adopted.identity) == (first.pid, first.identity)
    await make_programs().stop(adopted)
    assert not alive(first)


async def test_one_that_is_wanted_differently_is_replaced(
    programs: ProcessPrograms, tmp_path: Path
) -> None:
    spec = make_spec(tmp_path)
    first = await programs.start(spec)
    second = await programs.start(replace(spec, environment={"SERVER_KEY": "0xother"}))
    assert second.pid != first.pid
    assert not alive(first)


async def test_one_that_nobody_wrote_down_is_found(
    programs: ProcessPrograms, tmp_path: Path
) -> None:
    spec = make_spec(tmp_path)
    lost = await programs.start(spec)
    (spec.directory / RECORD).write_text("{}")
    found = await programs.start(spec)
    assert not alive(lost)
    (spec.directory / RECORD).write_text("{}")
    assert await programs.end_below(tmp_path) == 1
    assert not alive(found)


async def test_somebody_s_tool_on_its_directory_is_left_alone(
    programs: ProcessPrograms, tmp_path: Path
) -> None:
    spec = make_spec(tmp_path)
    handle = await programs.start(spec)
    tool = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import time; time.sleep(60)", str(spec.directory)
    )
    try:
        assert await programs.end_below(tmp_path) == 1
        assert not alive(handle)
        assert tool.returncode is None
    finally:
        tool.kill()
        await tool.wait()


async def test_one_that_exits_tells_its_last_words(
    programs: ProcessPrograms, tmp_path: Path
) -> None:
    spec = replace(make_spec(tmp_path), arguments=("-c", "raise SystemExit('no such flag')", "x"))
    spec = replace(spec, arguments=(*spec.arguments[:2], str(spec.directory)))
    with pytest.raises(ServiceFailed, match="no such flag") as caught:
        await programs.start(spec)
    assert caught.value.log == str(spec.log)
    assert "no such flag" in caught.value.last_lines


async def test_one_that_never_answers_is_ended(tmp_path: Path) -> None:
    spec = replace(make_spec(tmp_path), question="/not-there")
    with pytest.raises(DeadlineExceeded, match="did not answer"):
        await make_programs(0.5).start(spec)
    assert not list(processes_with(str(spec.directory)))


async def test_a_cancelled_start_leaves_nothing(tmp_path: Path) -> None:
    spec = replace(make_spec(tmp_path), question="/not-there")
    task = asyncio.create_task(make_programs().start(spec))
    while not list(processes_with(str(spec.directory))):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert not list(processes_with(str(spec.directory)))


async def test_its_end_is_noticed_at_once(programs: ProcessPrograms, tmp_path: Path) -> None:
    handle = await programs.start(make_spec(tmp_path))
    waiting = asyncio.create_task(make_programs().wait_exit(handle))
    await asyncio.sleep(0.05)
    began = time.monotonic()
    kill(handle.pid)
    await asyncio.wait_for(waiting, 5)
    assert time.monotonic() - began < 1
    await gone(handle.pid)


async def test_agents_start_in_order_are_kept_and_end_with_the_supervisor(
    programs: ProcessPrograms, tmp_path: Path
) -> None:
    specs = [make_spec(tmp_path, "first"), make_spec(tmp_path, "second", ("op/first",))]
    supervisor = Supervisor()
    await supervisor.start(program_agents(specs, programs))
    try:
        await supervisor.wait_ready(20)
        pid = json.loads((specs[0].directory / RECORD).read_text())["pid"]
        os.kill(pid, 9)

        def back() -> bool:
            view = next(v for v in supervisor.views() if v.name == "op/first")
            return view.restarts == 1 and view.state is ServiceState.READY

        async with asyncio.timeout(20):
            while not back():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    finally:
        await supervisor.stop()
    assert await programs.end_below(tmp_path) == 0
