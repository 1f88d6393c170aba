"""The games about one rollup's outputs, as the L1 tells them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement.disputes import (
    Game,
    bond_call,
    credits_call,
    decode_game,
    game_call,
    games_call,
    question_call,
    step_call,
)
from control_plane.domain.settlement.outputs import (
    Output,
    decode_final,
    decode_output,
    decode_parent,
    latest_final_call,
    next_index_call,
    output_call,
    parent_call,
)
from control_plane.domain.settlement.verdicts import DataQuestion, StepQuestion

_AT_ONCE: Final = 50

T = TypeVar("T")


class Asks(Protocol):
    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], timeout: float | None = ...
    ) -> list[Any]: ...


@dataclass(frozen=True, slots=True)
class Listed:
    """An output and its index."""

    index: int
    output: Output


class Board:
    """What the L1 says of one oracle's outputs and of the games about them; nothing is kept but
    which games are over, until `forget`."""

    def __init__(self, link: Asks, game: bytes, oracle: bytes) -> None:
        """`game` and `oracle`: addresses."""
        self._link = link
        self.game: Final = game
        self.oracle: Final = oracle
        self._over: dict[int, Game] = {}

    def forget(self) -> None:
        """The L1 may have lost blocks."""
        self._over.clear()

    async def games(self) -> dict[int, Game]:
        """All games about this oracle's outputs, by id. TemporaryFailure."""
        (count,) = await self._call(self.game, [games_call()])
        wanted = [n for n in range(1, int.from_bytes(count) + 1) if n not in self._over]
        found = self._over | await self.some(wanted)
        self._over = {n: game for n, game in found.items() if not game.phase.is_open}
        return {n: game for n, game in found.items() if game.oracle == self.oracle}

    async def some(self, wanted: Sequence[int]) -> dict[int, Game]:
        """The games with these ids, whichever oracle's. TemporaryFailure."""
        found: dict[int, Game] = {}
        for at in range(0, len(wanted), _AT_ONCE):
            ids = wanted[at : at + _AT_ONCE]
            answers = await self._call(self.game, [game_call(each) for each in ids])
            found |= {n: _read(decode_game, data) for n, data in zip(ids, answers, strict=True)}
        return found

    async def outputs(self) -> list[Listed]:
        """Outputs that are not final yet, in order. TemporaryFailure."""
        count, final = await self._call(self.oracle, [next_index_call(), latest_final_call()])
        last = _read(decode_final, final)
        indices = range(0 if last is None else last + 1, int.from_bytes(count))
        answers = await self._call(self.oracle, [output_call(index) for index in indices])
        return [
            Listed(n, _read(decode_output, data)) for n, data in zip(indices, answers, strict=True)
        ]

    async def stands(self, game: Game) -> bool:
        """Whether the output that a game is about is still there."""
        return await self.bond_of(game) is not None

    async def bond_of(self, game: Game) -> int | None:
        """The proposer's, in wei, which lies with the output that a game is about; None when that
        is gone."""
        (count,) = await self._call(self.oracle, [next_index_call()])
        if game.index >= int.from_bytes(count):
            return None
        (found,) = await self._call(self.oracle, [output_call(game.index)])
        output = _read(decode_output, found)
        return output.bond if output.serial == game.serial else None

    async def step(self, game_id: int) -> StepQuestion:
        """What a game that awaits a verdict asks."""
        (found,) = await self._call(self.game, [step_call(game_id)])
        return _read(StepQuestion.decode, found)

    async def question(self, game_id: int) -> DataQuestion:
        """What a game about data asks."""
        (found,) = await self._call(self.game, [question_call(game_id)])
        return _read(DataQuestion.decode, found)

    async def deadline(self, game_id: int) -> int:
        """When the clock of a game runs out; 0 when none runs."""
        (found,) = await self._call(self.game, [game_call(game_id)])
        return _read(decode_game, found).deadline

    async def before(self, index: int) -> int:
        """Number of the block before those that an output is about."""
        (found,) = await self._call(self.oracle, [parent_call(index)])
        return _read(decode_parent, found).number

    async def bond(self) -> int:
        """Of a challenger, in wei."""
        (found,) = await self._call(self.game, [bond_call()])
        return int.from_bytes(found)

    async def credit(self, account: bytes) -> int:
        """What `account` can draw, in wei."""
        (found,) = await self._call(self.game, [credits_call(account)])
        return int.from_bytes(found)

    async def time(self) -> int:
        """Timestamp that a block of the L1 would have now: its time passes without blocks."""
        (block,) = await self._link.batch([("eth_getBlockByNumber", ("pending", False))])
        if not isinstance(block, Mapping):
            raise TemporaryFailure("The L1 does not say what time it is", str(block))
        return int(block["timestamp"], 16)

    async def _call(self, to: bytes, calls: Sequence[bytes]) -> list[bytes]:
        target = "0x" + to.hex()
        asked = [
            ("eth_call", ({"to": target, "data": "0x" + data.hex()}, "latest")) for data in calls
        ]
        answers = await self._link.batch(asked) if asked else []
        for answer in answers:
            if isinstance(answer, RpcError):
                raise TemporaryFailure("The L1's contracts for disputes do not answer", str(answer))
        return [bytes.fromhex(answer[2:]) for answer in answers]


def _read(decode: Callable[[bytes], T], data: bytes) -> T:
    try:
        return decode(data)
    except ValueError as error:
        why = str(error)
        raise TemporaryFailure("The L1's contracts for disputes do not answer", why) from error
