"""News survive the way from one process to another."""

import dataclasses
from typing import Any

import pytest

from control_plane.adapters.alone.codec import KINDS, decode, encode
from control_plane.domain.hub import (
    Checkpointed,
    Delivered,
    Dispatched,
    EpochCertified,
    FinalityWanted,
    FlagSet,
    Head,
    Missed,
    News,
    Published,
    Reorged,
    Rest,
    Resting,
    Resume,
    Retry,
    SetCarried,
    SetChanged,
    Standing,
    Votes,
    Wanted,
)
from control_plane.domain.records import EpochRecord, MessageRecord
from control_plane.domain.states import MessageState

MESSAGE = MessageRecord(
    devnet="unit",
    id="0x01",
    origin=901,
    destination=902,
    nonce=2**40,
    sender="0x02",
    recipient="0x03",
    raw="0x04",
    tree_index=7,
    origin_tx="0x05",
    origin_block=8,
    origin_block_hash="0x06",
    dispatched_at=1.5,
    state=MessageState.ATTESTED,
    reason="it says “no”",
    epoch=3,
)
EPOCH = EpochRecord(
    devnet="unit",
    epoch=3,
    header={"setId": 1, "parentHash": "0x00"},
    header_hash="0x07",
    leaves=({"domain": 901}, {"domain": 902}),
    created_at=2.5,
    certificate="0x08",
    signers=(0, 1, 2),
    absent=(3,),
)
ALL: tuple[News, ...] = (
    Head("op", 5, "0x09", 1_700_000_000),
    Dispatched("op", (MESSAGE, dataclasses.replace(MESSAGE, id="0x0a"))),
    Delivered("arb", ()),
    Delivered("arb", (dataclasses.replace(MESSAGE, state=MessageState.DELIVERED),)),
    Reorged("op", 4),
    EpochCertified(EPOCH),
    Votes(EPOCH.header, EPOCH.leaves, (("0x0b", "0x0c"), ("0x0d", "0x0e"))),
    Checkpointed("op", 2, 7),
    SetChanged(2),
    SetCarried("op", 2),
    Wanted("a line\nbreak"),
    FinalityWanted("op", (3, 5)),
    FlagSet("op"),
    Missed("a connection"),
    Published(12),
    Retry(("0x" + "ab" * 32,)),
    Standing("relayer", alive=True, ready=False, problem=None),
    Rest("op", 1),
    Resting("op", 1),
    Resume("op", 1),
)


@pytest.mark.parametrize("news", ALL, ids=lambda news: type(news).__name__)
def test_round_trip(news: News) -> None:
    line = encode(news)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == news


def test_every_kind_of_news_is_known_and_tested() -> None:
    kinds: Any = News.__args__
    assert set(KINDS) == set(kinds) == {type(news) for news in ALL}


def test_kind_of_a_newer_version_is_passed_over() -> None:
    assert decode(b'{"Weather": {"rain": true}}\n') is None


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"no json",
        b"[]",
        b"{}",
        b'{"Head": 1}',
        b'{"Head": {"chain": "op"}}',
        b'{"EpochCertified": {"epoch": {}}}',
        b'{"Dispatched": {"chain": "x", "messages": [{}]}}',
    ],
)
def test_what_is_no_news_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whoever reads lines needs no more
        decode(line)
