"""A devnet that runs, as its agents see it: where its chains are and whom its keys belong to."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from control_plane.domain.ids import Domain, Hex, Name
from control_plane.domain.plan import ChainPlan, Plan
from control_plane.domain.ports.node import Account

FIRST_SET: Final = 1
"""Id of the guardian set that a devnet starts with."""


@dataclass(frozen=True, slots=True)
class Chain:
    """One running chain."""

    plan: ChainPlan
    http_url: str
    ws_url: str
    engine_url: str | None = None
    """HTTP endpoint of the authenticated Engine API, where the engine has one."""
    directory: Path | None = None
    """The node's own directory, with the secret of its Engine API (``jwt.hex``) and the journal
    of payloads; None where this process has no access to it."""

    @property
    def name(self) -> Name:
        return self.plan.name

    @property
    def domain(self) -> Domain:
        return self.plan.domain


@dataclass(frozen=True, slots=True)
class GuardianKeys:
    index: int
    account: Account
    """Holds the stake on L1."""
    bls_seed: bytes
    """32 secret bytes from which the BLS12-381 key is derived."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Service keys of one devnet, drawn for it alone; none is a listed account."""

    governor: Account
    relayer: Account
    faucet: Account
    rotation: Account
    """Pays for taking chains from one guardian set to the next."""
    guardians: tuple[GuardianKeys, ...]
    """By number: those that the devnet started with, then those that joined."""
    watcher: Account | None = None
    """Reports offences of guardians, and gets the rewards; None: nobody does."""
    validators: tuple[Account, ...] = ()
    """Who sign checkpoints for Hyperlane's multisig module, in the order of their set."""
    retired: frozenset[int] = frozenset()
    """Numbers of guardians that left for good."""

    @property
    def serving(self) -> tuple[GuardianKeys, ...]:
        """Guardians that are not retired."""
        return tuple(g for g in self.guardians if g.index not in self.retired)


@dataclass(frozen=True, slots=True)
class Network:
    devnet: str
    devnet_id: bytes
    network_id: bytes
    """keccak of L1 genesis hash, registry and devnet id (docs/formats.md)."""
    plan: Plan
    chains: tuple[Chain, ...]
    """The L1 first."""
    contracts: Mapping[str, Hex]
    """By JSON key (``mailbox``, ``rootVerifier`` …); equal on all chains; ``era`` and
    ``guardianRegistry`` exist on L1 only."""

    def chain(self, name: str) -> Chain:
        for chain in self.chains:
            if chain.name == name:
                return chain
        raise KeyError(name)

    def by_domain(self, domain: int) -> Chain | None:
        for chain in self.chains:
            if chain.domain == domain:
                return chain
        return None
