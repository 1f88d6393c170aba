"""The `caldera` command: a client of the control plane's daemon."""

from typing import Final

VERSION: Final = "0.1.0"
"""Equal to the distribution's version, by a test; its metadata take 35 ms to read."""
