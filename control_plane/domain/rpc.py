"""The error answer of a JSON-RPC node, as a domain error."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from control_plane.domain.errors import Failed

UNKNOWN_METHOD: Final = frozenset({-32601, -32004})
"""Codes with which nodes refuse a method that they do not have (EIP-1474)."""


@dataclass(eq=False)
class RpcError(Failed):
    """A node answered with an error (JSON-RPC 2.0, section 5.1)."""

    method: str = ""
    code: int = 0
    message: str = ""
    data: Any = None
    """Revert data as 0x-hex where the node gives it."""

    type: ClassVar[str] = "rpc-error"

    @property
    def is_indexing(self) -> bool:
        """Whether the node says that it has not looked through its blocks yet: op-geth's answer
        for an unknown transaction in the first moments after its start."""
        return "indexing" in self.message
