"""Shards: groups of chains whose leaves have a root of their own below the aggregate root.

A spec names them (``rollups.game.shard: gaming``); in hashes and proofs a shard is a number that
follows from its name alone, so that it is the same for everybody and stays when rollups come and
go. The L1 and rollups of no shard are in shard 0.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from control_plane.domain.hashing import keccak256
from control_plane.domain.plan import ChainPlan

NO_SHARD: Final = 0
"""Of the L1, and of rollups whose spec names none."""


def shard_id(name: str | None) -> int:
    """The u32 of a shard: the first four bytes of the name's keccak, or 0 without a name."""
    return NO_SHARD if name is None else int.from_bytes(keccak256(name.encode())[:4])


def shards_by_domain(chains: Iterable[ChainPlan]) -> Mapping[int, int]:
    """Shard id by domain, of every chain."""
    return {chain.domain: shard_id(chain.shard) for chain in chains}


def shard_names(chains: Iterable[ChainPlan]) -> Mapping[int, str]:
    """Names of the shards that have one, by id."""
    return {shard_id(chain.shard): chain.shard for chain in chains if chain.shard is not None}
