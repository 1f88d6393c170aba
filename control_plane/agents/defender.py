"""The proposer's side of disputes about one rollup's outputs.

It claims what the sequencer's node says of blocks, as the proposer did, and what its own derivation
says of the states in between, which no node tells. The header that was proposed it reads from the
proposal itself.
"""

import contextlib

from control_plane.agents.disputing import Disputing, Seat
from control_plane.agents.link import Link
from control_plane.domain.errors import PermanentFailure
from control_plane.domain.hashing import keccak256
from control_plane.domain.header import InvalidHeader, encode_header
from control_plane.domain.settlement.disputes import Game, Phase, claim_call, reveal_call
from control_plane.domain.settlement.outputs import PROPOSED, decode_proposal
from control_plane.services.settlement.verdicts import follow_as_far

_NOTHING = keccak256(b"no such point")
"""Claimed where nothing true can be: a claim is never zero."""


class Defender(Disputing):
    """Implements ``ports.agent.Agent``."""

    _right = True

    def __init__(self, seat: Seat) -> None:
        super().__init__("defender", seat)
        self._node = Link(seat.connect, seat.chain)

    def _more_links(self) -> list[Link]:
        return [self._node]

    def _is_mine(self, game: Game) -> bool:
        return game.proposer == self._seat.account

    def _is_my_move(self, phase: Phase) -> bool:
        return phase.is_proposers

    async def _act(self) -> None:
        await self._play(await self._board.games())

    async def _move(self, game_id: int, game: Game) -> None:
        if game.phase is Phase.REVEAL:
            await self._reveal(game_id, game)
            return
        value = await (self._state(game) if game.in_block else self._block_hash(game.middle))
        await self._send(claim_call(game_id, game.middle, value or _NOTHING))

    async def _block_hash(self, number: int) -> bytes | None:
        block = await self._node.call("eth_getBlockByNumber", hex(number), False)
        if block is not None:
            return bytes.fromhex(block["hash"][2:])
        await follow_as_far(self._derivation)
        found = await self._derivation.block(number)
        return found.hash if found else None

    async def _state(self, game: Game) -> bytes | None:
        await follow_as_far(self._derivation)
        trace = await self._derivation.trace(game.block_number)
        return trace.at(game.middle, game.transactions) if trace else None

    # ------------------------------------------------------------------ the single block

    async def _reveal(self, game_id: int, game: Game) -> None:
        """Show the header of the block that remained."""
        await follow_as_far(self._derivation)
        derived = await self._derivation.block(game.high)
        transactions = derived.transactions if derived else 0
        if derived is not None and derived.hash == game.disputed:
            header = derived.header
        else:
            header = await self._header(game) or b""
        if keccak256(header) != game.disputed:
            raise PermanentFailure(
                f"Game {game_id} can't be defended",
                f"nobody has a header that hashes to 0x{game.disputed.hex()}",
            )
        await self._send(reveal_call(game_id, header, transactions))

    async def _header(self, game: Game) -> bytes | None:
        """Of the disputed block, as the node has it or as it was proposed."""
        block = await self._node.call("eth_getBlockByHash", "0x" + game.disputed.hex(), False)
        if block is not None:
            try:
                return encode_header(block)
            except InvalidHeader:
                return None
        return await self._proposed(game)

    async def _proposed(self, game: Game) -> bytes | None:
        topics = ["0x" + PROPOSED.hex(), None, "0x" + game.index.to_bytes(32).hex()]
        oracle = "0x" + self._seat.oracle.hex()
        request = {"address": oracle, "fromBlock": "0x0", "topics": topics}
        for log in reversed(await self._l1.call("eth_getLogs", request)):
            sent = await self._l1.call("eth_getTransactionByHash", log["transactionHash"])
            with contextlib.suppress(ValueError):  # proposed through another contract
                header, _ = decode_proposal(bytes.fromhex(sent["input"][2:]))
                if keccak256(header) == game.disputed:
                    return header
        return None
