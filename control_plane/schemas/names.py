"""Rules for names, free of heavy imports."""

from typing import Final

NAME_PATTERN: Final = r"^[a-z][a-z0-9-]{0,30}$"
"""Names of devnets and rollups: safe in paths, in argv and in host names."""

L1: Final = "l1"
"""The L1's name among a devnet's chains; no rollup may take it."""

DEFAULT_DEVNET: Final = "default"
DEFAULT_TEMPLATE: Final = "default"
