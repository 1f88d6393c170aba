"""How many transactions a second a rollup's blocks carry, over the windows that rules ask about.

Times are seconds of a monotonic clock of the machine: what a chain's own clock says, which
time travel moves, does not count.
"""

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from control_plane.domain.plan import SwitchRule

_PARTS: Final = 200
"""Into how many parts a window is cut: it is exact to half a percent of its length, and costs no
more memory under load."""


@dataclass(frozen=True, slots=True)
class Loads:
    """What a rollup carries."""

    holding: frozenset[int]
    """Places of the rules of load that hold."""
    rates: Mapping[float, float]
    """Transactions a second, by length of the window in seconds."""


class Window:
    """The transactions of the last `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._grain = seconds / _PARTS
        self._parts: deque[tuple[float, int]] = deque()
        """When the first of a part came, and how many did."""
        self._total = 0

    def add(self, now: float, count: int) -> None:
        """`count` transactions came `now`."""
        if self._parts and now < self._parts[-1][0] + self._grain:
            began, known = self._parts.pop()
            self._parts.append((began, known + count))
        else:
            self._parts.append((now, count))
        self._total += count

    def count(self, now: float) -> int:
        """How many are in the window."""
        while self._parts and self._parts[0][0] + self.seconds <= now:
            self._total -= self._parts.popleft()[1]
        return self._total

    def falls_to(self, most: float, now: float) -> float:
        """When no more than `most` are in it, if none come any more."""
        left, at = self.count(now), now
        for began, count in self._parts:
            if left <= most:
                break
            left, at = left - count, began + self.seconds
        return at


class LoadMeter:
    """What one rollup carries. It outlives the agent that reads the blocks, which begins anew
    with every change of its devnet's plan."""

    def __init__(self, now: float) -> None:
        self._since = now
        self._windows: dict[float, Window] = {}
        self.block: int | None = None
        """Up to which block transactions were counted; None: none was."""

    def measure(self, rules: Iterable[SwitchRule]) -> None:
        """Keep what `rules` ask for, and nothing else."""
        wanted = {rule.seconds for rule in rules if is_of_load(rule)}
        self._windows = {each: self._windows.get(each) or Window(each) for each in wanted}

    def add(self, now: float, count: int) -> None:
        """`count` transactions were in a block that came `now`."""
        for window in self._windows.values():
            window.add(now, count)

    def rate(self, seconds: float, now: float) -> float:
        """Transactions a second, on average over the last `seconds`."""
        window = self._windows.get(seconds)
        return window.count(now) / seconds if window else 0.0

    def rates(self, rules: Iterable[SwitchRule], now: float) -> Mapping[float, float]:
        """By length of the window."""
        return {rule.seconds: self.rate(rule.seconds, now) for rule in rules if is_of_load(rule)}

    def holds(self, rule: SwitchRule, now: float) -> bool:
        """Whether the load is above, or below, what `rule` says. That it is below is known only
        after a whole window."""
        window = self._windows.get(rule.seconds)
        if window is None:
            return False
        if rule.above is not None:
            return window.count(now) > rule.above * rule.seconds
        below = rule.below if rule.below is not None else 0
        return self._since + rule.seconds <= now and window.count(now) < below * rule.seconds

    def next_change(self, rules: Iterable[SwitchRule], now: float) -> float | None:
        """When the first rule begins or ceases to hold, if no more transactions come; None: none
        does."""
        found = [self._change(rule, now) for rule in rules if is_of_load(rule)]
        return min((at for at in found if at is not None), default=None)

    def _change(self, rule: SwitchRule, now: float) -> float | None:
        window = self._windows.get(rule.seconds)
        if window is None:
            return None
        if rule.above is not None:
            most = rule.above * rule.seconds
            return window.falls_to(most, now) if window.count(now) > most else None
        if self.holds(rule, now):
            return None
        below = rule.below if rule.below is not None else 0
        fewer = math.ceil(below * rule.seconds) - 1  # the most that is less than the limit
        return max(self._since + rule.seconds, window.falls_to(fewer, now))


def is_of_load(rule: SwitchRule) -> bool:
    """Whether `rule` asks for the load."""
    return rule.above is not None or rule.below is not None
