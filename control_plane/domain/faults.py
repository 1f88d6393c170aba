"""What users can break on purpose: each kind of fault with its target and parameters, typed.

Pure: what a fault does stands in ``adapters/chaos``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar, Final, Literal

from control_plane.domain.errors import InvalidInput, Problem
from control_plane.domain.suggest import hint

Aim = Literal["guardian", "chain"]
LIES: Final = ("state-root", "message-root", "block-number", "timestamp")
"""In the header of a forged output."""


def _number(default: int, least: int, most: int, what: str) -> Any:
    return field(default=default, metadata={"least": least, "most": most, "what": what})


def _text(what: str, names: str) -> Any:
    """`names`: ``chain``, ``guardians`` or ``address``."""
    return field(default="", metadata={"what": what, "names": names})


@dataclass(frozen=True, slots=True)
class Fault:
    """Base of all kinds. Fields but `target` are parameters."""

    kind: ClassVar[str]
    aim: ClassVar[Aim | None] = None
    """What `target` names; None for faults of the whole devnet."""
    at_once: ClassVar[bool] = False
    """A single act: it is over as soon as it is done."""

    target: str


@dataclass(frozen=True, slots=True)
class GuardianSilent(Fault):
    """A guardian never answers."""

    kind = "guardian-silent"
    aim = "guardian"


@dataclass(frozen=True, slots=True)
class GuardianLate(Fault):
    """A guardian answers late."""

    kind = "guardian-late"
    aim = "guardian"
    ms: int = _number(2_000, 1, 600_000, "milliseconds that it takes longer")


@dataclass(frozen=True, slots=True)
class GuardianLying(Fault):
    """A guardian signs a false leaf of a chain, in place of the true one."""

    kind = "guardian-lying"
    aim = "guardian"
    chain: str = _text("whose messages it lies about; the first rollup by default", "chain")
    times: int = _number(1, 1, 1_000, "epochs about which it lies")


@dataclass(frozen=True, slots=True)
class GuardianEquivocating(Fault):
    """A guardian signs a second header with the number of an epoch that it has signed."""

    kind = "guardian-equivocating"
    aim = "guardian"
    times: int = _number(1, 1, 1_000, "epochs in which it does")


@dataclass(frozen=True, slots=True)
class GuardianNotFinal(Fault):
    """A guardian signs that another block of a rollup is final than the one of its last output."""

    kind = "guardian-not-final"
    aim = "guardian"
    chain: str = _text("a rollup with outputs; the first by default", "chain")
    times: int = _number(1, 1, 1_000, "epochs about which it lies")


@dataclass(frozen=True, slots=True)
class ForgedCertificate(Fault):
    """A certificate over a message that was never dispatched is submitted on a chain."""

    kind = "forged-certificate"
    aim = "chain"
    at_once = True
    signers: str = _text("guardians that sign it, as 0,1,2; nobody does by default", "guardians")


@dataclass(frozen=True, slots=True)
class RelayerDuplicate(Fault):
    """A second relayer brings every batch too, and pays more to be first."""

    kind = "relayer-duplicate"
    aim = "chain"


@dataclass(frozen=True, slots=True)
class RelayerCensoring(Fault):
    """The relayer carries no message of a sender, or to a chain."""

    kind = "relayer-censoring"
    aim = None
    sender: str = _text("address whose messages it drops", "address")
    destination: str = _text("chain to which it brings none", "chain")


@dataclass(frozen=True, slots=True)
class Reorg(Fault):
    """A chain replaces its last blocks by empty ones."""

    kind = "reorg"
    aim = "chain"
    at_once = True
    depth: int = _number(3, 1, 100, "blocks that are replaced")


@dataclass(frozen=True, slots=True)
class ChainPaused(Fault):
    """A chain seals no blocks."""

    kind = "chain-paused"
    aim = "chain"


@dataclass(frozen=True, slots=True)
class ConnectionDropped(Fault):
    """Agents' connections to a chain break, and none is made until it is healed."""

    kind = "connection-dropped"
    aim = "chain"


@dataclass(frozen=True, slots=True)
class SequencerCensoring(Fault):
    """The sequencer takes no transaction of an account into a block."""

    kind = "sequencer-censoring"
    aim = "chain"
    account: str = _text("address whose transactions it drops", "address")
    deposits: int = _number(0, 0, 1, "1: it takes none of its deposits either")


@dataclass(frozen=True, slots=True)
class OutputForged(Fault):
    """The proposer proposes outputs that are none of the rollup's blocks."""

    kind = "output-forged"
    aim = "chain"
    lie: str = field(
        default="state-root",
        metadata={"what": "what is false in the header: " + ", ".join(LIES), "names": "lie"},
    )
    times: int = _number(1, 1, 1_000, "outputs that it forges")


@dataclass(frozen=True, slots=True)
class ChallengeInBadFaith(Fault):
    """Somebody disputes the newest output, which is honest, and denies every claim."""

    kind = "challenge-in-bad-faith"
    aim = "chain"


@dataclass(frozen=True, slots=True)
class DataWithheld(Fault):
    """Whoever keeps a rollup's data does not give those of a channel."""

    kind = "data-withheld"
    aim = "chain"
    channel: int = _number(0, 0, 999_999_999, "number of the channel, 0 the first")


@dataclass(frozen=True, slots=True)
class DataCorrupted(Fault):
    """Whoever keeps a rollup's data gives others for those of a channel."""

    kind = "data-corrupted"
    aim = "chain"
    channel: int = _number(0, 0, 999_999_999, "number of the channel, 0 the first")


@dataclass(frozen=True, slots=True)
class CommitteeSilent(Fault):
    """Members of the AnyTrust committee that keeps a rollup's data answer nothing."""

    kind = "committee-silent"
    aim = "chain"
    members: int = _number(2, 1, 3, "how many of the three")


KINDS: Final[Mapping[str, type[Fault]]] = {
    kind.kind: kind
    for kind in (
        GuardianSilent,
        GuardianLate,
        GuardianLying,
        GuardianEquivocating,
        GuardianNotFinal,
        ForgedCertificate,
        RelayerDuplicate,
        RelayerCensoring,
        Reorg,
        ChainPaused,
        ConnectionDropped,
        SequencerCensoring,
        OutputForged,
        ChallengeInBadFaith,
        DataWithheld,
        DataCorrupted,
        CommitteeSilent,
    )
}


@dataclass(frozen=True, slots=True)
class Names:
    """What a devnet has that faults may name."""

    guardians: Sequence[str]
    """``guardian-0`` …"""
    chains: Sequence[str]
    """The L1 first."""


def make_fault(kind: str, target: str | None, parameters: Mapping[str, Any], names: Names) -> Fault:
    """The fault that is asked for. InvalidInput names all that is wrong with it."""
    found = KINDS.get(kind)
    if found is None:
        problem = Problem("kind", f"there is no fault {kind!r}", hint(kind, KINDS, "faults"))
        raise InvalidInput("Can't break that", problem.detail, problem.hint, (problem,))
    problems: list[Problem] = []
    aimed = _aim(found, target, names, problems)
    values = _values(found, parameters, names, problems)
    if found is RelayerCensoring and not any(values.values()) and not problems:
        problems.append(Problem("parameters", "name a sender or a destination, or both"))
    if found is SequencerCensoring and not values["account"] and not problems:
        problems.append(Problem("parameters.account", "name the account", "account=0x…"))
    if problems:
        first = problems[0]
        raise InvalidInput(
            "Can't break that", f"{first.path}: {first.detail}", first.hint, tuple(problems)
        )
    return found(aimed, **values)


def parameters_of(kind: type[Fault]) -> Sequence[Any]:
    """The dataclass fields that are parameters of a kind."""
    return [one for one in fields(kind) if one.name != "target"]


def default_of(parameter: Any) -> int | str:
    """What a parameter is when it is not given."""
    found: int | str = "" if parameter.default is MISSING else parameter.default
    return found


def _aim(kind: type[Fault], target: str | None, names: Names, problems: list[Problem]) -> str:
    if kind.aim is None:
        if target:
            problems.append(Problem("target", f"{kind.kind} takes none", "leave it away"))
        return ""
    known = names.guardians if kind.aim == "guardian" else names.chains
    wanted = target or ""
    if kind.aim == "guardian" and wanted.isdecimal():
        wanted = f"guardian-{wanted}"
    if wanted not in known:
        detail = f"there is no {kind.aim} {target!r}" if target else f"name a {kind.aim}"
        problems.append(Problem("target", detail, hint(wanted, known, f"{kind.aim}s")))
    return wanted


def _values(
    kind: type[Fault], given: Mapping[str, Any], names: Names, problems: list[Problem]
) -> dict[str, Any]:
    known = {one.name: one for one in parameters_of(kind)}
    for name in given:
        if name not in known:
            tip = hint(name, known, "parameters") if known else f"{kind.kind} takes none"
            problems.append(Problem(f"parameters.{name}", "there is no such parameter", tip))
    values = {}
    for name, one in known.items():
        value = given.get(name, default_of(one))
        read = _read_number if "least" in one.metadata else _read_text
        values[name] = read(f"parameters.{name}", value, one, names, problems)
    return values


def _read_number(
    path: str, value: Any, one: Any, names: Names, problems: list[Problem]
) -> int:  # fmt: skip
    del names
    least, most = one.metadata["least"], one.metadata["most"]
    text = str(value)
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1
    if isinstance(value, bool) or not least <= number <= most:
        problems.append(Problem(path, f"{value!r} is no number from {least} to {most}"))
    return number


def _read_text(path: str, value: Any, one: Any, names: Names, problems: list[Problem]) -> str:
    text = str(value)
    what = one.metadata["names"]
    if not text:
        return ""
    if what == "chain" and text not in names.chains:
        problems.append(
            Problem(path, f"there is no chain {text!r}", hint(text, names.chains, "chains"))
        )
    if what == "lie" and text not in LIES:
        problems.append(Problem(path, f"there is no lie {text!r}", hint(text, LIES, "lies")))
    if what == "address" and not _is_address(text):
        problems.append(Problem(path, f"{text!r} is no address", "0x and 40 hexadecimal digits"))
    if what == "guardians":
        strange = [p for p in text.split(",") if f"guardian-{p.strip()}" not in names.guardians]
        problems += [Problem(path, f"there is no guardian {p!r}", "as 0,1,2") for p in strange]
    return text.lower() if what == "address" else text


def _is_address(text: str) -> bool:
    digits = text.removeprefix("0x")
    return (
        text.startswith("0x")
        and len(digits) == 40
        and set(digits.lower()) <= set("0123456789abcdef")
    )
