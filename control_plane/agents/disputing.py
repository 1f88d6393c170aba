"""What challenger and defender have in common: they look at the games on the L1, and move.

Neither keeps a record: where a dispute stands is what the L1 says, so one that was killed goes on
where it was. It looks again whenever the L1 has a new block, and when a clock runs out, for an L1
without transactions seals no blocks.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from control_plane.agents.link import Link, keep
from control_plane.agents.pauses import Pauses
from control_plane.domain.errors import CalderaError, Conflict, TemporaryFailure
from control_plane.domain.formats import QuorumProof
from control_plane.domain.hub import Head, Hub, Missed, News, Reorged
from control_plane.domain.ids import Hex
from control_plane.domain.network import Chain, Network
from control_plane.domain.ports.agent import Publish
from control_plane.domain.ports.derivation import Derivation
from control_plane.domain.ports.metalayer import Pending
from control_plane.domain.ports.node import Connect
from control_plane.domain.settlement.disputes import (
    Game,
    Phase,
    close_call,
    decide_call,
    decide_data_call,
    game_address,
    timeout_call,
    withdraw_call,
)
from control_plane.domain.settlement.verdicts import Question
from control_plane.services.settlement.games import Board
from control_plane.services.settlement.verdicts import Agree

_GAS: Final = 1_000_000
_VERDICT_GAS: Final = 5_000_000
_PAUSE, _LONGEST_PAUSE = 0.25, 5.0
_ASK_AGAIN: Final = 2.0
"""Seconds until guardians who did not agree are asked again."""
_GRACE: Final = 1.0
"""Seconds after a deadline: a move in its last second is in time."""

log = logging.getLogger(__name__)


class Payer(Protocol):
    """A sender that can send coins along."""

    async def send(self, to: Hex, data: bytes, *, gas: int, value: int = ...) -> Pending:
        """As ``ports.metalayer.Sender``; `value` in wei."""
        ...


@dataclass(frozen=True, slots=True)
class Seat:
    """All that a party to disputes works with."""

    network: Network
    chain: Chain
    """The rollup."""
    oracle: bytes
    """Address of its ``L2OutputOracle``."""
    account: bytes
    """The party's address on the L1."""
    sender: Payer
    derivation: Derivation
    agree: Agree
    """Asks the guardians for a verdict."""
    connect: Connect
    hub: Hub
    publish: Publish


class Disputing(ABC):
    """Implements ``ports.agent.Agent``."""

    def __init__(self, name: str, seat: Seat) -> None:
        self.name = f"{seat.chain.name}/{name}"
        self.ready = asyncio.Event()
        self.problem: str | None = None
        self._seat = seat
        self._derivation = seat.derivation
        self._l1 = Link(seat.connect, seat.network.chain(seat.network.plan.l1.name))
        self._game = game_address(seat.network.contracts)
        self._board = Board(self._l1, self._game, seat.oracle)
        self._wake: float | None = None
        """Seconds until it has to look again even if nothing new is told."""
        self.note: str | None = None
        """What is not as it should be, though it goes on."""
        self._told: set[int] = set()
        """Games whose end was told."""
        self._looked = False

    async def run(self) -> None:
        """Look and move, whenever the L1 has a new block, until cancelled."""
        try:
            async with self._seat.hub.listen() as news, keep([self._l1, *self._more_links()]):
                while True:
                    await self._act_patiently()
                    await self._something_new(news)
        finally:
            self.ready.clear()
            await self._derivation.close()

    def _more_links(self) -> list[Link]:
        return []

    @abstractmethod
    async def _act(self) -> None:
        """All that can be done now. CalderaError."""

    @abstractmethod
    async def _move(self, game_id: int, game: Game) -> None:
        """Make the move that is due. CalderaError."""

    @abstractmethod
    def _is_mine(self, game: Game) -> bool: ...

    @abstractmethod
    def _is_my_move(self, phase: Phase) -> bool: ...

    @property
    @abstractmethod
    def _right(self) -> bool:
        """The verdict for which this party asks the guardians: the step is right, the data are
        there; or not."""

    # ------------------------------------------------------------------ when

    async def _act_patiently(self) -> None:
        pauses = Pauses(_PAUSE, _LONGEST_PAUSE)
        while True:
            try:
                self._wake = self.note = None
                await self._act()
            except CalderaError as error:
                self.problem = str(error)
                log.info("%s: %s", self.name, error)
                await pauses.wait()
                continue
            self.problem = self.note
            self.ready.set()
            return

    async def _something_new(self, news: "asyncio.Queue[News]") -> None:
        """A block of the L1, or the end of a clock; what came meanwhile is the same news."""
        try:
            async with asyncio.timeout(self._wake):
                while not self._concerns(await news.get()):
                    pass
        except TimeoutError:
            return
        while not news.empty():
            self._concerns(news.get_nowait())

    def _concerns(self, item: News) -> bool:
        l1 = self._l1.chain.name
        if isinstance(item, Missed) or (isinstance(item, Reorged) and item.chain == l1):
            self._board.forget()
            return True
        return isinstance(item, Head) and item.chain == l1

    # ------------------------------------------------------------------ what

    async def _play(self, games: Mapping[int, Game]) -> None:
        """Move in every game that goes on, draw what is won."""
        mine = {n: game for n, game in games.items() if self._is_mine(game)}
        ended = [n for n, game in mine.items() if not game.phase.is_open]
        wrong: CalderaError | None = None
        for game_id, game in mine.items():
            try:
                if game.phase.is_open:
                    await self._play_one(game_id, game)
            except CalderaError as error:  # of this game; the others go on
                log.info("%s: game %d: %s", self.name, game_id, error)
                wrong = error
        await self._tell_ends({n: mine[n] for n in ended})
        if ended and await self._board.credit(self._seat.account):
            await self._send(withdraw_call(self._seat.account))
        if wrong is not None:
            raise wrong

    async def _play_one(self, game_id: int, game: Game) -> None:
        if not await self._board.stands(game):
            if game.challenger == self._seat.account:  # whose bond it is
                await self._send(close_call(game_id))
        elif game.phase is Phase.STEP_VERDICT:
            await self._decide(game_id, await self._board.step(game_id), decide_call)
        elif game.phase is Phase.DATA_VERDICT:
            await self._decide_data(game_id, game)
        elif self._is_my_move(game.phase):
            await self._move(game_id, game)
        elif game.phase.is_proposers or game.phase.is_challengers:
            await self._watch_clock(game_id, game)

    async def _watch_clock(self, game_id: int, game: Game) -> None:
        """The other one's move: who misses it loses."""
        left = game.deadline + _GRACE - await self._now()
        if left <= 0:
            await self._send(timeout_call(game_id))
        else:
            self._look_again(left)

    def _look_again(self, seconds: float) -> None:
        self._wake = seconds if self._wake is None else min(seconds, self._wake)

    async def _decide_data(self, game_id: int, game: Game) -> None:
        """The proposer asks at once; that data are not there is heard when their time is over."""
        left = game.deadline + _GRACE - await self._now()
        if not self._right and left > 0:
            self._look_again(left)
        else:
            await self._decide(game_id, await self._board.question(game_id), decide_data_call)

    async def _now(self) -> float:
        """Of the L1, though its blocks come when there is something to seal."""
        return await self._board.time()

    async def _decide(
        self, game_id: int, question: Question, call: Callable[[int, bool, QuorumProof], bytes]
    ) -> None:
        """Ask the guardians; they sign for one side only, and it may be the other one."""
        try:
            quorum = await self._seat.agree(question, self._right)
        except Conflict as error:
            log.info("%s: game %d: %s", self.name, game_id, error)
            self.note = str(error)
            self._look_again(_ASK_AGAIN)
            return
        sent = await self._send(call(game_id, self._right, quorum), gas=_VERDICT_GAS)
        told = {"game": game_id, "right": self._right, "tx": sent}
        await self._seat.publish("dispute.decided", told, service=self.name)

    async def _tell_ends(self, ended: Mapping[int, Game]) -> None:
        for game_id, game in ended.items():
            if game_id in self._told:
                continue
            self._told.add(game_id)
            if self._looked:  # what ended before this process is old
                await self._tell_end(game_id, game)
        self._looked = True

    async def _tell_end(self, game_id: int, game: Game) -> None:  # noqa: B027
        """By default nothing: only one party tells."""

    async def _send(self, data: bytes, *, value: int = 0, gas: int = _GAS) -> Hex:
        """Send it and wait until it is mined; its hash. TemporaryFailure names why it was
        reverted."""
        to = Hex("0x" + self._game.hex())
        pending = await self._seat.sender.send(to, data, gas=gas, value=value)
        receipt = await pending.receipt()
        if int(receipt["status"], 16) != 1:
            raise TemporaryFailure(
                "A move in a dispute was refused",
                f"transaction {pending.hash}",
                f"See it: cast run {pending.hash} --rpc-url {self._l1.chain.http_url}",
            )
        return pending.hash
