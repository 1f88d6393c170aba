"""What is wrong with a devnet that runs, in sentences."""

from collections.abc import Iterable

from control_plane.domain.states import ServiceState
from control_plane.services.absent import Absent
from control_plane.services.nodes import Nodes
from control_plane.services.supervisor import Supervisor


def symptoms_of(
    nodes: Nodes, absent: Absent, agents: Supervisor, held_nodes: Iterable[str]
) -> str | None:
    """None when all is well. `held_nodes`: chains whose node the user stopped."""
    found = [
        f"{name}/node: {why}; restarting" for name, why in nodes.ended.items() if name not in absent
    ]
    found += [f"{name}/node: {why}" for name, why in absent.reasons().items()]
    found += [f"{name}/node: {why}" for name, why in nodes.troubles().items()]
    found += [
        f"{view.name}: {view.problem}"
        for view in agents.views()
        if view.problem or view.state is ServiceState.RESTARTING
    ]
    found += [f"{name}/node: stopped by the user" for name in sorted(held_nodes)]
    found += [f"{name}/node: not saved: {why}" for name, why in nodes.unsaved.items()]
    return "; ".join(found) or None
