"""The challenger of one rollup in fraud proof mode: disputes every output that is not the chain.

What the chain is it derives by itself, from the L1 and the genesis. It asks nothing of the
sequencer's node.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from control_plane.agents.disputing import Disputing, Seat
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.ports.da import DataUnavailable
from control_plane.domain.settlement.disputes import (
    Game,
    Phase,
    answer_call,
    challenge_call,
    challenge_data_call,
)
from control_plane.services.settlement.games import Listed
from control_plane.services.settlement.verdicts import follow_as_far

_CHALLENGE_GAS: Final = 1_000_000
_LONG: Final = 5.0
"""Seconds of deriving after which it is told."""


class Challenger(Disputing):
    """Implements ``ports.agent.Agent``."""

    _right = False

    def __init__(self, seat: Seat, name: str = "challenger", limit: int | None = None) -> None:
        """`limit`: how many games it opens at most."""
        super().__init__(name, seat)
        self._judged: set[int] = set()
        """Serials of outputs that are right."""
        self._asked: set[int] = set()
        """Serials of outputs whose data it asked for; once is enough."""
        self._left = limit

    def _is_mine(self, game: Game) -> bool:
        return game.challenger == self._seat.account

    def _is_my_move(self, phase: Phase) -> bool:
        return phase.is_challengers

    async def _act(self) -> None:
        games = await self._board.games()
        self.ready.set()
        withheld = await self._catch_up()
        await self._play(games)
        await self._look_at_outputs(await self._board.outputs(), games, withheld)

    async def _catch_up(self) -> DataUnavailable | None:
        """Derive what is posted, before an output says something about it: its window is short, and
        many blocks take long."""
        work = asyncio.ensure_future(follow_as_far(self._derivation))
        try:
            await asyncio.wait([work], timeout=_LONG)
            if not work.done():
                self.problem = "still derives what was posted; outputs are not judged meanwhile"
            return await work
        finally:
            work.cancel()

    # ------------------------------------------------------------------ outputs

    async def _look_at_outputs(
        self,
        outputs: Sequence[Listed],
        games: Mapping[int, Game],
        withheld: DataUnavailable | None,
    ) -> None:
        """Dispute the first output that is wrong: those after it go with it."""
        fresh = [each for each in outputs if each.output.serial not in self._judged]
        if fresh and not withheld:
            withheld = await follow_as_far(self._derivation)  # posted after it last looked
        for listed in fresh:
            number, serial = listed.output.block_number, listed.output.serial
            if await self._derivation.last_of(listed.output.batch_commitment) is None:
                if withheld is not None:
                    await self._ask_for_data(listed, withheld, games)
                    return
                raise TemporaryFailure(
                    f"Output {listed.index} can't be judged",
                    "the L1 does not give its batches yet",
                )
            found = await self._derivation.block(number)
            if found is not None and found.hash == listed.output.block_hash:
                self._judged.add(serial)
                continue
            await self._dispute(listed, found.hash if found else None, games)
            return

    async def _dispute(
        self, listed: Listed, found: bytes | None, games: Mapping[int, Game]
    ) -> None:
        """Open a game, unless one goes on or the guardians had the last word."""
        for game in games.values():
            about = (game.index, game.serial) == (listed.index, listed.output.serial)
            if about and self._is_mine(game) and (game.phase.is_open or _was_judged(game)):
                return
        if self._left == 0:
            return
        bond = await self._board.bond()
        data = challenge_call(self._seat.oracle, listed.index, listed.output.block_hash)
        await self._send(data, value=bond, gas=_CHALLENGE_GAS)
        self._left = None if self._left is None else self._left - 1
        told = {
            "index": listed.index,
            "block": listed.output.block_number,
            "claimed": "0x" + listed.output.block_hash.hex(),
            "derived": "0x" + found.hex() if found else None,
            "bond": str(bond),
        }
        await self._seat.publish("output.disputed", told, service=self.name)

    async def _ask_for_data(
        self, listed: Listed, withheld: DataUnavailable, games: Mapping[int, Game]
    ) -> None:
        """Say that an output's data can't be had, once half of its window has passed: whoever keeps
        them may be away for a moment."""
        self.note = str(withheld)
        serial = listed.output.serial
        asks = any(
            game.phase is Phase.DATA_VERDICT and game.serial == serial and self._is_mine(game)
            for game in games.values()
        )
        before = await self._board.before(listed.index)
        known = before == 0 or await self._derivation.block(before) is not None
        if asks or serial in self._asked or self._left == 0 or not known:
            return
        half = (listed.output.proposed_at + listed.output.final_at) / 2
        left = half - await self._now()
        if left > 0:
            self._look_again(left)
            return
        bond = await self._board.bond()
        data = challenge_data_call(self._seat.oracle, listed.index, listed.output.block_hash)
        await self._send(data, value=bond, gas=_CHALLENGE_GAS)
        self._asked.add(serial)
        told = {
            "index": listed.index,
            "block": listed.output.block_number,
            "missing": str(withheld),
            "bond": str(bond),
        }
        await self._seat.publish("output.data_asked", told, service=self.name)

    # ------------------------------------------------------------------ games

    async def _move(self, game_id: int, game: Game) -> None:
        """Say whether the claim is right."""
        await follow_as_far(self._derivation)
        if game.in_block:
            trace = await self._derivation.trace(game.block_number)
            found = trace.at(game.middle, game.transactions) if trace else None
        else:
            block = await self._derivation.block(game.middle)
            found = block.hash if block else None
        await self._send(answer_call(game_id, game.claimed, found == game.claimed))

    async def _tell_end(self, game_id: int, game: Game) -> None:
        told = {"game": game_id, "index": game.index, "bond": str(game.bond)}
        type_ = {
            Phase.CHALLENGER_WON: "output.removed",
            Phase.PROPOSER_WON: "output.upheld",
        }.get(game.phase, "dispute.voided")
        await self._seat.publish(type_, told, service=self.name)


def _was_judged(game: Game) -> bool:
    """Whether a game that was lost was lost by a verdict, not by a move that came too late: a new
    one would end no better."""
    return game.phase is Phase.PROPOSER_WON and game.in_block and game.high - game.low == 1
