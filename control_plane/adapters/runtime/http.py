"""JSON-RPC over one keep-alive HTTP connection, no more than starting a node needs.

It exists because a node is asked from its first millisecond on: this connects in 0.2 ms where
a WebSocket client needs several, and carries bodies of any size.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Self

from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.rpc import RpcError


class NodeHttp:
    """Made by :meth:`connect`; every call has the caller's deadline around it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        host, port = writer.get_extra_info("peername")[:2]
        self._host = f"{host}:{port}"

    @classmethod
    async def connect(cls, host: str, port: int) -> Self:
        """Raises OSError when nobody listens."""
        return cls(*await asyncio.open_connection(host, port))

    async def call(self, method: str, *params: Any) -> Any:
        """The result; raises RpcError for an error answer, else as :meth:`batch`."""
        result = (await self.batch([(method, params)]))[0]
        if isinstance(result, RpcError):
            raise result
        return result

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Results in order, an RpcError in the place of an error answer.

        Raises TemporaryFailure when the connection breaks or what answers is no JSON-RPC server.
        """
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
            for number, (method, params) in enumerate(calls)
        ]
        answer = await self._exchange(json.dumps(body).encode())
        try:
            by_id = {item["id"]: item for item in json.loads(answer)}
            return [_result(by_id[number], calls[number][0]) for number in range(len(calls))]
        except (ValueError, TypeError, KeyError) as error:
            raise TemporaryFailure(
                "The answer is not JSON-RPC", f"{self._host} sent {answer[:80]!r}"
            ) from error

    async def close(self) -> None:
        """Close the connection."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            return

    async def _exchange(self, body: bytes) -> bytes:
        head = (
            f"POST / HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        try:
            self._writer.write(head.encode() + body)
            await self._writer.drain()
            answer = await self._reader.readuntil(b"\r\n\r\n")
            length = _content_length(answer)
            return await (self._chunks() if length is None else self._reader.readexactly(length))
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            raise TemporaryFailure(
                "The connection to the node broke", f"{self._host}: {error}"
            ) from error

    async def _chunks(self) -> bytes:
        """A chunked body (RFC 9112, 7.1), as geth sends what is longer than 2 kB."""
        body = b""
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            body += await self._reader.readexactly(size)
            await self._reader.readexactly(2)
        await self._reader.readexactly(2)
        return body


def _content_length(head: bytes) -> int | None:
    """None: the body comes in chunks."""
    for line in head.decode("latin-1").lower().split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip() == "content-length":
            return int(value)
        if name.strip() == "transfer-encoding" and value.strip() == "chunked":
            return None
    raise ValueError("an answer without Content-Length")


def _result(answer: dict[str, Any], method: str) -> Any:
    error = answer.get("error")
    if error is None:
        return answer["result"]
    return RpcError(
        f"The node refused {method}",
        str(error.get("message", "")),
        method=method,
        code=int(error.get("code", 0)),
        message=str(error.get("message", "")),
        data=error.get("data"),
    )
