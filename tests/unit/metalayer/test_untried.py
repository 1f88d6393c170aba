"""Messages for a node without `eth_simulateV1`."""

from typing import Any

from control_plane.domain.abi_formats import BatchItem
from control_plane.domain.calls import selector
from control_plane.domain.hashing import keccak256
from control_plane.domain.rpc import RpcError
from control_plane.services.metalayer.attempts import simulate
from control_plane.services.metalayer.untried import PLENTY

MODULE = "0x" + "33" * 20
CONTRACTS = {"batchProcessor": "0x" + "01" * 20, "mailbox": "0x" + "02" * 20}
OLD, NEW = bytes(45) + b"\x11" * 32 + b"old", bytes(45) + b"\x22" * 32 + b"new"


class Plain:
    """Knows what is delivered, and nothing of simulations."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        if method != "eth_call":
            raise RpcError("refused", method=method, code=-32004, message="not supported")
        data = bytes.fromhex(params[0]["data"][2:])
        self.asked.append(params[0]["to"])
        if data.startswith(selector("delivered(bytes32)")):
            return f"0x{int(data[4:] == keccak256(OLD)):064x}"
        return "0x" + MODULE[2:].rjust(64, "0")

    async def batch(self, calls: Any, timeout: float | None = None) -> list[Any]:
        return [await self.call(method, *params) for method, params in calls]


async def test_messages_get_plenty_of_gas_and_delivered_ones_are_known() -> None:
    node = Plain()
    items = [BatchItem(1_000_000, b"", message) for message in (OLD, NEW)]
    trials = await simulate(node, "0x" + "09" * 20, CONTRACTS, [b"certificate"], items)
    assert [trial.before for trial in trials] == [True, False]
    assert [trial.used for trial in trials] == [0, PLENTY]
    assert {trial.module for trial in trials} == {MODULE}
    assert {trial.revert for trial in trials} == {None}
    assert set(node.asked) == {CONTRACTS["mailbox"]}
