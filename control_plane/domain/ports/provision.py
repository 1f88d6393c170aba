"""What a devnet is made of before its nodes start: keys and genesis."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from control_plane.domain.hub import Hub
from control_plane.domain.ids import Hex
from control_plane.domain.network import Chain, GuardianKeys, Keys, Network
from control_plane.domain.plan import ChainPlan, Plan
from control_plane.domain.ports.agent import Agent, Publish
from control_plane.domain.ports.node import Account, NodeSpec, Rpc


@dataclass(frozen=True, slots=True)
class Born:
    """What a devnet keeps from its first start on, whatever version runs it later."""

    contracts: Mapping[str, Hex]
    content_hash: str


class Provision(Protocol):
    """Makes a devnet's files, idempotently: what is there already is kept."""

    async def keys(self, directory: Path, guardians: int, validators: int = 0) -> Keys:
        """The devnet's service keys, drawn at the first call (file mode 0600)."""
        ...

    async def contracts(self, directory: Path, validators: Sequence[Account] = ()) -> Born:
        """Bind the devnet to the contracts of this version (baking them if they were edited),
        or tell what it was bound to before; with `validators`, also to those for Hyperlane's
        agents."""
        ...

    async def genesis(self, spec: NodeSpec, keys: Keys) -> None:
        """Write `spec.genesis` unless it is there."""
        ...


Seal = Callable[[], Awaitable[None]]
"""Seal one block of a chain from what waits, or wait for the one that its own sequencer seals.
Raises TemporaryFailure, RpcError, DeadlineExceeded."""


class MakeSeal(Protocol):
    """Blocks of a chain before its sequencer agent runs."""

    def __call__(
        self, chain: Chain, rpc: Rpc, network: Network, keys: Keys
    ) -> AbstractAsyncContextManager[Seal]: ...


class Bootstrap(Protocol):
    """Block 1 of a chain by real transactions; does nothing on a chain that has them."""

    async def network_id(
        self, l1: Rpc, contracts: Mapping[str, Hex], devnet_id: bytes
    ) -> bytes: ...

    async def __call__(
        self, chain: ChainPlan, rpc: Rpc, network: Network, keys: Keys, seal: Seal
    ) -> None: ...


Say = Callable[[str], Awaitable[None]]
"""Tell whoever waits how far something is, in one line."""


class Programs(Protocol):
    """Node programs that may have to be built, which takes minutes."""

    def of(self, plan: Plan) -> Sequence[str]:
        """Names of the programs that must be there before `plan`'s nodes start."""
        ...

    async def bring(self, name: str, plan: Plan, say: Say) -> None:
        """Have the program there; at once when it is. Raises MissingDependency, ServiceFailed,
        DeadlineExceeded, StorageFailed."""
        ...


class MakeAgents(Protocol):
    def __call__(
        self, network: Network, keys: Keys, hub: Hub, publish: Publish
    ) -> Sequence[Agent]: ...


class JoinGuardian(Protocol):
    def __call__(self, network: Network, guardian: GuardianKeys, hub: Hub) -> Agent:
        """A guardian beside the agents that were made for `network` before: they ask it, too."""
        ...
