"""Disputes about rollups' outputs, as the L1 has them now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from control_plane.domain.errors import Conflict, TemporaryFailure
from control_plane.domain.network import Chain, Network
from control_plane.domain.ports.node import Connect, Rpc
from control_plane.domain.settlement import settles
from control_plane.domain.settlement.disputes import (
    CHALLENGE_OPENED,
    GAME_CLOSED,
    Closed,
    Game,
    Opened,
    Phase,
    game_address,
)
from control_plane.domain.settlement.outputs import oracle_address
from control_plane.domain.switching import was_ever
from control_plane.schemas.dispute import DisputesView, DisputeView, PhaseName
from control_plane.services.settlement.games import Board
from control_plane.services.settlement.outputs import Running

_TIMEOUT = 30.0
"""Seconds to read all that was told of games: the L1 has one log for each beginning and end."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """What is to be known of an open game beside itself."""

    now: int
    proposer_bond: int | None
    """None: the output is gone."""


@dataclass(frozen=True, slots=True)
class Disputes:
    """Implements the API's ``Disputes``."""

    devnets: Running
    connect: Connect

    async def list(
        self,
        name: str,
        rollup: str | None,
        *,
        limit: int,
        before: int | None = None,
        only_open: bool = False,
    ) -> DisputesView:
        """The newest `limit`, those before id `before` where that is given; of one rollup, which
        is known to be there, or of all.

        Raises Conflict (not up, or a rollup whose outputs nobody can dispute), TemporaryFailure.
        """
        _, network = await self.devnets.live(name)
        chains = _disputable(network, rollup)
        if not chains:
            return DisputesView(total=0, disputes=())
        l1 = network.chain(network.plan.l1.name)
        self.devnets.must_answer(name, l1.name)
        rpc = await self.connect(l1.ws_url)
        try:
            return await _read(rpc, network, chains, limit, before, only_open=only_open)
        finally:
            await rpc.close()


def _disputable(network: Network, rollup: str | None) -> list[Chain]:
    """Rollups whose outputs can be disputed, or could once."""
    chains = [
        chain
        for chain in network.chains
        if settles(chain.plan) and was_ever(chain.plan, "fraud") and rollup in {None, chain.name}
    ]
    if rollup is not None and not chains:
        raise Conflict(
            f"{rollup} has no disputes",
            "its outputs are proven, or it has none",
            f"`caldera rollup switch {rollup} --proof fraud`, where it has a `proof`.",
        )
    return chains


async def _read(
    rpc: Rpc,
    network: Network,
    chains: Sequence[Chain],
    limit: int,
    before: int | None,
    *,
    only_open: bool,
) -> DisputesView:
    at = game_address(network.contracts)
    names = {oracle_address(network.contracts, c.plan.chain_id): c.name for c in chains}
    opened, closed = await _told(rpc, at)
    mine = [one for one in reversed(opened) if one.oracle in names]
    total = len(mine)
    if only_open:
        mine = [one for one in mine if one.game_id not in closed]
    listed = [one for one in mine if before is None or one.game_id < before][:limit]
    boards = {oracle: Board(rpc, at, oracle) for oracle in names}
    any_board = next(iter(boards.values()))
    games = await any_board.some([one.game_id for one in listed])
    now = await any_board.time()
    views = []
    for one in listed:
        game = games[one.game_id]
        over = closed.get(one.game_id)
        bond = await boards[one.oracle].bond_of(game) if game.phase.is_open else None
        views.append(_view(one, names[one.oracle], game, over, _Standing(now, bond)))
    return DisputesView(game=_hex(at), time=_moment(now), total=total, disputes=tuple(views))


async def _told(rpc: Rpc, game: bytes) -> tuple[list[Opened], Mapping[int, Closed]]:
    """How games began, in order, and how they ended, by id. TemporaryFailure."""
    topics = [["0x" + CHALLENGE_OPENED.hex(), "0x" + GAME_CLOSED.hex()]]
    request = {"address": _hex(game), "fromBlock": "0x0", "topics": topics}
    logs = await rpc.call("eth_getLogs", request, timeout=_TIMEOUT)
    opened: list[Opened] = []
    closed: dict[int, Closed] = {}
    try:
        for log in logs:
            names, data = _log(log)
            if names[0] == CHALLENGE_OPENED:
                opened.append(Opened.decode(names, data))
            else:
                end = Closed.decode(names, data)
                closed[end.game_id] = end
    except ValueError as error:
        raise TemporaryFailure(
            "The L1's contract for disputes tells nonsense", str(error)
        ) from error
    return opened, closed


def _log(log: Mapping[str, Any]) -> tuple[list[bytes], bytes]:
    return [bytes.fromhex(topic[2:]) for topic in log["topics"]], bytes.fromhex(log["data"][2:])


def _view(
    one: Opened, rollup: str, game: Game, over: Closed | None, standing: _Standing
) -> DisputeView:
    phase, goes_on = game.phase, game.phase.is_open
    bond = standing.proposer_bond
    return DisputeView(
        id=one.game_id,
        rollup=rollup,
        output=one.index,
        about="data" if one.data else "blocks",
        phase=cast(PhaseName, phase.name.lower().replace("_", "-")),
        open=goes_on,
        to_move=_mover(game, standing) if goes_on else None,
        until=_moment(game.deadline) if goes_on and game.deadline else None,
        output_stands=bond is not None if goes_on else None,
        block=game.block_number or None,
        low=game.low,
        high=game.high,
        challenger=_hex(one.challenger),
        proposer=_hex(one.proposer),
        bond=str(game.bond),
        proposer_bond=None if bond is None else str(bond),
        winner=_hex(over.winner) if over else None,
        amount=str(over.amount) if over else None,
        by_timeout=over.by_timeout if over else None,
    )


def _mover(game: Game, standing: _Standing) -> Any:
    """Who can do something about it."""
    missed = game.phase.is_proposers or game.phase.is_challengers
    if standing.proposer_bond is None or (missed and game.deadline < standing.now):
        return "anybody"
    if game.phase.is_proposers:
        return "proposer"
    if game.phase.is_challengers:
        return "challenger"
    shows = game.phase is Phase.DATA_VERDICT and standing.now <= game.deadline
    return "proposer" if shows else "guardians"


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
