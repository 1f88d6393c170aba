"""Ports that something can be put before: nothing is there unless it is put there."""

import asyncio
from typing import Any, cast

import pytest

from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.ports.metalayer import Attester, Refusal
from control_plane.domain.ports.node import Rpc
from control_plane.domain.seams import SeamBook, Seams


class Honest:
    name = "guardian-1"
    index = 1
    available = True

    async def check_and_sign(self, *given: Any) -> bytes | Refusal:
        return b"".join((b"signed", *given))


class Louder:
    def __init__(self, inner: Attester, what: bytes) -> None:
        self.name, self.index, self.available = inner.name, inner.index, inner.available
        self._inner, self._what = inner, what

    async def check_and_sign(self, *given: Any) -> bytes | Refusal:
        answer = await self._inner.check_and_sign(*given)
        assert isinstance(answer, bytes)
        return answer + self._what


async def sign(attester: Any) -> Any:
    given = [b""] * (attester.check_and_sign.__code__.co_argcount - 1)
    return await attester.check_and_sign(*given)


async def test_faults_stand_around_a_guardian_and_go_again() -> None:
    seams = Seams()
    attester = seams.attester(cast(Attester, Honest()))
    assert (attester.name, attester.index, attester.available) == ("guardian-1", 1, True)
    assert await sign(attester) == b"signed"
    around = seams.attesters["guardian-1"]
    around["f1"] = lambda inner: cast(Attester, Louder(inner, b" first"))
    around["f2"] = lambda inner: cast(Attester, Louder(inner, b" second"))
    assert await sign(attester) == b"signed first second"
    del around["f1"]
    assert await sign(attester) == b"signed second"


class Socket:
    def __init__(self) -> None:
        self.closed = False

    async def close(self) -> None:
        self.closed = True


async def test_connections_are_cut_where_they_lead() -> None:
    seams, made = Seams(), []

    async def connect(url: str, *, deadline: float | None = None) -> Rpc:
        made.append((url, deadline))
        return cast(Rpc, Socket())

    through = seams.connecting(connect)
    op, arb = await through("ws://op"), await through("ws://arb", deadline=2.0)
    assert made == [("ws://op", None), ("ws://arb", 2.0)]
    assert list(seams.opened("ws://op")) == [op]
    seams.cut["ws://op"] = "on purpose"
    with pytest.raises(TemporaryFailure, match="on purpose"):
        await through("ws://op")
    assert await through("ws://arb") is not arb
    del op
    await asyncio.sleep(0)
    assert list(seams.opened("ws://op")) == []  # nobody is kept alive for it


def test_every_devnet_has_its_own() -> None:
    book = SeamBook()
    first = book.of("one")
    assert book.of("one") is first
    assert book.of("two") is not first
    book.forget("one")
    assert book.of("one") is not first
