"""Calls, answers and events of disputes are those of the contract's ABI."""

import json
from dataclasses import fields
from typing import Any

import pytest
from eth_abi import encode  # type: ignore[attr-defined]

from control_plane.domain.calls import selector
from control_plane.domain.formats import QuorumProof
from control_plane.domain.hashing import keccak256
from control_plane.domain.settlement import disputes, verdicts
from control_plane.domain.settlement.disputes import Closed, Game, Opened, Phase
from control_plane.domain.settlement.verdicts import DataQuestion, StepQuestion
from control_plane.resources import artifacts_dir
from tests.unit.metalayer.vectors import load, raw

ORACLE, ALICE, BOB, DECIDER = (bytes([n]) * 20 for n in (1, 2, 3, 4))
HASH = b"\x1f" * 32
QUORUM = QuorumProof(absent=(), proof=(), proof_flags=(), signature=bytes(256))
STEP = StepQuestion(
    game=DECIDER,
    game_id=7,
    oracle=ORACLE,
    chain_id=901,
    batch_commitment=b"\x05" * 32,
    block_number=12,
    parent_hash=b"\x06" * 32,
    block_hash=b"\x07" * 32,
    transactions=3,
    point=2,
    agreed=b"\x08" * 32,
    disputed=b"\x09" * 32,
)
QUESTION = DataQuestion(DECIDER, 7, ORACLE, 901, b"\x05" * 32, 5, 12)


def artifact(name: str) -> list[dict[str, Any]]:
    abi: list[dict[str, Any]] = json.loads((artifacts_dir() / f"{name}.json").read_bytes())["abi"]
    return abi


def type_of(parameter: dict[str, Any]) -> str:
    if not parameter["type"].startswith("tuple"):
        return str(parameter["type"])
    inner = ",".join(type_of(one) for one in parameter["components"])
    return f"({inner}){parameter['type'][5:]}"


def signatures(kind: str, name: str = "DisputeGame") -> dict[str, list[str]]:
    """Types of the parameters of each function or event."""
    return {
        entry["name"]: [type_of(one) for one in entry["inputs"]]
        for entry in artifact(name)
        if entry["type"] == kind
    }


CALLS = {
    "challenge": (disputes.challenge_call(ORACLE, 3, HASH), (ORACLE, 3, HASH)),
    "challengeData": (disputes.challenge_data_call(ORACLE, 3, HASH), (ORACLE, 3, HASH)),
    "claim": (disputes.claim_call(7, 12, b"\x01" * 32), (7, 12, b"\x01" * 32)),
    "answer": (disputes.answer_call(7, b"\x01" * 32, True), (7, b"\x01" * 32, True)),
    "reveal": (disputes.reveal_call(7, b"header", 3), (7, b"header", 3)),
    "decide": (
        disputes.decide_call(7, True, QUORUM),
        (7, True, verdicts.encode_quorum(QUORUM)),
    ),
    "decideData": (
        disputes.decide_data_call(7, False, QUORUM),
        (7, False, verdicts.encode_quorum(QUORUM)),
    ),
    "showData": (disputes.show_data_call(7, b"data"), (7, b"data")),
    "timeout": (disputes.timeout_call(7), (7,)),
    "close": (disputes.close_call(7), (7,)),
    "withdraw": (disputes.withdraw_call(ALICE), (ALICE,)),
    "setRules": (disputes.set_rules_call(1, 2, 3), (1, 2, 3)),
    "game": (disputes.game_call(7), (7,)),
    "games": (disputes.games_call(), ()),
    "stepOf": (disputes.step_call(7), (7,)),
    "questionOf": (disputes.question_call(7), (7,)),
    "credits": (disputes.credits_call(ALICE), (ALICE,)),
    "bond": (disputes.bond_call(), ()),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_that_of_the_contract(name: str) -> None:
    types = signatures("function")[name]
    data, arguments = CALLS[name]
    assert data == selector(f"{name}({','.join(types)})") + encode(types, arguments)


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("ChallengeOpened", disputes.CHALLENGE_OPENED),
        ("Claimed", disputes.CLAIMED),
        ("Answered", disputes.ANSWERED),
        ("Revealed", disputes.REVEALED),
        ("VerdictAwaited", disputes.VERDICT_AWAITED),
        ("DataShown", disputes.DATA_SHOWN),
        ("GameClosed", disputes.GAME_CLOSED),
    ],
)
def test_an_event_is_that_of_the_contract(name: str, topic: bytes) -> None:
    types = signatures("event")[name]
    assert keccak256(f"{name}({','.join(types)})".encode()) == topic


def test_a_game_is_read_field_by_field() -> None:
    components = next(
        entry["outputs"][0]["components"]
        for entry in artifact("DisputeGame")
        if entry.get("name") == "game"
    )
    values = [
        f"{n:02x}" * 20 if one["type"] == "address" else n for n, one in enumerate(components, 1)
    ]
    values[0] = Phase.STEP_ANSWER
    encoded = [
        int(v).to_bytes(32) if o["type"] == "bytes32" else v
        for v, o in zip(values, components, strict=True)
    ]
    data = encode([one["type"] for one in components], encoded)
    found = disputes.decode_game(data)
    assert [snake(one["name"]) for one in components] == [one.name for one in fields(Game)]
    for field, value in zip(fields(Game), values, strict=True):
        got = getattr(found, field.name)
        assert got.hex() == value if isinstance(value, str) else as_number(got) == value
    with pytest.raises(ValueError, match="no game"):
        disputes.decode_game(data[:-1])


def snake(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


def as_number(value: bytes | int) -> int:
    return int.from_bytes(value) if isinstance(value, bytes) else value


def test_the_phases_are_those_of_the_contract() -> None:
    source = (artifacts_dir().parent / "src/settlement/interfaces/IDisputeGame.sol").read_text()
    listed = source.split("enum Phase {")[1].split("}")[0].replace(",", " ").split()
    assert listed == [one.name for one in Phase]
    assert [one for one in Phase if one.is_open] == list(Phase)[1:8]
    assert not any(one.is_proposers and one.is_challengers for one in Phase)


def test_events_are_read() -> None:
    topics = [disputes.CHALLENGE_OPENED, word(7), word(ORACLE), word(3)]
    types = ["uint256", "address", "address", "uint64", "uint64", "bool", "uint64"]
    data = encode(types, [901, ALICE, BOB, 4, 12, True, 99])
    assert Opened.decode(topics, data) == Opened(7, ORACLE, 3, 901, ALICE, BOB, 4, 12, True, 99)
    with pytest.raises(ValueError, match="no ChallengeOpened"):
        Opened.decode(topics[:3], data)

    topics = [disputes.GAME_CLOSED, word(7), word(BOB)]
    data = encode(["uint8", "uint256", "bool"], [9, 10**18, True])
    assert Closed.decode(topics, data) == Closed(7, Phase.CHALLENGER_WON, BOB, 10**18, True)

    topics = [disputes.VERDICT_AWAITED, word(7)]
    assert disputes.decode_awaited(topics, STEP.encode()) == STEP


def word(value: int | bytes) -> bytes:
    return value.to_bytes(32) if isinstance(value, int) else value.rjust(32, b"\0")


def test_data_that_were_shown_are_found_again() -> None:
    call = disputes.show_data_call(7, b"channel" * 9)
    assert disputes.decode_shown(call) == (7, b"channel" * 9)
    with pytest.raises(ValueError, match="cut off"):
        disputes.decode_shown(call[:-32])
    with pytest.raises(ValueError, match="does not call"):
        disputes.decode_shown(disputes.games_call())


def test_questions_are_encoded_as_the_contract_does() -> None:
    kinds = signatures("function", "GuardianVerdicts")
    step_type, question_type = kinds["stepDigest"][0], kinds["dataDigest"][0]
    assert step_type == verdicts.STEP_TYPE
    for question, kind in ((STEP, step_type), (QUESTION, question_type)):
        values = tuple(getattr(question, field.name) for field in fields(question))
        assert question.encode() == encode([kind], [values])
        assert type(question).decode(question.encode()) == question
    with pytest.raises(ValueError, match="no step"):
        StepQuestion.decode(QUESTION.encode())


def test_digests_are_those_of_the_vectors() -> None:
    network = raw(load("metalayer")["network"]["networkId"])
    for vector in load("metalayer")["verdicts"]:
        kind = StepQuestion if vector["kind"] == "step" else DataQuestion
        question = kind.decode(raw(vector["question"]))
        assert question.digest(network, vector["verdict"]) == raw(vector["digest"])


def test_a_verdict_is_of_one_question_and_one_answer_alone() -> None:
    network = b"\x0a" * 32
    digests = {
        STEP.digest(network, True),
        STEP.digest(network, False),
        STEP.digest(b"\x0b" * 32, True),
        QUESTION.digest(network, True),
        QUESTION.digest(network, False),
    }
    assert len(digests) == 5
