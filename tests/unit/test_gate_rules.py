"""Whom the gate before the nodes lets in, by the headers that clients and browsers send."""

import pytest

from control_plane.adapters.runtime.gate_process import (
    host_is_local,
    judge,
    last_request,
    parse_head,
    refusal,
)

SPEC = frozenset({"http://localhost:3000"})
LOCAL = "Host: 127.0.0.1:9545"
CHROME = "Sec-Fetch-Site: {}\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty"
UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket"


def verdict(first: str, *headers: str) -> str:
    head = "\r\n".join([first, *headers]).encode()
    return judge(*parse_head(head), SPEC)[0]


@pytest.mark.parametrize(
    ("expected", "first", "headers"),
    [
        # programs
        ("pipe", "POST / HTTP/1.1", [LOCAL, "Content-Type: application/json"]),
        ("pipe", "POST / HTTP/1.1", ["Host: localhost:9545"]),
        ("pipe", "POST / HTTP/1.0", []),
        ("pipe", "GET / HTTP/1.1", [LOCAL, UPGRADE]),
        ("once", "GET /eth/v1/beacon/genesis HTTP/1.1", [LOCAL]),
        # a page of another site
        ("refuse", "POST / HTTP/1.1", [LOCAL, "Origin: https://evil.example"]),
        ("refuse", "POST / HTTP/1.1", [LOCAL, "Origin: null"]),
        ("refuse", "OPTIONS / HTTP/1.1", [LOCAL, "Origin: https://evil.example"]),
        ("refuse", "GET / HTTP/1.1", [LOCAL, UPGRADE, "Origin: https://evil.example"]),
        ("refuse", "GET / HTTP/1.1", [LOCAL, CHROME.format("cross-site")]),
        ("refuse", "GET / HTTP/1.1", [LOCAL, CHROME.format("same-site")]),
        ("refuse", "POST / HTTP/1.1", [LOCAL, "Origin: http://localhost:3000.evil.example"]),
        ("refuse", "POST / HTTP/1.1", [LOCAL, "Origin: http://localhost:3001"]),
        ("refuse", "POST / HTTP/1.1", [LOCAL, "Origin: http://127.0.0.1:9545"]),
        # DNS rebinding: same-origin to the browser, so neither Origin on a GET nor a preflight
        ("refuse", "POST / HTTP/1.1", ["Host: evil.example", "Origin: http://evil.example"]),
        ("refuse", "GET / HTTP/1.1", ["Host: evil.example:9545", UPGRADE]),
        ("refuse", "POST / HTTP/1.1", ["Host: 127.0.0.1.evil.example"]),
        ("refuse", "POST / HTTP/1.1", ["Host: localhost.evil.example"]),
        # several, of which the node might read another one
        ("refuse", "POST / HTTP/1.1", [LOCAL, "Host: evil.example"]),
        ("refuse", "POST / HTTP/1.1", [LOCAL, "Origin: http://localhost:3000", "Origin: http://e"]),
        # an origin of the spec, a wallet, the address bar
        ("once", "POST / HTTP/1.1", [LOCAL, "Origin: http://localhost:3000"]),
        ("once", "OPTIONS / HTTP/1.1", [LOCAL, "Origin: http://localhost:3000"]),
        ("pipe", "GET / HTTP/1.1", [LOCAL, UPGRADE, "Origin: http://localhost:3000"]),
        ("once", "POST / HTTP/1.1", [LOCAL, "Origin: chrome-extension://nkbihfbeogaeaoeh"]),
        ("once", "GET / HTTP/1.1", [LOCAL, CHROME.format("none")]),
        (
            "once",
            "POST / HTTP/1.1",
            [LOCAL, "Origin: http://localhost:3000", CHROME.format("same-site")],
        ),
    ],
)
def test_judge(expected: str, first: str, headers: list[str]) -> None:
    assert verdict(first, *headers) == expected


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:8545", "localhost", "LOCALHOST:1", "[::1]:80", "[::1]", "127.9.8.7",
     "op.localhost:9545", "host.docker.internal:9545"],
)  # fmt: skip
def test_local_hosts(host: str) -> None:
    assert host_is_local(host)


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "127.0.0.1.nip.io", "1270.0.1", "128.0.0.1", "127.0.0.1e", "[::2]",
     "localhost.", "notlocalhost", "x@127.0.0.1", "127.0.0.1@evil.example"],
)  # fmt: skip
def test_foreign_hosts(host: str) -> None:
    assert not host_is_local(host)


@pytest.mark.parametrize(
    "head", ["PRI * HTTP/2.0", "nonsense", "POST / HTTP/1.1\r\n folded: x", "POST / HTTP/1.1\r\nx"]
)
def test_heads_that_are_none(head: str) -> None:
    with pytest.raises(ValueError, match=r"not|unpack"):
        parse_head(head.encode())


def test_last_request_asks_for_the_end_once() -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5"
    assert last_request(head) == b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close"


def test_refusal_cannot_be_split_by_what_it_quotes() -> None:
    answer = refusal('origin "x"\r\nAccess-Control-Allow-Origin: * is')
    head, body = answer.split(b"\r\n\r\n", 1)
    assert b"Access-Control" not in head
    assert f"Content-Length: {len(body)}".encode() in head
