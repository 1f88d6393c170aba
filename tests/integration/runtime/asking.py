"""What tests ask of nodes."""

from typing import Any

from control_plane.adapters.runtime.http import NodeHttp
from control_plane.domain.ports.node import NodeHandle, Rpc
from tests.nodes import DEV, LOGGER


async def ask(handle: NodeHandle, method: str, *params: Any) -> Any:
    """Through the public port, as a user does."""
    node = await NodeHttp.connect("127.0.0.1", handle.port)
    try:
        return await node.call(method, *params)
    finally:
        await node.close()


async def seal(rpc: Rpc, blocks: int = 1, data: str = "0x1234") -> None:
    """Blocks with one call of the logging contract each."""
    for _ in range(blocks):
        transaction = {"from": DEV, "to": LOGGER, "data": data, "gas": "0x100000"}
        await rpc.call("eth_sendTransaction", transaction)
        await rpc.call("evm_mine")
