"""The server beside an agent, and guardians asked through it."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from control_plane.adapters.alone.address import Address
from control_plane.adapters.alone.attest import PATH, RemoteAttester, signing
from control_plane.adapters.alone.http import AgentApp, Health, serving
from control_plane.domain.errors import Conflict, StorageFailed
from control_plane.domain.formats import EpochHeader, Leaf
from control_plane.domain.hub import Standing
from control_plane.domain.ids import Domain
from control_plane.domain.ports.metalayer import Refusal
from control_plane.domain.reads import Answer
from tests.nodes import free_port

TOKEN = bytes(range(32))
LEAF = Leaf(Domain(901), 5, b"\x01" * 32, b"\x02" * 32, b"\x03" * 32, 1)
HEADER = EpochHeader(1, 2, 3, b"\x04" * 32, b"\x05" * 32)


class FakeGuardian:
    name = "guardian-0"
    index = 0
    available = True

    def __init__(self) -> None:
        self.answer: bytes | Refusal | Exception = b"\x06" * 256
        self.delay = 0.0
        self.answers: tuple[Answer, ...] = ()
        self.asked: list[Any] = []

    async def check_and_sign(
        self,
        header: EpochHeader,
        leaves: Sequence[Leaf],
        parent: EpochHeader | None,
        answers: Sequence[Answer] = (),
    ) -> bytes | Refusal:
        self.asked.append((header, tuple(leaves), parent))
        self.answers = tuple(answers)
        await asyncio.sleep(self.delay)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def guardian() -> FakeGuardian:
    return FakeGuardian()


@pytest.fixture(params=["unix", "tcp"])
async def address(
    request: pytest.FixtureRequest, tmp_path: Path, guardian: FakeGuardian
) -> AsyncIterator[Address]:
    tcp = Address("127.0.0.1", free_port())
    at = tcp if request.param == "tcp" else Address(path=tmp_path / "guardian-0.sock")
    app = AgentApp(
        lambda: Health("guardian-0", guardian.available, None),
        lambda: TOKEN,
        {PATH: signing(guardian)},
    )
    async with serving(app, at):
        yield at


def attester(at: Address, token: bytes = TOKEN, deadline: float = 5.0) -> RemoteAttester:
    return RemoteAttester(0, at, lambda: token, deadline=deadline)


async def test_guardian_elsewhere_signs_what_it_was_asked(
    address: Address, guardian: FakeGuardian
) -> None:
    answer = await attester(address).check_and_sign(HEADER, [LEAF], None)
    assert answer == b"\x06" * 256
    await attester(address).check_and_sign(HEADER, [LEAF, LEAF], HEADER)
    assert guardian.asked == [(HEADER, (LEAF,), None), (HEADER, (LEAF, LEAF), HEADER)]
    assert not guardian.answers
    told = Answer(b"message", 3, (b"\x07" * 32,), (b"", b"\x08" * 40))
    await attester(address).check_and_sign(HEADER, [LEAF], None, [told])
    assert guardian.answers == (told,)


async def test_its_refusal_comes_through(address: Address, guardian: FakeGuardian) -> None:
    guardian.answer = Refusal("op: not true")
    assert await attester(address).check_and_sign(HEADER, [LEAF], None) == guardian.answer
    guardian.answer = StorageFailed("The journal is full", "no space left")
    answer = await attester(address).check_and_sign(HEADER, [LEAF], None)
    assert answer == Refusal("The journal is full: no space left")


async def test_who_does_not_know_the_token_gets_no_signature(
    address: Address, guardian: FakeGuardian
) -> None:
    answer = await attester(address, bytes(32)).check_and_sign(HEADER, [LEAF], None)
    assert isinstance(answer, Refusal)
    assert "401" in answer.reason
    assert not guardian.asked


async def test_late_answer_is_a_refusal(address: Address, guardian: FakeGuardian) -> None:
    guardian.delay = 5.0
    answer = await attester(address, deadline=0.05).check_and_sign(HEADER, [LEAF], None)
    assert isinstance(answer, Refusal)
    assert "within 0.05 s" in answer.reason


async def test_nobody_there_is_a_refusal(tmp_path: Path) -> None:
    for at in (Address("127.0.0.1", free_port()), Address(path=tmp_path / "nobody.sock")):
        answer = await attester(at).check_and_sign(HEADER, [LEAF], None)
        assert isinstance(answer, Refusal)
        assert "out of reach" in answer.reason


def test_whether_it_is_there_is_what_was_heard_last(tmp_path: Path) -> None:
    found = attester(Address(path=tmp_path / "x"))
    seen = [found.available]
    for service, ready in (("guardian-0", False), ("guardian-1", True), ("guardian-0", True)):
        found.hear(Standing(service, alive=True, ready=ready))
        seen.append(found.available)
    assert seen == [True, False, False, True]


# ---------------------------------------------------------------------- plain HTTP


def get(at: Address, path: str, body: bytes | None = None, token: bytes = TOKEN) -> tuple[int, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{at.port}{path}", body, {"Authorization": f"Bearer {token.hex()}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.parametrize("address", ["tcp"], indirect=True)
async def test_health_is_told_to_everybody(address: Address, guardian: FakeGuardian) -> None:
    healthy = await asyncio.to_thread(get, address, "/v1/health", None, bytes(32))
    guardian.available = False
    ill = await asyncio.to_thread(get, address, "/v1/health?x=1")
    assert healthy == (200, {"service": "guardian-0", "ready": True, "problem": None})
    assert ill == (503, {"service": "guardian-0", "ready": False, "problem": None})


@pytest.mark.parametrize("address", ["tcp"], indirect=True)
@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (PATH, b"no json", 400),
        (PATH, b"{}", 400),
        (PATH, b'{"header": {}, "leaves": [], "parent": null}', 400),
        (PATH, None, 404),
        ("/", None, 404),
        ("/v1/health", b"{}", 404),
        (PATH, b"x" * (17 * 2**20), 413),
    ],
)
async def test_what_makes_no_sense_is_refused(
    address: Address, path: str, body: bytes | None, status: int
) -> None:
    try:
        found = await asyncio.to_thread(get, address, path, body)
    except OSError:  # the server hung up on the flood before the client had sent it all
        assert status == 413
    else:
        assert found[0] == status


@pytest.mark.parametrize("address", ["tcp"], indirect=True)
async def test_noise_does_not_end_the_server(address: Address, guardian: FakeGuardian) -> None:
    for noise in (b"", b"\r\n\r\n", b"\x16\x03\x01", b"GET / HTTP/9\r\n\r\n"):
        _, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(noise)
        writer.close()
    assert await attester(address).check_and_sign(HEADER, [LEAF], None) == guardian.answer


@pytest.mark.parametrize("address", ["tcp"], indirect=True)
async def test_taken_address_is_named(address: Address, guardian: FakeGuardian) -> None:
    app = AgentApp(lambda: Health("x", True, None), lambda: TOKEN)
    with pytest.raises(Conflict, match=str(address.port)):
        async with serving(app, address):
            pass
    assert guardian.available


def test_probe_asks_the_health() -> None:
    import subprocess
    import sys

    from control_plane import health_probe

    command = [sys.executable, "-I", "-S", str(health_probe.__file__), str(free_port())]
    assert subprocess.run(command, check=False, timeout=10).returncode == 1
