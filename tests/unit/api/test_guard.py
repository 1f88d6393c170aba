"""Browsers of other pages are refused, programs are not. Headers are those that browsers send."""

import httpx
import pytest

from control_plane.api.guard import host_name

EVIL = "https://evil.example"

REFUSED = {
    "fetch from another site": {"origin": EVIL, "sec-fetch-site": "cross-site"},
    "form from another site": {
        "origin": EVIL,
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "navigate",
        "content-type": "text/plain",
    },
    "sandboxed frame, file, redirect": {"origin": "null"},
    "another port of this machine": {
        "origin": "http://localhost:5173",
        "sec-fetch-site": "same-site",
    },
    "image or script tag": {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
    "no-cors from another port": {"sec-fetch-site": "same-site"},
    "https page of our host": {"origin": "https://127.0.0.1:8420"},
    "two origins": {"origin": f"http://127.0.0.1:8420, {EVIL}"},
    "rebinding": {"host": "evil.example:8420"},
    "rebinding with our address in it": {"host": "127.0.0.1.evil.example"},
    "rebinding, same origin": {"host": "evil.example", "origin": "http://evil.example"},
    "host with a user": {"host": "127.0.0.1@evil.example"},
    "empty host": {"host": ""},
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE", "OPTIONS", "HEAD"])
async def test_refuses(client: httpx.AsyncClient, name: str, method: str) -> None:
    response = await client.request(
        method, "/v1/devnets", headers=REFUSED[name], content=b"{}" if method == "POST" else None
    )
    assert response.status_code == 403
    assert "access-control-allow-origin" not in response.headers
    listed = await client.get("/v1/devnets")
    assert listed.json() == []


ALLOWED = {
    "a program": {},
    "typed by the user": {"sec-fetch-site": "none", "sec-fetch-mode": "navigate"},
    "our own page": {"origin": "http://127.0.0.1:8420", "sec-fetch-site": "same-origin"},
    "a forwarded port": {"host": "localhost:9999", "origin": "http://localhost:9999"},
    "IPv6": {"host": "[::1]:8420"},
    "host in capitals": {"host": "LOCALHOST:8420"},
}


@pytest.mark.parametrize("name", ALLOWED)
async def test_allows(client: httpx.AsyncClient, name: str) -> None:
    response = await client.get("/v1/devnets", headers=ALLOWED[name])
    assert response.status_code == 200
    assert "access-control-allow-origin" not in response.headers
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_a_named_origin_gets_cors(client: httpx.AsyncClient) -> None:
    named = {"origin": "http://localhost:3000", "sec-fetch-site": "same-site"}
    response = await client.get("/v1/devnets", headers=named)
    assert response.headers["access-control-allow-origin"] == "http://localhost:3000"
    asked = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,idempotency-key",
    }
    preflight = await client.options("/v1/devnets", headers=named | asked)
    assert preflight.status_code == 200
    assert "POST" in preflight.headers["access-control-allow-methods"]


async def test_over_the_socket_any_host_but_no_foreign_origin(
    socket_client: httpx.AsyncClient,
) -> None:
    assert (await socket_client.get("/health", headers={"host": "d"})).status_code == 200
    assert (await socket_client.get("/health", headers={"origin": EVIL})).status_code == 403


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("localhost", "localhost"),
        ("Localhost:1", "localhost"),
        ("[::1]:80", "[::1]"),
        ("[::1]", "[::1]"),
        ("a:b", None),
        ("a:1:2", None),
        ("[::1]x", None),
        (":80", None),
        ("a:", None),
        ("", None),
    ],
)
def test_host_names(host: str, name: str | None) -> None:
    assert host_name(host) == name
