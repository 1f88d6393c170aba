"""Who is to move in a dispute, as it is told."""

from dataclasses import replace

import pytest

from control_plane.domain.settlement.disputes import Closed, Game, Opened, Phase
from control_plane.services.settlement.disputes import _Standing, _view

NOW = 1_000
A, B = b"\xaa" * 20, b"\xbb" * 20
OPENED = Opened(3, b"\x01" * 20, 7, 901, A, B, 4, 12, False, 1_060)
GAME = Game(
    phase=Phase.BLOCK_CLAIM, deadline=1_060, move_window=60, low=4, high=12, oracle=OPENED.oracle,
    serial=1, index=7, chain_id=901, proposer=A, block_number=0, transactions=0, challenger=B,
    bond=10**18, decider=bytes(20), agreed=bytes(32), disputed=bytes(32), claimed=bytes(32),
    batch_commitment=bytes(32), parent_hash=bytes(32), block_hash=bytes(32),
)  # fmt: skip


@pytest.mark.parametrize(
    ("phase", "deadline", "bond", "mover"),
    [
        (Phase.BLOCK_CLAIM, 1_060, 1, "proposer"),
        (Phase.BLOCK_CLAIM, 1_000, 1, "proposer"),
        (Phase.BLOCK_CLAIM, 999, 1, "anybody"),
        (Phase.REVEAL, 1_060, 1, "proposer"),
        (Phase.BLOCK_ANSWER, 1_060, 1, "challenger"),
        (Phase.STEP_ANSWER, 999, 1, "anybody"),
        (Phase.STEP_VERDICT, 0, 1, "guardians"),
        (Phase.DATA_VERDICT, 1_060, 1, "proposer"),
        (Phase.DATA_VERDICT, 999, 1, "guardians"),
        (Phase.STEP_VERDICT, 0, None, "anybody"),
    ],
)
def test_who_is_to_move(phase: Phase, deadline: int, bond: int | None, mover: str) -> None:
    game = replace(GAME, phase=phase, deadline=deadline)
    view = _view(OPENED, "op", game, None, _Standing(NOW, bond))
    assert (view.open, view.to_move, view.output_stands) == (True, mover, bond is not None)
    assert (view.until is None) == (deadline == 0)
    assert (view.winner, view.by_timeout, view.block) == (None, None, None)


def test_one_that_is_over_tells_who_won_what() -> None:
    over = Closed(3, Phase.CHALLENGER_WON, B, 2 * 10**18, True)
    game = replace(GAME, phase=Phase.CHALLENGER_WON, deadline=0, block_number=5)
    view = _view(replace(OPENED, data=True), "op", game, over, _Standing(NOW, None))
    assert (view.phase, view.about, view.open) == ("challenger-won", "data", False)
    assert (view.to_move, view.until, view.output_stands, view.block) == (None, None, None, 5)
    assert (view.winner, view.amount, view.by_timeout) == ("0x" + "bb" * 20, str(2 * 10**18), True)
