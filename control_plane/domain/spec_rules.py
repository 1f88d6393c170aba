"""What a well-formed spec must keep to beyond the types of its fields.

Every rule is a function from a spec to the problems that it finds; :data:`RULES` lists them.
What one rollup must keep to stands in ``spec_rollup``.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from control_plane.domain.errors import Problem
from control_plane.domain.ids import L1
from control_plane.domain.shards import NO_SHARD, shard_id
from control_plane.domain.spec_rollup import NOT_YET, combination, not_yet
from control_plane.domain.spec_tokens import token_problems
from control_plane.schemas.spec import Spec

_TOTAL_ERA = 1_000_000_000
_WORDS = frozenset({12, 15, 18, 21, 24})
_MNEMONIC = re.compile(r"[a-z]+( [a-z]+)*", re.ASCII)
_NODE_MEMORY = 64 * 1024 * 1024
"""Bytes that one node is counted with: 20 MB idle, more under load."""
_OP_GETH = 3
"""As how many nodes one on op-geth is counted: 60 to 180 MB, and a sequencer that does more."""
_OWN_MEMORY = 256 * 1024 * 1024
_CHAINS_PER_CORE = 16


@dataclass(frozen=True, slots=True)
class Facts:
    """What the machine has for devnets."""

    cores: int
    memory: int
    """Free bytes."""

    def most_chains(self) -> int:
        """How many chains one devnet may have here, the L1 included; at least 2."""
        by_memory = (self.memory - _OWN_MEMORY) // _NODE_MEMORY
        return max(2, min(by_memory, self.cores * _CHAINS_PER_CORE))


def _reserved_names(spec: Spec) -> Iterator[Problem]:
    for at, rollup in enumerate(spec.rollups):
        if rollup.name == L1:
            yield Problem(f"rollups[{at}].name", f"'{L1}' is the L1's name", "choose another")


def _duplicate_names(spec: Spec) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for at, rollup in enumerate(spec.rollups):
        if rollup.name in first:
            yield Problem(
                f"rollups[{at}].name",
                f"'{rollup.name}' is the name of rollups[{first[rollup.name]}] too",
                "names are unique within a devnet",
            )
        first.setdefault(rollup.name, at)


def _duplicate_chain_ids(spec: Spec) -> Iterator[Problem]:
    named = [("l1.chain_id", spec.l1.chain_id)]
    named += [
        (f"rollups[{i}].chain_id", r.chain_id) for i, r in enumerate(spec.rollups) if r.chain_id
    ]
    yield from _twins(named, "chain id")


def _duplicate_domains(spec: Spec) -> Iterator[Problem]:
    """Named domains, and chain ids where they are named and stand for the domain."""
    named = [("l1.domain", spec.l1.domain or spec.l1.chain_id)]
    chain_ids = {spec.l1.chain_id}
    for at, rollup in enumerate(spec.rollups):
        twin = rollup.chain_id in chain_ids  # told as such already
        domain = rollup.domain or (None if twin else rollup.chain_id)
        if domain:
            named.append((f"rollups[{at}].domain", domain))
        if rollup.chain_id:
            chain_ids.add(rollup.chain_id)
    yield from _twins(named, "domain")


def _domains_fit(spec: Spec) -> Iterator[Problem]:
    ids = [("l1", spec.l1.chain_id, spec.l1.domain)]
    ids += [(f"rollups[{i}]", r.chain_id or 0, r.domain) for i, r in enumerate(spec.rollups)]
    for path, chain_id, domain in ids:
        if domain is None and chain_id >= 2**32:
            yield Problem(
                f"{path}.domain",
                f"the chain id {chain_id} does not fit into a domain's 32 bits",
                "name a domain",
            )


def _duplicate_ports(spec: Spec) -> Iterator[Problem]:
    named = [("l1.port", spec.l1.port)] if spec.l1.port else []
    named += [(f"rollups[{i}].port", r.port) for i, r in enumerate(spec.rollups) if r.port]
    yield from _twins([(path, port) for path, port in named if port], "port")


def _shards(spec: Spec) -> Iterator[Problem]:
    """Names that come to the same number, some of which is 0's: one in 4 billion does."""
    owners: dict[int, str | None] = {NO_SHARD: None}
    for at, rollup in enumerate(spec.rollups):
        if rollup.shard is None:
            continue
        owner = owners.setdefault(shard_id(rollup.shard), rollup.shard)
        if owner != rollup.shard:
            other = f"the shard '{owner}'" if owner else "no shard"
            yield Problem(
                f"rollups[{at}].shard",
                f"'{rollup.shard}' and {other} have the same number",
                "choose another name",
            )


def _combinations(spec: Spec) -> Iterator[Problem]:
    for at, rollup in enumerate(spec.rollups):
        yield from combination(f"rollups[{at}]", rollup, spec)


def _switching(spec: Spec) -> Iterator[Problem]:
    """What rules want; few rollups have any."""
    ruled = [r for r in spec.rollups if r.switch or r.private or r.switch_interval is not None]
    if not ruled:
        return
    from control_plane.domain.spec_switch import switch_problems

    for at, rollup in enumerate(spec.rollups):
        yield from switch_problems(f"rollups[{at}]", rollup, spec, combination)


def _origins(spec: Spec) -> Iterator[Problem]:
    for at, origin in enumerate(spec.origins):
        path = f"origins[{at}]"
        if origin == "*":
            yield Problem(path, "'*' would let any web page drive the chains", "name the origins")
        elif not _is_origin(origin):
            yield Problem(
                path,
                f"'{origin}' is not an origin",
                "write scheme, host and port: http://localhost:3000",
            )


def _mnemonic(spec: Spec) -> Iterator[Problem]:
    text = spec.accounts.mnemonic
    if not _MNEMONIC.fullmatch(text) or len(text.split()) not in _WORDS:
        yield Problem(
            "accounts.mnemonic",
            "it is not a BIP-39 mnemonic",
            "write 12, 15, 18, 21 or 24 English words with one space between them",
        )


def _supply(spec: Spec) -> Iterator[Problem]:
    wanted = spec.metalayer.guardians * spec.metalayer.stake
    if wanted > _TOTAL_ERA:
        yield Problem(
            "metalayer.stake",
            f"{spec.metalayer.guardians} guardians would stake {wanted:g} ERA of {_TOTAL_ERA:,}",
            "lower the stake or the number of guardians",
        )


def _programs(spec: Spec) -> Iterator[Problem]:
    """What is said of an engine must be of use."""
    used = {spec.l1.engine, *(rollup.engine for rollup in spec.rollups)}
    for name, choice in spec.engines.items():
        path = f"engines.{name}"
        if name not in used:
            yield Problem(path, f"no chain is on '{name}'", "leave it out")
        if choice.image is not None and spec.runtime == "process":
            yield Problem(
                f"{path}.image", "images go with the runtime 'compose'", "name a path instead"
            )
        if choice.path is not None and spec.runtime == "compose":
            yield Problem(
                f"{path}.path", "paths go with the runtime 'process'", "name an image instead"
            )


def _agents(spec: Spec) -> Iterator[Problem]:
    if spec.agents == "containers" and spec.runtime != "compose":
        yield Problem(
            "agents", "'containers' goes with the runtime 'compose'", "use 'daemon', or 'compose'"
        )


def _validators(spec: Spec) -> Iterator[Problem]:
    if spec.metalayer.validators and spec.agents == "containers":
        yield Problem(
            "metalayer.validators",
            f"validators in containers are {NOT_YET}",
            "use `agents: daemon`, or leave it out",
        )


def _limits(spec: Spec) -> Iterator[Problem]:
    """Processes are not limited: that takes rights over the machine which we do not ask for."""
    if spec.runtime != "process":
        return
    named = [("l1.resources", spec.l1.resources)]
    named += [(f"rollups[{i}].resources", r.resources) for i, r in enumerate(spec.rollups)]
    for path, resources in named:
        if resources is not None:
            yield Problem(
                path, "limits go with the runtime 'compose'", "leave it out, or use 'compose'"
            )


def _not_yet(spec: Spec) -> Iterator[Problem]:
    """Fields whose part of the system does not exist in this version."""
    for at, rollup in enumerate(spec.rollups):
        yield from not_yet(f"rollups[{at}]", rollup, spec)


def too_many(spec: Spec, facts: Facts) -> Iterator[Problem]:
    """More rollups than `facts` allow."""
    most = facts.most_chains() - 1
    heavy = [rollup for rollup in spec.rollups if rollup.engine == "op-geth"]
    if len(spec.rollups) + (_OP_GETH - 1) * len(heavy) > most:
        each = f", one on op-geth counted as {_OP_GETH}" if heavy else ""
        cores = f"{facts.cores} core{'s' if facts.cores != 1 else ''}"
        yield Problem(
            "rollups",
            f"{len(spec.rollups)} are too many for this machine: {cores} and "
            f"{facts.memory / 1e9:.1f} GB of free memory carry {most}{each}",
            "take fewer, or a larger machine",
        )


Rule = Callable[[Spec], Iterator[Problem]]

RULES: Final[tuple[Rule, ...]] = (
    _reserved_names,
    _duplicate_names,
    _duplicate_chain_ids,
    _duplicate_domains,
    _domains_fit,
    _duplicate_ports,
    _shards,
    _combinations,
    _switching,
    token_problems,
    _origins,
    _mnemonic,
    _supply,
    _programs,
    _agents,
    _validators,
    _limits,
    _not_yet,
)


def _twins(named: list[tuple[str, int]], what: str) -> Iterator[Problem]:
    places: dict[int, list[str]] = defaultdict(list)
    for path, number in named:
        places[number].append(path)
    for number, paths in places.items():
        for path in paths[1:]:
            owner = paths[0].rpartition(".")[0]
            yield Problem(
                path, f"{number} is the {what} of {owner} too", "each chain needs its own"
            )


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        return False
    return f"{parts.scheme}://{parts.netloc}" == text and text == text.lower() and "*" not in text
