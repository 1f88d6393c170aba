"""Tells that a process is at work while one block takes it long: a few pairings do."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Final

EVERY: Final = 10.0
"""Seconds."""


@contextlib.contextmanager
def at_work(tell: Callable[[], None], every: float = EVERY) -> Iterator[None]:
    """Call `tell` every so often, from a thread of its own, until the end."""
    done = threading.Event()

    def go_on() -> None:
        while not done.wait(every):
            tell()

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
