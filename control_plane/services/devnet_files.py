"""Where a devnet keeps its files, below ``$CALDERA_HOME/devnets/NAME``."""

from dataclasses import dataclass
from pathlib import Path

from control_plane.domain.plan import ChainPlan, Plan
from control_plane.domain.ports.node import NodeSpec


@dataclass(frozen=True, slots=True)
class DevnetFiles:
    home: Path
    name: str

    @property
    def root(self) -> Path:
        return self.home / "devnets" / self.name

    @property
    def agents(self) -> Path:
        """What agents in processes of their own need, and whose role they have."""
        return self.root / "agents"

    def node(self, chain: str) -> Path:
        """The node's own directory: genesis, saved state, log."""
        return self.root / "nodes" / chain

    def node_spec(self, plan: Plan, chain: ChainPlan, *, restore: bool = True) -> NodeSpec:
        """What the runtime needs to run `chain`'s node."""
        directory = self.node(chain.name)
        return NodeSpec(
            devnet=self.name,
            chain=chain,
            plan=plan,
            directory=directory,
            genesis=directory / "genesis.json",
            restore=restore,
        )
