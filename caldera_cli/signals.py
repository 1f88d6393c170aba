"""What signals do while something must not be left half done."""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

Handler = Callable[[int, FrameType | None], Any] | int | signal.Handlers


@contextmanager
def handled(numbers: Iterable[int], handler: Handler) -> Iterator[None]:
    """Inside, `handler` handles those signals; afterwards whatever did before."""
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """SIGTERM and SIGHUP end the body as Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with handled((signal.SIGTERM, signal.SIGHUP), interrupt):
        yield


@contextmanager
def signals_wait() -> Iterator[list[int]]:
    """No signal interrupts the body; those that came are in the list afterwards."""
    came: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    with handled(numbers, lambda number, _: came.append(number)):
        yield came


@contextmanager
def no_signals() -> Iterator[None]:
    """A second Ctrl-C does not stop the cleaning up."""
    with handled((signal.SIGINT,), signal.SIG_IGN):
        yield
