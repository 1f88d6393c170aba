"""Manifests: what they mean on a rollup, and what is wrong with them, all at once."""

from typing import Any

import pytest

from control_plane.domain.apps.manifest import read_manifest, refuse, salt_of
from control_plane.domain.apps.pieces import Pieces, make_pieces, problems_of
from control_plane.domain.apps.references import Scene, Where, interoperable, resolve
from control_plane.domain.calls import selector, word
from control_plane.domain.errors import InvalidInput, Problem
from tests.acceptance.gateway import interoperable as elsewhere
from tests.unit.apps.manifests import ARTIFACTS, manifest

OP, ARB, ZK = (Where(name, at, 10 * at) for at, name in enumerate(("op", "arb", "zk"), 901))
TOKEN, BANK, MAILBOX, OWNER = ("0x" + digits * 20 for digits in ("a1", "b2", "c3", "d4"))


def scene(*peers: Where) -> Scene:
    return Scene(OWNER, {"token": TOKEN, "bank": BANK}, {"mailbox": MAILBOX}, OP, peers)


def pieces(raw: dict[str, Any], *peers: Where) -> Pieces:
    app = read_manifest(raw, ARTIFACTS)
    problems: list[Problem] = []
    made = make_pieces(app, scene(*peers), problems)
    assert (app.problems, problems) == ((), [])
    return made


def faults(raw: dict[str, Any], *peers: Where) -> dict[str, str]:
    """Details by path."""
    app = read_manifest(raw, ARTIFACTS)
    with pytest.raises(InvalidInput) as raised:
        refuse([*app.problems, *problems_of(app, [scene(*peers)])])
    return {problem.path: problem.detail for problem in raised.value.problems}


@pytest.mark.parametrize(
    ("text", "stands_for"),
    [
        ("$owner", OWNER),
        ("$contracts.bank", BANK),
        ("$devnet.mailbox", MAILBOX),
        ("$rollup.name", "op"),
        ("$rollup.chain_id", 901),
        ("$rollup.domain", 9010),
        ("$peer.name", "arb"),
        ("$peer.chain_id", 902),
        ("$peer.interoperable.token", "0x" + elsewhere(902, TOKEN).hex()),
        ("$$owner", "$owner"),
        ("owner", "owner"),
        ("", ""),
        (5, 5),
        (None, None),
    ],
)
def test_references(text: object, stands_for: object) -> None:
    problems: list[Problem] = []
    assert resolve(text, scene(ARB).for_peer(ARB), "args[0]", problems) == stands_for
    assert problems == []


def test_interoperable_addresses_of_large_chain_ids() -> None:
    assert interoperable(1, bytes(20)).hex() == "00010000010114" + "00" * 20
    assert interoperable(7_777_777_777, bytes(20)) == elsewhere(7_777_777_777, "0x" + "00" * 20)


@pytest.mark.parametrize(
    ("text", "detail", "hint"),
    [
        ("$ownr", "'$ownr' is no reference", "did you mean '$owner'?"),
        ("$", "'$' is no reference", "references: $owner"),
        ("$owner.name", "'$owner.name' has too many parts", "leave .name out"),
        ("$contracts.banc", "'$contracts.banc' is not known", "did you mean 'bank'?"),
        ("$contracts", "'$contracts' is not known", "contracts: token, bank"),
        ("$devnet.mailbocks", "is not known", "did you mean 'mailbox'?"),
        ("$rollup.chainid", "is no reference", "did you mean '$rollup.chain_id'?"),
        ("$rollup.interoperable.x", "is not known", "contracts: token, bank"),
        ("$peer.name", "there is no peer for '$peer.name' here", "it needs `each: rollup`"),
    ],
)
def test_references_to_nothing(text: str, detail: str, hint: str) -> None:
    problems: list[Problem] = []
    resolve([text], scene(), "args[1]", problems)
    (problem,) = problems
    assert (problem.path, detail in problem.detail) == ("args[1][0]", True)
    assert hint in problem.hint


def test_pieces_are_what_is_sent() -> None:
    made = pieces(manifest(), ARB, ZK)
    token, bank = made.contracts
    assert token.creation[:2] == bytes.fromhex("600a")
    assert token.data[:4] == selector("deploy(bytes32,bytes)")
    assert token.data[4:36] == salt_of("shop", "token")
    assert bytes.fromhex(MAILBOX[2:]) in bank.creation
    assert [each in bank.creation for each in (elsewhere(902, BANK), elsewhere(903, BANK))] == [
        True,
        True,
    ]
    assert [call.peer for call in made.calls] == [None, "arb", "zk"]
    approve, link, _ = made.calls
    assert approve.data == selector("approve(address,uint256)") + word(int(BANK, 16)) + word(5)
    assert link.data == selector("link(uint32,bytes32)") + word(9020) + word(int(TOKEN, 16))
    assert link.address == TOKEN


def test_other_rollups_change_what_is_made_but_not_of_what() -> None:
    alone, together = pieces(manifest()), pieces(manifest(), ARB)
    assert alone.contracts[0].digest == together.contracts[0].digest
    assert alone.contracts[1].digest != together.contracts[1].digest
    assert alone.contracts[1].made_of == together.contracts[1].made_of
    assert alone.calls[0].id == together.calls[0].id


def test_equal_calls_are_two() -> None:
    calls = [manifest()["calls"][0]] * 2
    ids = [call.id for call in pieces(manifest(calls=calls)).calls]
    assert len(set(ids)) == 2
    assert ids[0] == pieces(manifest()).calls[0].id


def test_all_faults_at_once() -> None:
    raw = manifest(name="Shop", colour="red")
    raw["contracts"][0]["args"] = [5, "$ownr"]
    raw["contracts"][1]["artifact"] = "banc.json"
    raw["contracts"].append({"name": "token", "artifact": "token.json"})
    raw["calls"][0] |= {"args": [], "vaule": 1}
    raw["calls"][1] |= {"each": "rollups"}
    raw["calls"] += [{"contract": "tokn", "function": "x"}, {"contract": "token", "function": "x"}]
    found = faults(raw, ARB)
    assert set(found) == {
        "name",
        "colour",
        "contracts[0].args[0]",
        "contracts[0].args[1]",
        "contracts[1].artifact",
        "contracts[2].name",
        "calls[0].args",
        "calls[0].vaule",
        "calls[1].each",
        "calls[2].contract",
        "calls[3].function",
        "artifacts.bank.json",
    }
    assert found["contracts[2].name"] == "'token' stands there twice"
    assert found["contracts[1].artifact"] == "'banc.json' was not sent with the manifest"


def test_what_is_for_other_rollups_is_checked_without_any() -> None:
    raw = manifest()
    raw["contracts"][1]["args"][0]["value"][1] = "$peer.interoperable.banc"
    raw["calls"][1]["args"][0] = "$peer.name"
    assert set(faults(raw)) == {"contracts[1].args[0].value[1]", "calls[1].args[0]"}


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        ({"each": "rollups", "value": 1}, {".each"}),
        ({"each": "rollup"}, {".value"}),
        ({"each": "rollup", "value": "$owner", "of": 1}, {".of"}),
        ({"gateway": 1}, {".gateway", ".each", ".value"}),
    ],
)
def test_lists_for_each_rollup_that_are_none(value: object, paths: set[str]) -> None:
    raw = manifest()
    raw["contracts"][1]["args"] = [value]
    assert set(faults(raw, ARB)) == {f"contracts[1].args[0]{path}" for path in paths}


def test_one_each_within_another_is_refused() -> None:
    raw = manifest()
    inner = {"each": "rollup", "value": "$peer.name"}
    raw["contracts"][1]["args"] = [{"each": "rollup", "value": inner}]
    raw["calls"][1]["args"][0] = inner
    assert set(faults(raw, ARB)) == {"contracts[1].args[0].value", "calls[1].args[0]"}


def test_interfaces_have_nothing_to_deploy() -> None:
    empty = ARTIFACTS["token.json"].model_copy(update={"bytecode": "0x"})
    app = read_manifest(manifest(), {**ARTIFACTS, "token.json": empty})
    assert [problem.path for problem in app.problems] == [
        "contracts[0].artifact",
        *("calls[0].contract", "calls[1].contract"),
    ]


def test_code_beyond_the_limit_is_refused() -> None:
    raw = manifest()
    raw["contracts"][0]["args"][0] = "x" * 50_000
    assert "50114 bytes" in faults(raw)["contracts[0].args"]


def test_an_empty_manifest() -> None:
    assert set(faults({})) >= {"version", "name", "contracts"}
