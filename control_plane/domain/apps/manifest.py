"""A manifest as plain data to an app, or all that is wrong with it at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from control_plane.domain.apps.abi import find_function
from control_plane.domain.errors import InvalidInput, Problem
from control_plane.domain.hashing import keccak256
from control_plane.domain.spec_errors import problem_of
from control_plane.domain.suggest import hint
from control_plane.schemas.app import AbiEntry, AppCall, AppContract, AppManifest, Artifact

SALT_PREFIX: Final = "caldera.app.v1"
_MOST_SHOWN: Final = 50
_Part = TypeVar("_Part", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract of an app. `path` is where the manifest has it."""

    path: str
    name: str
    artifact: Artifact
    args: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Link:
    """A call of an app. `path` is where the manifest has it."""

    path: str
    contract: str
    function: AbiEntry
    args: Sequence[Any]
    each: bool


@dataclass(frozen=True, slots=True)
class App:
    """What could be read of a manifest; all of it if there is no problem."""

    name: str
    contracts: tuple[Contract, ...]
    links: tuple[Link, ...]
    problems: tuple[Problem, ...]


def salt_of(app: str, contract: str) -> bytes:
    """With which the devnet's CREATE3 factory makes the contract, on every rollup."""
    return keccak256(f"{SALT_PREFIX}.{app}.{contract}".encode())


def read_manifest(raw: Mapping[str, Any], artifacts: Mapping[str, Artifact]) -> App:
    """What `raw` describes, with what is wrong with it; arguments are left as they are."""
    problems = _structure(raw)
    contracts = _contracts(_parts(raw, "contracts", AppContract), artifacts, problems)
    known = {one.name: one for one in contracts}
    links = _links(_parts(raw, "calls", AppCall), known, problems)
    named = {one.get("artifact") for one in _dicts(raw.get("contracts"))}
    for path in artifacts:
        if path not in named:
            problems.append(Problem(f"artifacts.{path}", "no contract has this artifact"))
    return App(str(raw.get("name", "")), contracts, links, tuple(problems))


def refuse(problems: Sequence[Problem]) -> None:
    """Raises InvalidInput with `problems`, if there are any; one for each place."""
    found = list({problem.path: problem for problem in reversed(problems)}.values())[::-1]
    if not found:
        return
    shown = tuple(found[:_MOST_SHOWN])
    title = "The manifest is not valid"
    if len(found) == 1:
        raise InvalidInput(title, f"{found[0].path}: {found[0].detail}", found[0].hint, shown)
    rest = f", the first {len(shown)} are listed" if len(found) > len(shown) else ""
    raise InvalidInput(title, f"{len(found)} problems{rest}", problems=shown)


def _structure(raw: Mapping[str, Any]) -> list[Problem]:
    try:
        AppManifest.model_validate(raw)
    except ValidationError as error:
        return [problem_of(one, AppManifest) for one in error.errors(include_url=False)]
    return []


def _parts(raw: Mapping[str, Any], key: str, model: type[_Part]) -> list[tuple[str, _Part]]:
    """The elements of the list `key` that are right but for fields that there are not; where they
    stand."""
    found = []
    listed = raw.get(key)
    for at, one in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(one, Mapping):
            known = {k: v for k, v in one.items() if k in model.model_fields}
            try:
                found.append((f"{key}[{at}]", model.model_validate(known)))
            except ValidationError:
                continue
    return found


def _contracts(
    parts: Sequence[tuple[str, AppContract]],
    artifacts: Mapping[str, Artifact],
    problems: list[Problem],
) -> tuple[Contract, ...]:
    found: dict[str, Contract] = {}
    for path, part in parts:
        artifact = artifacts.get(part.artifact)
        if part.name in found:
            problems.append(Problem(f"{path}.name", f"'{part.name}' stands there twice"))
        elif artifact is None:
            known = hint(part.artifact, artifacts, "artifacts")
            detail = f"'{part.artifact}' was not sent with the manifest"
            problems.append(Problem(f"{path}.artifact", detail, known))
        elif artifact.bytecode == "0x":
            detail = "it has no code to deploy, as interfaces and abstract contracts have none"
            problems.append(Problem(f"{path}.artifact", detail))
        else:
            found[part.name] = Contract(path, part.name, artifact, part.args)
    return tuple(found.values())


def _links(
    parts: Sequence[tuple[str, AppCall]],
    contracts: Mapping[str, Contract],
    problems: list[Problem],
) -> tuple[Link, ...]:
    found = []
    for path, part in parts:
        contract = contracts.get(part.contract)
        if contract is None:
            known = hint(part.contract, contracts, "contracts")
            detail = f"there is no contract '{part.contract}'"
            problems.append(Problem(f"{path}.contract", detail, known))
            continue
        function = find_function(contract.artifact, part.function, len(part.args))
        if isinstance(function, tuple):
            problems.append(Problem(f"{path}.function", *function))
            continue
        found.append(Link(path, contract.name, function, part.args, part.each is not None))
    return tuple(found)


def _dicts(listed: object) -> list[Mapping[str, Any]]:
    return [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
