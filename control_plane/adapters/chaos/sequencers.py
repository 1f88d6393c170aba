"""A sequencer that censors: between it and the nodes that it talks to."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from control_plane.domain.faults import SequencerCensoring
from control_plane.domain.ids import Hex
from control_plane.domain.op_stack import DEPOSIT_TYPE, Deposit
from control_plane.domain.ports.engine_api import (
    EngineApi,
    ForkChoice,
    Payload,
    PayloadAttributes,
    PayloadRefused,
)
from control_plane.domain.ports.node import Rpc
from control_plane.domain.transactions import raw_of

_DEPOSIT: Final = hex(DEPOSIT_TYPE)
_RISE: Final = 1.125
"""By which a base fee may have risen at most."""


class Censor:
    """Implements ``ports.node.Rpc``. What the account sent is dropped from Anvil's pool right
    before a block is sealed; with `deposits` the L1 shows none of the account's."""

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


class CensoringEngine:
    """Implements ``ports.engine_api.EngineApi``. An engine that takes transactions out of its pool
    by itself is told instead which ones to take: all but the account's."""

    def __init__(self, honest: EngineApi, node: Rpc, account: str) -> None:
        self._honest = honest
        self._node = node
        self._account = account.lower()

    async def forkchoice_updated(
        self, choice: ForkChoice, attributes: PayloadAttributes | None = None
    ) -> str | None:
        if attributes is None or attributes.no_tx_pool:
            return await self._honest.forkchoice_updated(choice, attributes)
        ours = attributes.transactions
        chosen = replace(attributes, no_tx_pool=True, transactions=await self._chosen(attributes))
        try:
            return await self._honest.forkchoice_updated(choice, chosen)
        except PayloadRefused:  # one that waits is no good
            return await self._honest.forkchoice_updated(choice, replace(chosen, transactions=ours))

    async def get_payload(self, identity: str) -> Payload:
        return await self._honest.get_payload(identity)

    async def new_payload(self, payload: Payload) -> None:
        await self._honest.new_payload(payload)

    async def close(self) -> None:
        await self._honest.close()

    async def _chosen(self, attributes: PayloadAttributes) -> tuple[Hex, ...]:
        """The block's deposits, and behind them what fits and waits, in the order of nonces."""
        content = await self._node.call("txpool_content")
        head = await self._node.call("eth_getBlockByNumber", "latest", False)
        least = int(head["baseFeePerGas"], 16) * _RISE
        deposits = (Deposit.decode(bytes.fromhex(raw[2:])) for raw in attributes.transactions)
        room = attributes.gas_limit - sum(deposit.gas for deposit in deposits)
        found = list(attributes.transactions)
        for sender, waiting in content["pending"].items():
            if sender.lower() == self._account:
                continue
            for nonce in sorted(waiting, key=int):
                one, raw = waiting[nonce], raw_of(waiting[nonce])
                room -= int(one["gas"], 16)
                if raw is None or room < 0 or _fee(one) < least:
                    break
                found.append(Hex("0x" + raw.hex()))
        return tuple(found)


def _fee(transaction: Mapping[str, Any]) -> int:
    """The most that it pays for a unit of gas, in wei."""
    return int(transaction.get("maxFeePerGas") or transaction["gasPrice"], 16)
