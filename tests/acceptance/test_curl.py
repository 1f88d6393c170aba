"""curl alone creates a devnet, follows its events, resumes them, and deletes it."""

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.world import World, new_world, spec, until

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def daemon() -> Iterator[World]:
    with new_world() as made:
        made.run("ls")  # starts the daemon
        yield made


def curl(world: World, path: str, *arguments: str, seconds: int = 60) -> str:
    """What curl prints: body, or headers and body with ``-i``."""
    url = f"http://127.0.0.1:{world.daemon()['port']}{path}"
    done = subprocess.run(
        ["curl", "-sS", "--max-time", str(seconds), *arguments, url],
        capture_output=True,
        text=True,
        timeout=seconds + 10,
        check=False,
    )
    assert done.returncode in {0, 28}, done.stderr  # 28: a stream that never ends
    return done.stdout


def post(world: World, path: str, body: dict[str, Any], key: str) -> str:
    headers = ["-H", "content-type: application/json", "-H", f"idempotency-key: {key}"]
    return curl(world, path, "-i", "-X", "POST", *headers, "-d", json.dumps(body))


def ids(stream: str) -> list[int]:
    """Ids of the events in a stream; a block without data only says where the stream stands."""
    blocks = [block for block in stream.split("\n\n") if re.search("^data:", block, re.MULTILINE)]
    return [int(found) for block in blocks for found in re.findall(r"(?m)^id: ?(\d+)", block)]


def test_curl_creates_follows_resumes_and_deletes(daemon: World) -> None:
    body = {"source": spec("shop", ("op",))}
    created = post(daemon, "/v1/devnets", body, "first")
    assert " 202 " in created.splitlines()[0]
    assert re.search(r"(?im)^location: .*/v1/devnets/shop", created)
    assert " 202 " in post(daemon, "/v1/devnets", body, "first").splitlines()[0]
    other = post(daemon, "/v1/devnets", {"template": "minimal"}, "first").splitlines()[0]
    assert " 409 " in other or " 422 " in other

    def state() -> str:
        return str(json.loads(curl(daemon, "/v1/devnets/shop"))["state"])

    until(lambda: state() == "ready", 30, "shop is ready")
    events = curl(daemon, "/v1/devnets/shop/events", "-N", seconds=2)
    seen = ids(events)
    assert "event: devnet.ready" in events.replace("event:devnet", "event: devnet")
    assert seen == sorted(set(seen))
    middle = seen[len(seen) // 2]
    resumed = ids(
        curl(daemon, "/v1/devnets/shop/events", "-N", "-H", f"Last-Event-ID: {middle}", seconds=2)
    )
    assert [i for i in seen if i > middle] == resumed[: len([i for i in seen if i > middle])]
    gone = curl(daemon, "/v1/devnets/shop?wait=true", "-i", "-X", "DELETE").splitlines()[0]
    assert " 204 " in gone or " 202 " in gone
    until(lambda: '"status":404' in curl(daemon, "/v1/devnets/shop").replace(" ", ""), 10, "gone")


def test_errors_are_problem_documents(daemon: World) -> None:
    answer = curl(daemon, "/v1/devnets/nope", "-i")
    assert "application/problem+json" in answer
    problem = json.loads(answer[answer.index("{") :])
    assert (problem["status"], problem["type"]) == (404, "urn:caldera:problem:not-found")
    bad = post(
        daemon, "/v1/devnets", {"source": "version: 1\nrollups: [{name: A}, {nam: b}]"}, "bad"
    )
    problem = json.loads(bad[bad.index("{") :])
    assert problem["status"] == 422
    assert len(problem["errors"]) >= 2
