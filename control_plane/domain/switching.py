"""What a rollup can become while it runs: its framework, its proof system, its data availability.

State, addresses, endpoint and waiting transactions stay where they are, in the node. What changes
is who posts, proposes and proves, and what the L1 is told; so whoever rebuilds the rollup, or
disputes an earlier output, has to know what it was before.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Final

from control_plane.domain.plan import ChainPlan, Earlier

_FRAMEWORKS: Final = {"anvil": frozenset({"framework"}), "op-geth": frozenset[str]()}
"""What an engine leaves to choose: op-geth is the OP Stack's."""
_DATA: Final = frozenset({"da", "da_url", "da_token_file", "da_committee_file"})
_PROOF: Final = frozenset({"proof", "finalization_window"})

RULES: Final = frozenset({"switch", "switch_interval", "private"})
"""Fields of a rollup's spec that say when it switches by itself: they may change, too."""


def switches_here(agents: str) -> bool:
    """Whether rollups of a devnet with agents there can switch: others can't yet."""
    return agents == "daemon"


def switchable(before: Mapping[str, Any], after: Mapping[str, Any]) -> frozenset[str]:
    """Fields of a rollup's spec that may change while it runs. A rollup is born with a node that
    takes deposits, or without, so one that settles nothing can't begin to, nor the other way."""
    if any(rollup.get("services", "caldera") != "caldera" for rollup in (before, after)):
        return frozenset()
    engine = before.get("engine", "anvil")
    if engine not in _FRAMEWORKS or engine != after.get("engine", "anvil"):
        return frozenset()
    posts = before.get("da") is not None and after.get("da") is not None
    settles = before.get("proof") is not None and after.get("proof") is not None
    framework = _FRAMEWORKS[engine]
    return framework | (_DATA if posts else frozenset()) | (_PROOF if settles else frozenset())


def earlier_of(chain: ChainPlan, was: ChainPlan | None) -> tuple[Earlier, ...]:
    """What `chain` was before, the latest last; `was` is its plan so far."""
    if was is None:
        return ()
    last = Earlier(was.da, was.da_url, was.da_token_file, was.da_committee_file, was.proof)
    now = Earlier(chain.da, chain.da_url, chain.da_token_file, chain.da_committee_file, chain.proof)
    return was.earlier if last == now else (*(e for e in was.earlier if e != last), last)


def born_as(chain: ChainPlan, was: ChainPlan | None) -> str | None:
    """The framework of `chain`'s genesis, where it is another one now."""
    born = was.built_as if was else None
    return None if born == chain.framework else born


def forms(chain: ChainPlan) -> tuple[ChainPlan, ...]:
    """All that `chain` has been, as it is now last."""
    return (*(replace(chain, **asdict(each)) for each in chain.earlier), chain)


def was_ever(chain: ChainPlan, proof: str) -> bool:
    """Whether outputs of `chain` stand under this proof system, or did."""
    return any(form.proof == proof for form in forms(chain))


def seals_alike(one: ChainPlan, other: ChainPlan) -> bool:
    """Whether a sequencer of `one` is one of `other`, too."""
    return _sealed(one) == _sealed(other)


def _sealed(chain: ChainPlan) -> tuple[object, ...]:
    made = chain.name, chain.chain_id, chain.engine, chain.block_time, chain.phase
    placed = chain.port, chain.rpc, chain.ws, chain.limits
    return (*made, *placed, chain.proof is not None)
