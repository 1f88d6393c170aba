"""How long money takes home: from the command to the wei on the L1, beyond the window."""

import time

from benchmarks.harness import Figure, Home, median, percentile

_NAME = "bridge"
_WINDOW = 2
_TARGET = 3.0
"""Seconds on top of the window."""


def measure(home: Home, smoke: bool) -> list[Figure]:
    """Withdrawals one after the other, each continued by its command; the rollup's state is saved,
    and so posted, twice a second."""
    home.run(
        *("up", "minimal", "--name", _NAME, "--set", "rollups.op.da=ethereum-calldata"),
        *("--set", "rollups.op.proof=fraud", "--set", f"rollups.op.finalization_window={_WINDOW}"),
        *("--set", "save_interval=0.5"),
    )
    home.run("bridge", "deposit", "--amount", "10", "--wait", "--devnet", _NAME)
    taken = []
    for _ in range(3 if smoke else 10):
        began = time.monotonic()
        home.run("bridge", "withdraw", "--amount", "0.1", "--wait", "--devnet", _NAME)
        taken.append(time.monotonic() - began - _WINDOW)
    home.run("down", _NAME, "-y")
    return [
        Figure(
            f"bridge: withdrawal beyond its window of {_WINDOW} s, p50",
            median(taken),
            "s",
            target=_TARGET,
        ),
        Figure("bridge: the same, slowest", percentile(taken, 1.0), "s", target=_TARGET),
    ]
