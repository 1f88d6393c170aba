"""Reading a chain's blocks and the Metalayer's logs in them, consistently.

A node may change its mind between two calls; what is returned here always belongs together, or
:class:`ChainMoved` is raised and the caller looks again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.rpc import RpcError
from control_plane.services.metalayer.logs import Log

_EMPTY_BLOOM = "0x" + "0" * 512


class Caller(Protocol):
    """What of an Rpc is needed to read."""

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any: ...

    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], timeout: float | None = None
    ) -> list[Any]: ...


class ChainMoved(TemporaryFailure):
    """Blocks changed while they were read."""


@dataclass(frozen=True, slots=True)
class BlockHead:
    """The part of a block's header that following a chain needs."""

    number: int
    hash: str
    parent: str
    timestamp: int
    has_logs: bool


def block_head(header: Mapping[str, Any]) -> BlockHead:
    """From a header's JSON, as calls and subscriptions give it."""
    return BlockHead(
        number=int(header["number"], 16),
        hash=header["hash"],
        parent=header["parentHash"],
        timestamp=int(header["timestamp"], 16),
        has_logs=header["logsBloom"] != _EMPTY_BLOOM,
    )


async def read_head(rpc: Caller) -> BlockHead:
    """The chain's latest block."""
    return block_head(await rpc.call("eth_getBlockByNumber", "latest", False))


async def read_hashes(rpc: Caller, numbers: Sequence[int]) -> dict[int, str]:
    """Hashes of those of `numbers` that the chain has."""
    calls = [("eth_getBlockByNumber", (hex(number), False)) for number in numbers]
    answers = await rpc.batch(calls) if calls else []
    return {
        number: answer["hash"]
        for number, answer in zip(numbers, answers, strict=True)
        if answer is not None and not isinstance(answer, RpcError)
    }


async def read_logs(rpc: Caller, head: BlockHead, filter_: Mapping[str, Any]) -> list[Log]:
    """The logs of one block."""
    if not head.has_logs:
        return []
    logs: list[Log] = await rpc.call("eth_getLogs", {**filter_, "blockHash": head.hash})
    return logs


async def read_range(
    rpc: Caller, parent: str, first: int, last: int, filter_: Mapping[str, Any]
) -> tuple[list[BlockHead], list[Log]]:
    """Blocks `first` to `last`, a chain that stands on `parent`, and their logs."""
    calls: list[tuple[str, Sequence[Any]]] = [
        ("eth_getBlockByNumber", (hex(number), False)) for number in range(first, last + 1)
    ]
    calls.append(("eth_getLogs", ({**filter_, "fromBlock": hex(first), "toBlock": hex(last)},)))
    *headers, logs = await rpc.batch(calls, timeout=30.0)
    if isinstance(logs, RpcError):
        raise ChainMoved("Logs can't be read", str(logs)) from logs
    heads: list[BlockHead] = []
    for header in headers:
        if header is None or isinstance(header, RpcError):
            raise ChainMoved("A block went while it was read")
        head = block_head(header)
        if head.parent != (heads[-1].hash if heads else parent):
            raise ChainMoved("The chain changed while it was read")
        heads.append(head)
    hashes = {head.hash for head in heads}
    if any(entry["blockHash"] not in hashes for entry in logs):
        raise ChainMoved("The chain changed while its logs were read")
    return heads, logs
