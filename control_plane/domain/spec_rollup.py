"""What one rollup of a spec must keep to: its framework, engine, proof and data go together.

The table of what is not available yet is that of this version.
"""

from collections.abc import Iterator
from typing import Final

from control_plane.domain.errors import Problem
from control_plane.domain.settlement.keepers import EXTERNAL
from control_plane.domain.spec_external import external_problems
from control_plane.domain.spec_native import native_problems
from control_plane.schemas.spec import RollupSpec, Spec

NOT_YET: Final = "not available yet"

PROOFS: Final = {
    "op-stack": ("fraud", "validity"),
    "arbitrum-nitro": ("fraud",),
    "zk-stack": ("validity",),
    "polygon-cdk": ("validity",),
}
"""Proof systems of each framework. Every DA and every gas token goes with every framework."""
_POSTED = ("anvil", "op-geth")
"""Engines beside which batchers stand."""
_OURS = "use the engine 'anvil' or 'op-geth'"
_AHEAD = 30
"""Seconds by which a block of op-geth may be dated ahead (``block_builder.AHEAD``)."""


def combination(path: str, rollup: RollupSpec, spec: Spec) -> Iterator[Problem]:
    """Fields that do not go together; `path` is the rollup's in the spec."""
    yield from _proof(path, rollup)
    yield from _sequencing(path, rollup, spec.save_interval)
    yield from _engine(path, rollup)
    yield from _da_service(path, rollup)
    yield from external_problems(path, rollup, spec)
    if rollup.services == "native":
        yield from native_problems(path, rollup, spec)


def _proof(path: str, rollup: RollupSpec) -> Iterator[Problem]:
    valid = PROOFS[rollup.framework]
    if rollup.proof is not None and rollup.proof not in valid:
        choices = " or ".join(f"'{proof}'" for proof in valid)
        yield Problem(
            f"{path}.proof",
            f"'{rollup.proof}' does not go with {rollup.framework}",
            f"use {choices}",
        )
    elif rollup.proof is not None and rollup.da is None and rollup.services == "caldera":
        yield Problem(
            f"{path}.proof",
            "outputs are about blocks that are posted, and nothing posts them",
            "name a `da`, say 'ethereum-calldata'",
        )
    if rollup.finalization_window is not None and rollup.proof != "fraud":
        yield Problem(
            f"{path}.finalization_window",
            "a proven output is final at once"
            if rollup.proof
            else "it is of outputs, which need a proof system",
            "leave it out" if rollup.proof else "name `proof: fraud`, or leave it out",
        )


def _sequencing(path: str, rollup: RollupSpec, save_interval: float) -> Iterator[Problem]:
    window = rollup.sequencing_window
    if window is not None and rollup.proof is None:
        yield Problem(
            f"{path}.sequencing_window",
            "nobody judges the blocks of a rollup without outputs",
            "name a `proof`, or leave it out",
        )
    elif window is not None and window < 2 * save_interval:
        yield Problem(
            f"{path}.sequencing_window",
            "blocks are posted once they are saved, so every deposit would come too late",
            f"at least twice the save_interval: {2 * save_interval:g}",
        )
    elif window is not None and rollup.engine == "op-geth" and window < _AHEAD + 2 * save_interval:
        yield Problem(
            f"{path}.sequencing_window",
            f"blocks of op-geth may be dated {_AHEAD} s ahead of the clock, and all that while"
            " no deposit would be in time",
            f"at least that and twice the save_interval: {_AHEAD + 2 * save_interval:g}",
        )


def _engine(path: str, rollup: RollupSpec) -> Iterator[Problem]:
    if rollup.engine != "op-geth":
        return
    if rollup.framework != "op-stack":
        yield Problem(
            f"{path}.engine", f"'op-geth' does not go with {rollup.framework}", "use 'anvil'"
        )
    if rollup.block_time != int(rollup.block_time):
        yield Problem(
            f"{path}.block_time", "op-geth's blocks take whole seconds", "write 0, 1, 2 …"
        )


def not_yet(path: str, rollup: RollupSpec, spec: Spec) -> Iterator[Problem]:
    """Fields whose part of the system does not exist in this version."""
    if rollup.surface != "none":
        yield Problem(f"{path}.surface", f"'{rollup.surface}' is {NOT_YET}", "use 'none'")
    if rollup.proof is not None:
        yield from _proof_not_yet(f"{path}.proof", rollup, spec)
    if rollup.da is not None and rollup.services == "caldera":
        yield from _da_not_yet(f"{path}.da", rollup, spec)


def _proof_not_yet(path: str, rollup: RollupSpec, spec: Spec) -> Iterator[Problem]:
    if rollup.services == "native":
        yield Problem(path, f"proofs of native services are {NOT_YET}", "leave it out")
        return
    if rollup.engine not in _POSTED:
        yield Problem(path, f"outputs of {rollup.engine} are {NOT_YET}", _OURS)
    if spec.agents == "containers":
        yield Problem(path, f"proposers in containers are {NOT_YET}", "use `agents: daemon`")


def _da_not_yet(path: str, rollup: RollupSpec, spec: Spec) -> Iterator[Problem]:
    if rollup.engine not in _POSTED:
        yield Problem(path, f"a batcher beside {rollup.engine} is {NOT_YET}", _OURS)
    if spec.agents == "containers":
        yield Problem(path, f"batchers in containers are {NOT_YET}", "use `agents: daemon`")


def _da_service(path: str, rollup: RollupSpec) -> Iterator[Problem]:
    """Fields that name a real service must be of use."""
    if rollup.da_url is not None and rollup.da not in EXTERNAL:
        yield Problem(
            f"{path}.da_url",
            f"'{rollup.da}' has no service of its own" if rollup.da else "the rollup has no `da`",
            "leave it out, or use " + ", ".join(f"'{da}'" for da in EXTERNAL),
        )
    elif rollup.da_url is not None and rollup.da == "anytrust":
        yield Problem(
            f"{path}.da_url", "a committee has several members", "name a `da_committee_file`"
        )
    if rollup.da_committee_file is not None and rollup.da != "anytrust":
        yield Problem(
            f"{path}.da_committee_file", "committees go with `da: anytrust`", "leave it out"
        )
    if rollup.da_token_file is not None and (rollup.da != "celestia" or rollup.da_url is None):
        yield Problem(
            f"{path}.da_token_file", "tokens go with `da: celestia` and a `da_url`", "leave it out"
        )
