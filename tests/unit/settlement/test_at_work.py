"""Who executes for long is heard, and nobody is heard afterwards."""

import threading

import pytest

from control_plane.adapters.derivation.at_work import at_work


def test_it_tells_while_the_work_goes_on() -> None:
    told = threading.Semaphore(0)
    with at_work(told.release, every=0.01):
        assert told.acquire(timeout=5)
        assert told.acquire(timeout=5)
    before = threading.active_count()
    with at_work(told.release):
        pass
    assert threading.active_count() == before


def test_it_ends_with_what_fails() -> None:
    before = threading.active_count()
    with pytest.raises(ValueError, match="no"), at_work(lambda: None):
        raise ValueError("no")
    assert threading.active_count() == before
