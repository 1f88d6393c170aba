"""Whatever the OpenAPI document allows or forbids, a live API answers as it says.

The control plane behind it runs nothing, so that thousands of requests cost seconds. Streams
that never end are asked for as lists, logs without following.
"""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from control_plane.api.app import create_app
from control_plane.schemas import paths
from control_plane.settings import Settings
from tests.integration.api.conftest import DEADLINE, ROOT, answers, wait_until
from tests.unit.api.fakes import fake_running

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("schemathesis")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.api.fake_daemon", "--home", home, "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: answers(home), "the daemon")
        yield f"http://127.0.0.1:{_port(home)}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(DEADLINE)


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url) as made:
        yield made


def _port(home: Path) -> int:
    return int(json.loads(paths.info_path(home).read_text())["port"])


def _document() -> dict[str, Any]:
    """The document itself is made here, so that every operation is a test of its own."""

    async def document() -> dict[str, Any]:
        home = Path()
        return create_app(fake_running(home).services, Settings(home)).openapi()

    return asyncio.run(document())


schema = schemathesis.openapi.from_dict(_document())


def test_the_live_document_is_the_same(url: str) -> None:
    assert httpx.get(f"{url}/openapi.json").json() == _document()


@schema.parametrize()
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_every_operation_keeps_its_word(
    case: "schemathesis.Case[Any]", client: httpx.Client, url: str
) -> None:
    if client.get("/v1/devnets/default").status_code == 404:
        client.post("/v1/devnets", json={"name": "default"}).raise_for_status()
    if "follow" in case.query:
        case.query["follow"] = "false"
    case.call_and_validate(base_url=url, headers={"Accept": "application/json"}, timeout=DEADLINE)
