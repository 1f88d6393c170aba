"""What a rollup with its framework's own services (``services: native``) must keep to."""

from collections.abc import Iterator
from typing import Final

from control_plane.domain.errors import Problem
from control_plane.schemas.spec import RollupSpec, Spec

_SPEAK_ALT_DA: Final = ("eigenda", "alt-da")
"""Services that op-batcher and op-node can use as they are; stand-ins of ours all speak alt-DA."""


def native_problems(path: str, rollup: RollupSpec, spec: Spec) -> Iterator[Problem]:
    """Problems of `rollup`, which stands at `path` in `spec` and has native services."""
    where = f"{path}.services"
    if rollup.framework != "op-stack":
        yield Problem(where, f"'native' does not go with {rollup.framework}", "use 'caldera'")
        return
    if rollup.engine != "op-geth":
        yield Problem(
            where, f"'native' needs the engine op-geth, not {rollup.engine}", "use 'caldera'"
        )
    if rollup.gas_token not in {None, "ETH"}:
        yield Problem(
            where, f"'native' pays gas in ETH, not in {rollup.gas_token}", "use 'caldera'"
        )
    if rollup.da_committee_file is not None:
        yield Problem(
            f"{path}.da_committee_file",
            "op-batcher speaks alt-DA only, which a real committee does not",
            "leave it out: then the committee is a stand-in's",
        )
    if rollup.da_url is not None and rollup.da not in _SPEAK_ALT_DA:
        yield Problem(
            f"{path}.da_url",
            f"op-batcher speaks alt-DA only, which a real service of '{rollup.da}' does not",
            "leave it out, or use 'alt-da' with an alt-DA server before that service",
        )
    if spec.runtime != "process":
        yield Problem(
            where, f"'native' with the runtime {spec.runtime} is not available yet", "use 'process'"
        )
    if spec.agents != "daemon":
        yield Problem(
            where, f"'native' with agents in {spec.agents} is not available yet", "use 'daemon'"
        )
    if rollup.engine == "op-geth":
        yield from _times(path, rollup, spec)


def _times(path: str, rollup: RollupSpec, spec: Spec) -> Iterator[Problem]:
    """op-node steps from one L1 block to the next with each of its own at most: an L1 that makes
    blocks more often would run away from it."""
    if rollup.block_time < 1:
        yield Problem(
            f"{path}.block_time", "op-node makes a block every second or less often", "write 1, 2 …"
        )
    elif spec.l1.block_time < rollup.block_time:
        yield Problem(
            "l1.block_time",
            f"op-node follows an L1 that makes blocks on its own, and no more often than every "
            f"{rollup.block_time:g} s as {path} does",
            f"write {rollup.block_time:g} or more",
        )
