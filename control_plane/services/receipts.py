"""Receipts of transactions."""

from collections.abc import Mapping
from typing import Any

from control_plane.domain.ports.node import Rpc
from control_plane.domain.rpc import RpcError


async def find_receipt(rpc: Rpc, tx: str) -> Mapping[str, Any] | None:
    """A transaction's receipt; None while there is none."""
    try:
        found: Mapping[str, Any] | None = await rpc.call("eth_getTransactionReceipt", tx)
    except RpcError as error:
        if not error.is_indexing:
            raise
        return None
    return found
