"""Which rollups take deposits from a portal of ours."""

from control_plane.domain.plan import ChainPlan
from control_plane.domain.settlement import settles


def has_portal(chain: ChainPlan) -> bool:
    """Whether our sequencer takes `chain`'s deposits from a portal of ours on the L1."""
    return settles(chain) or (chain.engine == "op-geth" and chain.services == "caldera")
