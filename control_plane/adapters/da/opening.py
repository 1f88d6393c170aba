"""Makes clients of data availability services out of what a devnet's status says of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from control_plane.adapters.da.reading import FrameReader


def open_reader(l1_url: str, das: Sequence[Mapping[str, Any]]) -> FrameReader:  # noqa: ARG001 - until there are any
    """Reads the frames of a rollup on the L1 at `l1_url`."""
    return FrameReader(l1_url)
