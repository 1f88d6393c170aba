"""A sequencer that censors: between it and the nodes that it talks to."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from control_plane.domain.faults import SequencerCensoring
from control_plane.domain.op_stack import DEPOSIT_TYPE
from control_plane.domain.ports.node import Rpc

_DEPOSIT = hex(DEPOSIT_TYPE)


class Censor:
    """Implements ``ports.node.Rpc``. What the account sent is dropped from the pool right before a
    block is sealed; with `deposits` the L1 shows none of the account's."""

    def __init__(self, honest: Rpc, fault: SequencerCensoring) -> None:
        self._honest = honest
        self._account = fault.account.lower()
        self._deposits = bool(fault.deposits)

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        if method == "evm_mine":
            await self._drop()
        found = await self._honest.call(method, *params, timeout=timeout)
        if method == "eth_getLogs" and self._deposits:
            return [log for log in found if not self._is_from(log)]
        return found

    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], timeout: float | None = None
    ) -> list[Any]:
        return await self._honest.batch(calls, timeout=timeout)

    def subscribe(self, kind: str, *params: Any) -> AsyncIterator[Any]:
        return self._honest.subscribe(kind, *params)

    async def close(self) -> None:
        await self._honest.close()

    def _is_from(self, log: dict[str, Any]) -> bool:
        topics = log["topics"]
        return len(topics) > 1 and topics[1][-40:] == self._account[2:]

    async def _drop(self) -> None:
        content = await self._honest.call("txpool_content")
        for queue in content.values():
            for sender, waiting in queue.items():
                if sender.lower() != self._account:
                    continue
                for each in waiting.values():
                    if each["type"] != _DEPOSIT:
                        await self._honest.call("anvil_dropTransaction", each["hash"])
