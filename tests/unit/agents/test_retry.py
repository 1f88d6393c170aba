"""Another attempt that the user asks for."""

from dataclasses import replace

from control_plane.domain.states import MessageState
from control_plane.services.metalayer import moves
from control_plane.services.metalayer.outbox import Outbox
from tests.unit.agents.messages import record

NOW = 200.0


def test_the_next_attempt_is_due_at_once() -> None:
    failed = moves.failing(moves.failing(record(0), "nope", NOW), "nope", NOW)
    assert failed.next_attempt_at == NOW + 2
    again = moves.hastened(failed, NOW)
    assert again.next_attempt_at == NOW
    assert (again.attempts, again.reason) == (2, "nope")


def test_a_message_that_is_over_stays_as_it_is() -> None:
    over = replace(record(0), state=MessageState.DELIVERED)
    assert moves.hastened(over, NOW) is over


def test_the_outbox_takes_it_out_of_its_pause() -> None:
    outbox = Outbox(lambda _: "kind")
    failed = moves.failing(record(0), "nope", NOW)
    busy = record(1)
    outbox.put([failed, busy])
    taken = outbox.get(busy.id)
    assert taken is not None
    taken.busy = True
    outbox.hasten([failed.id, busy.id, "0x00"], NOW)
    found = outbox.get(failed.id)
    assert found is not None
    assert (found.due, found.suspect) == (NOW, True)
    assert not taken.suspect
