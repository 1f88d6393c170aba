"""How much of its framework's own contracts a rollup shows."""

from typing import Final

from control_plane.domain.plan import ChainPlan
from control_plane.domain.settlement import settles
from control_plane.domain.settlement.deposits import has_portal

_OP_STACK: Final = "op-stack"
_WITH_CONTRACTS: Final = frozenset({"arbitrum-nitro", "polygon-cdk", "zk-stack"})
"""Frameworks besides the OP Stack of which a genesis has something (``deployment.SURFACES``)."""


def surface_of(chain: ChainPlan) -> str:
    """``complete`` where the framework's own services run, ``partial`` where contracts of ours
    stand at its addresses, else ``none``. A rollup that switched has those with which it was
    born: switching brings no code."""
    if chain.services == "native":
        return "complete"
    if chain.framework == _OP_STACK:
        return "partial" if has_portal(chain) else "none"
    shows = chain.framework in _WITH_CONTRACTS and chain.built_as == chain.framework
    return "partial" if shows and settles(chain) else "none"
