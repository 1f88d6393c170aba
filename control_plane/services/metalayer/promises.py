"""FINALIZED leaves that guardians signed, held against what the L1's final outputs tell.

An output is final some time after its block was made, so a leaf that was signed too early is found
out later: what no output tells yet is asked again.
"""

import contextlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from control_plane.domain.errors import CalderaError
from control_plane.domain.formats import EpochHeader, Finality, Leaf
from control_plane.domain.hub import Votes
from control_plane.domain.network import Network
from control_plane.domain.records import EpochRecord
from control_plane.domain.settlement import settles
from control_plane.services.metalayer.reports import Reports

_MOST: Final = 64
"""Leaves that wait; the oldest go first when there are more."""
_LOOKS: Final = 300
"""After so many nothing will tell of a leaf: an honest one is of an output's block."""


@dataclass(frozen=True, slots=True)
class Promise:
    """A FINALIZED leaf and who signed it."""

    header: EpochHeader
    votes: Votes
    leaf: Leaf
    proof: bytes
    """Of the leaf, as evidence takes it."""
    record: EpochRecord | None
    """Of a certified epoch."""


class Promises:
    """Of the chains of one devnet."""

    def __init__(self, network: Network, reports: Reports) -> None:
        chains = (chain.plan for chain in network.chains)
        self._settled = frozenset(int(plan.domain) for plan in chains if settles(plan))
        self._reports = reports
        self._open: OrderedDict[bytes, tuple[Promise, int]] = OrderedDict()
        """By the leaf's hash, and how often it was looked at."""

    def __bool__(self) -> bool:
        return bool(self._open)

    def has_some(self, epoch: EpochRecord) -> bool:
        """Whether the epoch calls a block final of which outputs tell."""
        return any(leaf["finality"] and leaf["domain"] in self._settled for leaf in epoch.leaves)

    async def is_broken(self, promise: Promise) -> bool:
        """Whether a final output says otherwise. What none tells yet is looked at again later."""
        leaf = promise.leaf
        if leaf.finality is not Finality.FINALIZED:
            return False
        with contextlib.suppress(CalderaError):
            final = await self._reports.final_block(leaf.domain, leaf.block_number)
            if final is not None:
                self._open.pop(leaf.hash, None)
                return final != (leaf.block_hash, leaf.state_root)
        if leaf.domain in self._settled:
            self._keep(promise)
        return False

    async def broken(self) -> list[Promise]:
        """Those that waited and that a final output contradicts by now."""
        waiting = [promise for promise, _ in self._open.values()]
        return [promise for promise in waiting if await self.is_broken(promise)]

    def _keep(self, promise: Promise) -> None:
        _, looks = self._open.get(promise.leaf.hash, (promise, 0))
        self._open[promise.leaf.hash] = promise, looks + 1
        if looks + 1 >= _LOOKS:
            del self._open[promise.leaf.hash]
        elif len(self._open) > _MOST:
            self._open.popitem(last=False)
