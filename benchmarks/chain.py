"""A foreign client: JSON-RPC over one WebSocket, no code of the control plane."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Self

import websockets
from eth_abi import encode
from eth_account import Account
from eth_utils import keccak

DISPATCH = keccak(text="dispatch(uint32,bytes32,bytes)")[:4]
PROCESS = "0x" + keccak(text="Process(uint32,bytes32,address)").hex()
PROCESS_ID = "0x" + keccak(text="ProcessId(bytes32)").hex()
DISPATCH_ID = "0x" + keccak(text="DispatchId(bytes32)").hex()


class Client:
    """One connection; answers and notifications are told apart by their shape."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._id = 0
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self.news: asyncio.Queue[Any] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        self._socket = await websockets.connect(self._url, compression=None, max_size=None)
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reader.cancel()
        await self._socket.close()

    async def _read(self) -> None:
        async for text in self._socket:
            answer = json.loads(text)
            for one in answer if isinstance(answer, list) else [answer]:
                if "id" in one:
                    self._waiting.pop(one["id"]).set_result(one)
                else:
                    self.news.put_nowait(one["params"]["result"])

    def _request(
        self, method: str, params: Sequence[Any]
    ) -> tuple[dict[str, Any], "asyncio.Future[Any]"]:
        self._id += 1
        future = asyncio.get_running_loop().create_future()
        self._waiting[self._id] = future
        return {"jsonrpc": "2.0", "id": self._id, "method": method, "params": list(params)}, future

    async def call(self, method: str, *params: Any) -> Any:
        """The result; RuntimeError for an error answer."""
        request, future = self._request(method, params)
        await self._socket.send(json.dumps(request))
        return _result(await future)

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """All results in order."""
        made = [self._request(method, params) for method, params in calls]
        await self._socket.send(json.dumps([request for request, _ in made]))
        return [_result(await future) for _, future in made]


def _result(answer: dict[str, Any]) -> Any:
    if "error" in answer:
        raise RuntimeError(str(answer["error"]))
    return answer["result"]


def dispatch_data(destination: int, recipient: str, body: bytes) -> str:
    """Calldata of `Mailbox.dispatch(uint32,bytes32,bytes)`."""
    padded = bytes(12) + bytes.fromhex(recipient.removeprefix("0x"))
    return (
        "0x"
        + (DISPATCH + encode(["uint32", "bytes32", "bytes"], [destination, padded, body])).hex()
    )


def sign(key: str, chain_id: int, nonce: int, to: str, data: str, gas: int = 300_000) -> str:
    """A signed EIP-1559 transaction, 0x-hex."""
    signed = Account.sign_transaction(
        {
            "type": 2,
            "chainId": chain_id,
            "nonce": nonce,
            "to": bytes.fromhex(to.removeprefix("0x")),
            "value": 0,
            "data": data,
            "gas": gas,
            "maxFeePerGas": 1_000 * 10**9,
            "maxPriorityFeePerGas": 10**9,
        },
        key,
    )
    return "0x" + bytes(signed.raw_transaction).hex()
