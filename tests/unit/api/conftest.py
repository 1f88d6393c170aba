import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from control_plane.api.app import create_app, guarded
from control_plane.api.asgi import App, over_socket
from control_plane.settings import Settings
from tests.unit.api.fakes import FakeRunning, fake_running


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path, origins=("http://localhost:3000",))


@pytest_asyncio.fixture
async def running(tmp_path: Path) -> AsyncIterator[FakeRunning]:
    made = fake_running(tmp_path)
    yield made
    await made.close()
    await asyncio.sleep(0)


@pytest.fixture
def app(running: FakeRunning, settings: Settings) -> App:
    return guarded(create_app(running.services, settings), settings)


@pytest_asyncio.fixture
async def client(app: App) -> AsyncIterator[httpx.AsyncClient]:
    """As a program that talks to the TCP port."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8420") as made:
        yield made


@pytest_asyncio.fixture
async def socket_client(app: App) -> AsyncIterator[httpx.AsyncClient]:
    """As a program that talks to the Unix socket."""
    transport = httpx.ASGITransport(over_socket(app), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://daemon") as made:
        yield made
