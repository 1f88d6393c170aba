"""What the daemon and our other programs are started with."""

import pytest

from caldera_cli.early import environment


def test_large_buffers_go_back_to_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the user wants it otherwise."""
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1")
    monkeypatch.delenv("MALLOC_MMAP_THRESHOLD_", raising=False)
    found = environment()
    assert (found["MALLOC_MMAP_THRESHOLD_"], found["MALLOC_TRIM_THRESHOLD_"]) == ("131072", "1")
