"""Trying again, less and less often."""

import asyncio


class Pauses:
    """Between tries: each twice as long as the one before, up to a bound, until one succeeds."""

    def __init__(self, first: float, longest: float) -> None:
        """Seconds."""
        self._first = self._next = first
        self._longest = longest

    def reset(self) -> None:
        """A try succeeded."""
        self._next = self._first

    async def wait(self) -> None:
        """For the next try."""
        pause, self._next = self._next, min(2 * self._next, self._longest)
        await asyncio.sleep(pause)
