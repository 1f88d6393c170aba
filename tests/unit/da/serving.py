"""Stand-ins to ask: in this process, or in one of their own that can be killed."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import uvicorn
from starlette.applications import Starlette

from control_plane.adapters.da.http import Service


@asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[str]:
    """The URL of `app`."""
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, http="h11", ws="none", lifespan="off", log_config=None)
    )
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.005)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


@contextmanager
def process(service: str, directory: Path, *options: str) -> Iterator[str]:
    """The URL of the program; killed without notice at the end."""
    command = [sys.executable, "-m", "control_plane.da_server", service]
    with Popen([*command, "--directory", os.fspath(directory), *options], stdout=PIPE) as child:
        try:
            assert child.stdout is not None
            said = child.stdout.readline().decode()
            assert said.startswith("listening on "), said
            yield said.split()[-1]
        finally:
            child.send_signal(signal.SIGKILL)


async def break_(url: str, directory: Path, commitment: bytes | None, fault: str | None) -> int:
    """Status of asking for a fault, None: at everything."""
    token = (directory / "admin.token").read_text()
    admin = Service("admin", url, headers={"Authorization": f"Bearer {token}"})
    named = "*" if commitment is None else "0x" + commitment.hex()
    asked: dict[str, Any] = {"commitment": named, "fault": fault}
    status, _ = await admin.ask("POST", "/admin/faults", json.dumps(asked).encode())
    return status
