"""What can be broken, validated: all that is wrong at once, the nearest choice named."""

from typing import Any

import pytest

from control_plane.domain.errors import InvalidInput
from control_plane.domain.faults import (
    KINDS,
    ForgedCertificate,
    GuardianLate,
    GuardianLying,
    Names,
    OutputForged,
    RelayerCensoring,
    Reorg,
    make_fault,
    parameters_of,
)

NAMES = Names(["guardian-0", "guardian-1"], ["l1", "op"])
ALICE = "0x" + "Ab" * 20


@pytest.mark.parametrize(
    ("kind", "target", "given", "fault"),
    [
        ("guardian-late", "1", {"ms": "500"}, GuardianLate("guardian-1", 500)),
        ("guardian-late", "guardian-0", {}, GuardianLate("guardian-0", 2_000)),
        ("guardian-lying", "0", {"chain": "op"}, GuardianLying("guardian-0", "op", 1)),
        ("reorg", "op", {"depth": 7}, Reorg("op", 7)),
        ("output-forged", "op", {}, OutputForged("op", "state-root", 1)),
        ("output-forged", "op", {"lie": "timestamp"}, OutputForged("op", "timestamp", 1)),
        ("forged-certificate", "op", {"signers": "0,1"}, ForgedCertificate("op", "0,1")),
        ("relayer-censoring", None, {"sender": ALICE}, RelayerCensoring("", ALICE.lower(), "")),
    ],
)
def test_faults_are_typed(kind: str, target: str | None, given: dict[str, Any], fault: Any) -> None:
    assert make_fault(kind, target, given, NAMES) == fault


@pytest.mark.parametrize(
    ("kind", "target", "given", "path", "told"),
    [
        ("guardian-slient", "0", {}, "kind", "did you mean 'guardian-silent'?"),
        ("guardian-silent", "guardian-7", {}, "target", "guardian-0"),
        ("guardian-silent", None, {}, "target", "guardian-0"),
        ("reorg", "opp", {}, "target", "did you mean 'op'?"),
        ("output-forged", "op", {"lie": "stateroot"}, "parameters.lie", "'state-root'"),
        ("reorg", "op", {"depht": 3}, "parameters.depht", "did you mean 'depth'?"),
        ("relayer-censoring", "op", {"sender": ALICE}, "target", "leave it away"),
        ("guardian-lying", "0", {"chain": "opp"}, "parameters.chain", "did you mean 'op'?"),
        ("sequencer-censoring", "op", {}, "parameters.account", "account=0x"),
        ("relayer-censoring", None, {"sender": "0x12"}, "parameters.sender", "40 hexadecimal"),
        ("forged-certificate", "op", {"signers": "0,x"}, "parameters.signers", "0,1,2"),
    ],
)
def test_what_is_wrong_is_named_with_the_nearest(
    kind: str, target: str | None, given: dict[str, Any], path: str, told: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        make_fault(kind, target, given, NAMES)
    (problem,) = caught.value.problems
    assert problem.path == path
    assert told in problem.hint


@pytest.mark.parametrize("value", [0, -1, 101, "x", "", "1e3", True, "٣", 10**30])
def test_numbers_have_bounds(value: object) -> None:
    with pytest.raises(InvalidInput, match=r"is no number from 1 to 100"):
        make_fault("reorg", "op", {"depth": value}, NAMES)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        make_fault("guardian-late", "guardian-9", {"ms": "no", "other": 1}, NAMES)
    assert {problem.path for problem in caught.value.problems} == {
        "target",
        "parameters.ms",
        "parameters.other",
    }


def test_censoring_says_whom() -> None:
    with pytest.raises(InvalidInput, match="name a sender or a destination"):
        make_fault("relayer-censoring", None, {}, NAMES)


def test_every_kind_is_described() -> None:
    for name, kind in KINDS.items():
        assert kind.kind == name
        assert kind.__doc__
        assert all(parameter.metadata["what"] for parameter in parameters_of(kind))
