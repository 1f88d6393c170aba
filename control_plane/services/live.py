"""What a devnet's worker works through, and what runs of a devnet in this process."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from control_plane.domain.hub import Hub
from control_plane.domain.network import Keys, Network
from control_plane.domain.plan import Plan
from control_plane.domain.ports.agent import Lease, Share
from control_plane.domain.ports.node import Connect, Runtime
from control_plane.domain.ports.provision import (
    Bootstrap,
    Born,
    JoinGuardian,
    MakeAgents,
    MakeSeal,
    Programs,
    Provision,
)
from control_plane.domain.ports.store import Database
from control_plane.services.sharing import no_lease, no_sharing
from control_plane.services.steps import Fault, no_fault


@dataclass(frozen=True, slots=True)
class Tools:
    """The ports that a reconciler works through."""

    database: Database
    runtime: Runtime
    connect: Connect
    provision: Provision
    programs: Programs
    bootstrap: Bootstrap
    sealing: MakeSeal
    make_agents: MakeAgents
    join_guardian: JoinGuardian
    load_plan: Callable[[Mapping[str, Any]], Plan]
    """Plan from its JSON in the record."""
    dump_plan: Callable[[Plan], dict[str, Any]]
    free_port: Callable[[int, frozenset[int]], int]
    """A free loopback port at or above the first argument, none of the second."""
    remove_tree: Callable[[Path], None]
    lease: Lease = no_lease
    share: Share = no_sharing
    fault: Fault = no_fault


@dataclass(slots=True)
class Live:
    """What runs of the devnet in this process."""

    plan: Plan
    keys: Keys
    born: Born
    network: Network | None = None
    hub: Hub = field(default_factory=Hub)
