"""Rules for chains that somebody else runs and that joined a devnet."""

from collections.abc import Collection, Iterator
from typing import Final
from urllib.parse import urlsplit

from control_plane.domain.errors import InvalidInput, Problem
from control_plane.schemas.spec import RollupSpec, Spec

EXTERNAL: Final = "external"
NOT_BROUGHT: Final = frozenset({"multicall3", "permit2"})
"""Third parties' contracts, by key, which such a chain has or has not."""
_JOIN: Final = "`caldera rollup join NAME --rpc URL`, once the devnet runs"
_OURS: Final = {"port": None, "resources": None, "block_time": 0, "services": "caldera"}
"""What is said of nodes of ours only, and its defaults."""


def external_problems(path: str, rollup: RollupSpec, spec: Spec) -> Iterator[Problem]:
    """Such a chain has a URL and an id, and nothing of its node is ours to say."""
    if rollup.engine != EXTERNAL:
        named = {"rpc": rollup.rpc, "ws": rollup.ws}
        for field in (field for field, value in named.items() if value is not None):
            yield Problem(f"{path}.{field}", "it belongs to a chain that was joined", _JOIN)
        return
    if rollup.rpc is None or not _is_url(rollup.rpc):
        yield Problem(f"{path}.rpc", "a chain that was joined has a URL", _JOIN)
    if rollup.chain_id is None:
        yield Problem(f"{path}.chain_id", "a chain that was joined has one", _JOIN)
    for field, default in _OURS.items():
        if getattr(rollup, field) != default:
            yield Problem(f"{path}.{field}", "somebody else runs that node", "leave it out")
    # agents in containers can't reach what listens on this machine's loopback
    if (spec.runtime, spec.agents) != ("process", "daemon"):
        yield Problem(
            f"{path}.engine",
            f"'external' does not go with runtime {spec.runtime} and agents {spec.agents}",
            "use runtime 'process' and agents 'daemon'",
        )


def refuse_strangers(spec: Spec, joined: Collection[str]) -> None:
    """InvalidInput when `spec` has external chains that are not of `joined`: without the
    Metalayer's contracts they could not take part."""
    problems = tuple(
        Problem(f"rollups[{at}].engine", f"{rollup.name} has not joined the devnet", _JOIN)
        for at, rollup in enumerate(spec.rollups)
        if rollup.engine == EXTERNAL and rollup.name not in joined
    )
    if problems:
        first = problems[0]
        raise InvalidInput(
            "A spec can't bring somebody else's chain in",
            f"{first.path}: {first.detail}",
            first.hint,
            problems,
        )


def _is_url(text: str) -> bool:
    try:
        return urlsplit(text).port != 0
    except ValueError:
        return False
