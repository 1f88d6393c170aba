import socket
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caldera_cli import wire
from caldera_cli.client import Client, Event
from caldera_cli.errors import FAILED, TIMED_OUT, CliError
from tests.unit.cli.scripted import Play, says, server

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def fetch(where: Path, timeout: float = 5.0) -> bytes:
    with wire.send(where, "GET", "/", {}, None, timeout) as answer:
        return answer.read()


def answer_to(*parts: bytes) -> bytes:
    with server(says(*parts)) as (where, _):
        return fetch(where)


# ---------------------------------------------------------------- bodies


def test_a_body_of_known_length() -> None:
    assert answer_to(OK + b"content-length: 5\r\n\r\nhello") == b"hello"


def test_what_comes_after_the_body_is_not_part_of_it() -> None:
    assert answer_to(OK + b"Content-Length: 5\r\n\r\nhe", b"llo, world") == b"hello"


def test_a_body_up_to_the_end() -> None:
    assert answer_to(OK + b"\r\nhel", b"lo") == b"hello"


def test_an_answer_without_a_body() -> None:
    assert answer_to(b"HTTP/1.1 204 No Content\r\n\r\n") == b""


def test_chunks() -> None:
    parts = (CHUNKED, b"5\r\nhello\r\n", b"7;name=value\r\n, world\r\n", b"0\r\nTrailer: x\r\n\r\n")
    assert answer_to(*parts) == b"hello, world"


def test_chunks_that_are_cut_anywhere() -> None:
    whole = CHUNKED + b"5\r\nhello\r\n1A\r\n" + b"x" * 26 + b"\r\n0\r\n\r\n"
    assert answer_to(*(bytes([byte]) for byte in whole)) == b"hello" + b"x" * 26


@settings(max_examples=25, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=300), max_size=20), st.integers(1, 400))
def test_any_chunks_cut_anyhow(chunks: list[bytes], cut: int) -> None:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    whole = CHUNKED + body + b"0\r\n\r\n"
    parts = [whole[at : at + cut] for at in range(0, len(whole), cut)]
    assert answer_to(*parts) == b"".join(chunks)


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 300_000, 5_000_000])
def test_large_bodies(size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    head = b"Content-Length: %d\r\n\r\n" % size
    assert answer_to(OK + head + body[:size]) == body[:size]
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(part), part)
        for part in (body[at : min(at + 70_001, size)] for at in range(0, size, 70_001))
    )
    assert answer_to(CHUNKED + chunks + b"0\r\n\r\n") == body[:size]


def test_an_announcement_precedes_the_answer() -> None:
    announced = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    assert answer_to(announced, OK + b"Content-Length: 2\r\n\r\nok") == b"ok"


# ---------------------------------------------------------------- lines


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_lines_over_chunk_boundaries(end: bytes) -> None:
    body = end.join([b"one", b"", b"t\xc3\xa4o", b"three"])
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    with (
        server(says(CHUNKED + chunks + b"0\r\n\r\n")) as (where, _),
        wire.send(where, "GET", "/", {}, None, 5) as answer,
    ):
        assert list(answer.lines()) == [b"one", b"", b"t\xc3\xa4o", b"three"]


def test_a_line_comes_when_it_is_complete() -> None:
    told = threading.Event()

    def play(connection: socket.socket) -> None:
        connection.sendall(CHUNKED + b"6\r\none\ntw\r\n")
        assert told.wait(5)
        connection.sendall(b"2\r\no\n\r\n0\r\n\r\n")

    with server(play) as (where, _), wire.send(where, "GET", "/", {}, None, 5) as answer:
        lines = answer.lines()
        assert next(lines) == b"one"
        told.set()
        assert list(lines) == [b"two"]


# ---------------------------------------------------------------- what goes wrong

TRUNCATED = {
    "nothing": b"",
    "head": b"HTTP/1.1 200 OK\r\nContent-",
    "known length": OK + b"Content-Length: 10\r\n\r\nhello",
    "size": CHUNKED + b"5\r\nhello\r\n5",
    "chunk": CHUNKED + b"a\r\nhello",
    "end of chunk": CHUNKED + b"5\r\nhello",
    "no last chunk": CHUNKED + b"5\r\nhello\r\n",
    "trailers": CHUNKED + b"5\r\nhello\r\n0\r\n",
}
MALFORMED = {
    "other protocol": b"SSH-2.0-OpenSSH_9\r\n\r\n",
    "no code": b"HTTP/1.1 OK\r\n\r\n",
    "field": OK + b"no colon\r\n\r\n",
    "folded": OK + b"A: b\r\n c\r\n\r\n",
    "length": OK + b"Content-Length: five\r\n\r\nhello",
    "negative": OK + b"Content-Length: -5\r\n\r\nhello",
    "underscored": OK + b"Content-Length: 1_0\r\n\r\nhello",
    "chunk size": CHUNKED + b"xyz\r\nhello\r\n",
    "no chunk size": CHUNKED + b"\r\nhello\r\n",
    "longer chunk": CHUNKED + b"5\r\nhello, world\r\n",
    "coding": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    "endless head": OK + b"A: " + b"a" * 70_000,
    "endless size": CHUNKED + b"1" * 3000,
}


@pytest.mark.parametrize("case", TRUNCATED)
def test_truncated(case: str) -> None:
    with pytest.raises(wire.Truncated):
        answer_to(TRUNCATED[case])


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed(case: str) -> None:
    with pytest.raises(wire.Malformed):
        answer_to(MALFORMED[case])


def waits(*parts: bytes) -> Play:
    """Say the parts, then nothing until the other side is gone."""

    def play(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)
        connection.recv(1)

    return play


@pytest.mark.parametrize("said", [b"", OK, CHUNKED + b"5\r\nhel"])
def test_the_deadline_is_for_all_of_the_answer(said: bytes) -> None:
    with server(waits(said)) as (where, _):
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            fetch(where, timeout=0.2)
        assert time.monotonic() - started < 2


def test_drops_do_not_put_the_deadline_off() -> None:
    def play(connection: socket.socket) -> None:
        connection.sendall(OK + b"\r\n")
        stop = time.monotonic() + 5
        try:
            while time.monotonic() < stop:
                connection.sendall(b".")
                time.sleep(0.02)
        except OSError:
            pass

    with server(play) as (where, _), pytest.raises(TimeoutError):
        fetch(where, timeout=0.3)


def test_a_patient_reader_minds_silence_only() -> None:
    def play(connection: socket.socket) -> None:
        connection.sendall(OK + b"\r\n")
        for _ in range(8):
            connection.sendall(b".\n")
            time.sleep(0.05)
        connection.recv(1)

    with server(play) as (where, _), wire.send(where, "GET", "/", {}, None, 0.2) as answer:
        answer.patient(0.3)
        lines = answer.lines()
        assert [next(lines) for _ in range(8)] == [b"."] * 8
        with pytest.raises(TimeoutError):
            next(lines)


def test_a_socket_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        fetch(tmp_path / "none")


def test_an_answer_before_the_request_was_read() -> None:
    """As a server does that refuses a body for its size."""

    def play(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")

    with (
        server(play) as (where, _),
        wire.send(where, "POST", "/", {}, b"x" * 10_000_000, 5) as answer,
    ):
        assert answer.status == 413


@pytest.mark.parametrize(
    ("target", "headers"), [("/a\r\nEvil: 1", {}), ("/", {"A": "b\nEvil: 1"}), ("/\u00e4", {})]
)
def test_a_head_cannot_be_broken(target: str, headers: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"head|ascii"):
        wire.send(tmp_path / "none", "GET", target, headers, None, 1)


# ---------------------------------------------------------------- through the client


def test_a_request_as_it_goes_out() -> None:
    with server(says(OK + b"Content-Length: 4\r\n\r\nnull")) as (where, requests):
        assert (
            Client(where).get("/v1/x", {"since": "2026-01-01T00:00:00+00:00", "no": None}) is None
        )
    head, *fields = requests[0].decode().split("\r\n")
    assert head == "GET /v1/x?since=2026-01-01T00%3A00%3A00%2B00%3A00 HTTP/1.1"
    assert set(fields) >= {"Host: localhost", "Connection: close", "Accept: application/json"}


def test_posts_have_keys_of_their_own() -> None:
    play = says(OK + b"Content-Length: 2\r\n\r\n{}")
    with server(play, play) as (where, requests):
        for _ in range(2):
            Client(where).post("/v1/x", {"a": 1})
    keys = [
        line
        for request in requests
        for line in request.decode().split("\r\n")
        if line.startswith("Idempotency-Key: ")
    ]
    assert len(set(keys)) == 2
    assert "Content-Length: 8" in requests[0].decode()


@pytest.mark.parametrize("case", [*TRUNCATED, *MALFORMED])
def test_a_broken_answer_is_one_clear_error(case: str) -> None:
    with (
        server(says((TRUNCATED | MALFORMED)[case])) as (where, _),
        pytest.raises(CliError) as caught,
    ):
        Client(where).get("/v1/x")
    ended = case in TRUNCATED
    assert caught.value.title == (
        "The daemon ended before it had answered" if ended else "The daemon does not answer"
    )
    assert caught.value.code == FAILED
    assert "daemon.log" in caught.value.hint


def test_a_late_answer_says_what_was_asked() -> None:
    with (
        server(waits()) as (where, _),
        pytest.raises(CliError, match=r"DELETE /v1/x, after 0.1 s") as caught,
    ):
        Client(where).delete("/v1/x", {"wait": True}, timeout=0.1)
    assert caught.value.code == TIMED_OUT


def test_no_json_is_an_error() -> None:
    with (
        server(says(OK + b"Content-Length: 6\r\n\r\n<html>")) as (where, _),
        pytest.raises(CliError, match="can't be read"),
    ):
        Client(where).get("/v1/x")


def test_events_out_of_a_stream() -> None:
    text = (
        "retry: 1000\nid: 4\n\n"
        ": still here\n\n"
        'id: 5\nevent: tick\ndata: {"text":\ndata: "ä"}\n\n'
        'event: cut off\ndata: {"never'
    )
    body = text.encode()
    play = says(CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
    with server(play) as (where, requests), Client(where).events("shop", tail=0) as events:
        found = list(events)
    assert found == [Event("4", "", {}), Event("", "", {}), Event("5", "tick", {"text": "ä"})]
    assert requests[0].startswith(b"GET /v1/devnets/shop/events?tail=0 HTTP/1.1\r\n")


def test_a_daemon_that_is_gone_in_the_middle_of_a_stream() -> None:
    with (
        server(says(CHUNKED + b"5\r\n: a\n\n\r\n")) as (where, _),
        pytest.raises(CliError, match="ended before"),
        Client(where).events("shop") as events,
    ):
        list(events)


def test_a_reader_that_fails_is_not_the_daemons_fault() -> None:
    def read(where: Path) -> None:
        with Client(where).events("shop") as events:
            next(events)
            raise BrokenPipeError

    with server(waits(CHUNKED + b"5\r\n: a\n\n\r\n")) as (where, _), pytest.raises(BrokenPipeError):
        read(where)
