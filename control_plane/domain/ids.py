"""Identifiers that must not be mixed up, and the names they are made from.

A domain id names a chain in messages (Hyperlane); a chain id names it in transactions
(EIP-155). They are often the same number and never assumed to be, hence two types.
"""

import re
from typing import Final, NewType

from control_plane.schemas import names

ChainId = NewType("ChainId", int)
"""EIP-155 chain id."""

Domain = NewType("Domain", int)
"""Hyperlane domain id, u32."""

Name = NewType("Name", str)
"""Name of a devnet or a rollup; matches :data:`NAME_PATTERN`, hence safe in paths and argv."""

ServiceName = NewType("ServiceName", str)
"""`rollup/role` or a role alone: ``game/node``, ``l1/node``, ``relayer``."""

Hex = NewType("Hex", str)
"""Lower-case ``0x`` string of bytes: hashes, addresses (20 bytes, not checksummed), data."""

NAME_PATTERN: Final = names.NAME_PATTERN
L1: Final = Name(names.L1)
"""The L1's name among a devnet's chains; no rollup may take it."""

_NAME = re.compile(NAME_PATTERN, re.ASCII)


def is_name(text: str) -> bool:
    """Whether `text` may name a devnet or a rollup."""
    return _NAME.fullmatch(text) is not None


def node_service(chain: Name) -> ServiceName:
    """The service that runs `chain`'s node, e.g. ``game/node``."""
    return ServiceName(f"{chain}/node")
