"""Names of the services that run a rollup with ``services: native``."""

from typing import Final

from control_plane.domain.ids import ServiceName
from control_plane.domain.plan import ChainPlan

JOURNAL: Final = "journal"
"""Ours: writes down the blocks that op-node makes."""
BEACON: Final = "l1-beacon"
"""Ours: where blobs are read from, of a rollup whose data goes there."""
ALT_DA: Final = "alt-da"
"""Ours: a stand-in that keeps the data of which only commitments go to the L1."""
PROGRAMS: Final = ("op-node", "op-batcher", "op-proposer", "op-challenger")
"""The OP Stack's own, in the order in which they start."""


def posts_blobs(chain: ChainPlan) -> bool:
    """Whether the rollup's data goes to blobs of the L1."""
    return chain.da == "ethereum-blobs"


def posts_commitments(chain: ChainPlan) -> bool:
    """Whether the rollup's data goes to a service of its own, and only commitments to the L1."""
    return chain.da not in {None, "ethereum-calldata", "ethereum-blobs"}


def has_own_stand_in(chain: ChainPlan) -> bool:
    """Whether a stand-in of the rollup's own keeps its data."""
    return posts_commitments(chain) and chain.da_url is None


def native_services(chain: ChainPlan) -> tuple[ServiceName, ...]:
    """What runs beside the node of a rollup with native services."""
    beside = (BEACON,) if posts_blobs(chain) else (ALT_DA,) if has_own_stand_in(chain) else ()
    return tuple(ServiceName(f"{chain.name}/{role}") for role in (JOURNAL, *beside, *PROGRAMS))
