"""An output whose data nobody gives is asked about on the L1, and goes if they do not come."""

from collections.abc import Iterator

import pytest

from control_plane.domain.settlement.outputs import BOND
from tests.acceptance.world import rpc, until
from tests.e2e.home import Home, new_home
from tests.e2e.test_disputes import Ledger, events, send

_UP = (
    *("up", "minimal", "--name", "net", "--set", "rollups.op.da=alt-da"),
    *("--set", "rollups.op.proof=fraud", "--set", "save_interval=0.5"),
)
_WINDOW = 100
_DEADLINE = 40


@pytest.fixture
def home() -> Iterator[Home]:
    with new_home() as found:
        yield found


def test_an_output_without_data_is_asked_about(home: Home) -> None:
    home.run(*_UP, "--set", f"rollups.op.finalization_window={_WINDOW}")
    fault = withhold(home)
    pass_time(home, _WINDOW / 2 + 1)
    until(lambda: len(events(home, "output.data_asked")) == 1, _DEADLINE, "data are asked for")
    ledger = Ledger(home)
    (game,) = ledger.opened()
    assert game.data
    home.run("chaos", "heal", fault)
    until(lambda: len(events(home, "output.upheld")) == 1, _DEADLINE, "they came in time")
    assert len(ledger.outputs()) > game.index

    withhold(home)
    pass_time(home, _WINDOW / 2 + 1)
    until(lambda: len(events(home, "output.data_asked")) == 2, _DEADLINE, "data are asked for")
    *_, game = ledger.opened()
    assert not events(home, "output.removed")
    pass_time(home, 61)
    until(lambda: len(events(home, "output.removed")) == 1, _DEADLINE, "they did not come")
    assert len(ledger.outputs()) == game.index
    assert events(home, "output.removed")[0]["bond"] == str(BOND)


def withhold(home: Home) -> str:
    """Has the newest channel withheld, from those too who have read it: the fault's id."""
    posted, missing = (len(events(home, type_)) for type_ in ("batch.posted", "data.missing"))
    send(home)
    until(lambda: len(events(home, "batch.posted")) > posted, _DEADLINE, "it is posted")
    channels = events(home, "batch.posted")
    until(lambda: _is_proposed(home, channels[-1]["to"]), _DEADLINE, "it is proposed")
    channel = len(channels) - 1
    home.run("chaos", "start", "data-withheld", "op", f"channel={channel}")
    home.kill_daemon()
    home.run("status")
    until(lambda: len(events(home, "data.missing")) > missing, _DEADLINE, "it is missed")
    home.wait_state("degraded", _DEADLINE)
    return str(home.json("chaos", "ls")[-1]["id"])


def _is_proposed(home: Home, block: int) -> bool:
    return any(output["block"] >= block for output in events(home, "output.proposed"))


def pass_time(home: Home, seconds: float) -> None:
    """On the L1 alone, by hand."""
    url = home.status()["l1"]["rpc_url"]
    rpc(url, "evm_increaseTime", int(seconds))
    rpc(url, "evm_mine")
