"""Plans for this machine: on ports that nobody has."""

import random
from collections.abc import Sequence
from typing import Final

from control_plane.adapters.runtime.ports import is_taken
from control_plane.domain.plan import Plan
from control_plane.domain.planner import DefaultPorts, make_plan
from control_plane.schemas.spec import Spec

_FREE_PORTS: Final = (20_000, 45_000)


class _Taken:
    """Ports that can't be had: those of other devnets, running or not, and those in use."""

    def __init__(self, others: Sequence[Plan]) -> None:
        self._planned = {chain.port for plan in others for chain in plan.chains}

    def __contains__(self, port: object) -> bool:
        return port in self._planned or (isinstance(port, int) and is_taken(port))


def plan_for_machine(
    spec: Spec, others: Sequence[Plan], keep: Plan | None, free_ports: bool
) -> Plan:
    """``control.MakePlan`` for this machine."""
    ports = _any_ports() if free_ports else None
    return make_plan(spec, _Taken(others), keep=keep, ports=ports)


def _any_ports() -> DefaultPorts:
    """Somewhere in a wide range, so that devnets planned at once by two homes rarely meet."""
    first = random.randrange(*_FREE_PORTS, 50)  # noqa: S311 - no secret
    return DefaultPorts(l1=first, rollups=first + 1)


def free_port(first: int, taken: frozenset[int]) -> int:
    """The first free loopback port from `first` on that is none of `taken`."""
    port = first
    while port in taken or is_taken(port):
        port += 1
    return port
