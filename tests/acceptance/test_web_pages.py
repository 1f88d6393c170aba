"""A web page of another origin reaches neither the nodes nor the control plane."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.acceptance.world import World

pytestmark = pytest.mark.e2e

PAGE = {
    "Origin": "https://evil.example",
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "no-cors",
}
MINE = b'{"jsonrpc":"2.0","id":1,"method":"evm_mine","params":[]}'


def attempt(url: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@pytest.mark.parametrize("kind", ["text/plain", "application/json"])
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example"]
)
def test_page_can_not_drive_a_node(status: dict[str, Any], kind: str, origin: str) -> None:
    for one in [status["l1"], *status["rollups"]]:
        code, _ = attempt(one["rpc_url"], MINE, PAGE | {"Origin": origin, "Content-Type": kind})
        assert code == 403


def test_page_can_not_open_a_socket_to_a_node(status: dict[str, Any]) -> None:
    import websockets.sync.client
    from websockets.exceptions import InvalidStatus
    from websockets.typing import Origin

    with pytest.raises(InvalidStatus) as refused:
        websockets.sync.client.connect(
            status["rollups"][0]["ws_url"],
            origin=Origin("https://evil.example"),
        )
    assert refused.value.response.status_code == 403


def test_rebound_name_reaches_nothing(world: World, status: dict[str, Any]) -> None:
    port = world.daemon()["port"]
    for url in (status["l1"]["rpc_url"], f"http://127.0.0.1:{port}/v1/devnets"):
        code, _ = attempt(url, None if "/v1" in url else MINE, {"Host": "rebound.example"})
        assert code in {400, 403, 421}


def test_page_can_not_drive_the_control_plane(world: World) -> None:
    port = world.daemon()["port"]
    body = json.dumps({"template": "minimal"}).encode()
    for kind in ("text/plain", "application/json"):
        code, answer = attempt(
            f"http://127.0.0.1:{port}/v1/devnets", body, PAGE | {"Content-Type": kind}
        )
        assert code == 403, answer


def test_programs_are_served(status: dict[str, Any]) -> None:
    block = b'{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}'
    code, answer = attempt(status["l1"]["rpc_url"], block, {"Content-Type": "application/json"})
    assert (code, "result" in json.loads(answer)) == (200, True)
