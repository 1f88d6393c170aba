"""Which blocks are final, and which chains' messages wait for that.

Leaves of finality FINALIZED cost nothing while nobody needs one: a chain is asked for its final
block only while a message of it waits for that.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from control_plane.domain.calls import selector
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.network import Network
from control_plane.domain.ports.finality import Asks, FinalBlock, FinalityView
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement import settles

_DEADLINE: Final = 1.0
_SILENT_FOR: Final = 3.0
DEPTH: Final = 2
"""Blocks upon a block of Anvil until it is final: two epochs of one slot each."""


class TaggedFinality(FinalityView):
    """What the chain's own node calls `finalized`: on Anvil the block two below the latest, on an
    OP Stack rollup the last one whose origin is final on the L1."""

    async def final_block(self, rpc: Asks, domain: int) -> FinalBlock | None:  # noqa: ARG002
        try:
            block = await rpc.call("eth_getBlockByNumber", "finalized", False)
        except RpcError:  # op-geth's answer before there is one
            return None
        number = int(block["number"], 16) if block else 0
        return FinalBlock(number, str(block["hash"])) if number else None


class OutputFinality(FinalityView):
    """Of rollups that settle: what a final output on the L1 covers, as far as the rollup's node
    has that very block. Of all others: what their nodes call `finalized`."""

    def __init__(self, l1: Asks, oracles: Mapping[int, str]) -> None:
        """`oracles`: where the rollups' outputs are on the L1, by domain."""
        self._l1 = l1
        self._oracles = oracles
        self._others = TaggedFinality()

    async def final_block(self, rpc: Asks, domain: int) -> FinalBlock | None:
        oracle = self._oracles.get(domain)
        if oracle is None:
            return await self._others.final_block(rpc, domain)
        try:
            final = await self._last(oracle)
            if final is None:
                return None
            block = await rpc.call("eth_getBlockByNumber", hex(final.number), False)
        except RpcError as error:
            raise TemporaryFailure("What is final can't be told", str(error)) from error
        if block is None or block["hash"] != final.hash:
            raise TemporaryFailure(
                f"Block {final.number} is another one than the final output's",
                f"{(block or {}).get('hash', 'the node has none')}, the output has {final.hash}",
            )
        return final

    async def _last(self, oracle: str) -> FinalBlock | None:
        """Block of the last final output, as it is in the L1's next block: an output becomes final
        by the clock, and an L1 at block time 0 may have no block since."""
        from control_plane.domain.settlement.outputs import decode_final, decode_output, output_call

        async def view(data: bytes) -> bytes:
            call = {"to": oracle, "data": "0x" + data.hex()}
            return bytes.fromhex((await self._l1.call("eth_call", call, "pending"))[2:])

        try:
            index = decode_final(await view(selector("latestFinalIndex()")))
            if index is None:
                return None
            output = decode_output(await view(output_call(index)))
        except ValueError as error:  # the L1 has no oracle there
            raise TemporaryFailure("The L1's outputs do not answer", str(error)) from error
        return FinalBlock(output.block_number, "0x" + output.block_hash.hex())


def finality_of(network: Network, l1: Asks) -> FinalityView:
    """Who tells what is final on each chain of `network`; `l1` asks its L1."""
    settled = [chain.plan for chain in network.chains if settles(chain.plan)]
    if not settled:
        return TaggedFinality()
    from control_plane.domain.settlement.outputs import oracle_address  # few devnets settle

    addresses = (oracle_address(network.contracts, plan.chain_id) for plan in settled)
    oracles = {
        int(plan.domain): "0x" + at.hex() for plan, at in zip(settled, addresses, strict=True)
    }
    return OutputFinality(l1, oracles)


class Awaited:
    """Blocks that messages wait to see final: each under a key, on one chain or on several at once.

    `links` by chain name. Nothing is asked while nothing is awaited, nor again before a new head:
    the L1's may make blocks of its rollups final.
    """

    def __init__(self, links: Mapping[str, Asks], view: FinalityView) -> None:
        self._links = links
        self._view = view
        self._wanted: dict[str, dict[str, int]] = {}
        """By key, blocks by chain."""
        self._domains: dict[str, int] = {}
        self._known: dict[str, int] = {}
        """Numbers of the final blocks last heard of, by chain."""
        self._silent: dict[str, float] = {}
        self._moved = False

    def __bool__(self) -> bool:
        return bool(self._wanted)

    def want(self, key: str, blocks: Mapping[str, tuple[int, int]]) -> None:
        """Whatever `key` is waits until all of `blocks` are final: domain and number by chain."""
        self._domains |= {chain: domain for chain, (domain, _) in blocks.items()}
        self._wanted[key] = {chain: number for chain, (_, number) in blocks.items()}
        self._moved = True

    def drop(self, key: str) -> None:
        """It waits no more."""
        self._wanted.pop(key, None)

    def clear(self) -> None:
        """Nothing waits."""
        self._wanted.clear()

    def note_head(self) -> None:
        """Some chain has a new head."""
        self._moved = bool(self._wanted)

    def missing(self) -> dict[str, tuple[int, ...]]:
        """Blocks that are not final as far as is known, by chain."""
        found: dict[str, set[int]] = {}
        for blocks in self._wanted.values():
            for chain, number in blocks.items():
                if self._known.get(chain, 0) < number:
                    found.setdefault(chain, set()).add(number)
        return {chain: tuple(sorted(numbers)) for chain, numbers in found.items()}

    def final(self, chain: str) -> int:
        """Number of its final block last heard of; 0 before there was one."""
        return self._known.get(chain, 0)

    async def due(self) -> tuple[set[str], dict[str, FinalBlock]]:
        """Keys whose blocks are all final, and the highest final block of each of their chains."""
        if not self._moved:
            return set(), {}
        self._moved = False
        chains = sorted({chain for blocks in self._wanted.values() for chain in blocks})
        answers = await asyncio.gather(*(self._final_block(chain) for chain in chains))
        finals = {c: final for c, final in zip(chains, answers, strict=True) if final is not None}
        self._known |= {chain: final.number for chain, final in finals.items()}
        keys = {
            key
            for key, blocks in self._wanted.items()
            if all(c in finals and finals[c].number >= number for c, number in blocks.items())
        }
        needed = {chain for key in keys for chain in self._wanted[key]}
        return keys, {chain: final for chain, final in finals.items() if chain in needed}

    async def _final_block(self, chain: str) -> FinalBlock | None:
        """The chain's highest final block; None, too, while it does not answer. One that was silent
        is left alone for a while: the others' epochs do not wait for it."""
        now = asyncio.get_running_loop().time()
        if self._silent.get(chain, 0.0) > now:
            return None
        try:
            async with asyncio.timeout(_DEADLINE):
                return await self._view.final_block(self._links[chain], self._domains[chain])
        except (TemporaryFailure, TimeoutError):
            self._silent[chain] = now + _SILENT_FOR
            return None
