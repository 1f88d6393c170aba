"""JSON-RPC over one WebSocket connection: calls, batches and subscriptions.

Implements ``domain/ports/node.py`` Rpc. Answers are matched by id, so calls of many tasks share
the connection. When it breaks, every call under way and every subscription fails at once.

What arrives is acknowledged at once (TCP_QUICKACK, where the system has it): Anvil leaves Nagle's
algorithm on, so an answer that follows a notification waits until the notification is acknowledged,
which takes 40 ms otherwise. A sealed block was known after 34 ms in the median, now after 2.
"""

import asyncio
import contextlib
import itertools
import logging
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import orjson
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_socket
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.rpc import RpcError

CALL_DEADLINE: Final = 10.0
"""Seconds for an answer where the caller names no other."""
_CONNECT_DEADLINE: Final = 5.0
_CLOSE_DEADLINE: Final = 0.5
"""Seconds that a node has to say goodbye; a frozen one never does."""
_QUICKACK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)

log = logging.getLogger(__name__)

Answer = dict[str, Any]


async def connect(
    url: str, *, deadline: float | None = None, headers: Mapping[str, str] | None = None
) -> "WebSocketRpc":
    """Connect to a node's WebSocket, the handshake with `headers`; TemporaryFailure when it can't
    be reached within `deadline` seconds."""
    limit = deadline or _CONNECT_DEADLINE
    try:
        async with asyncio.timeout(limit):
            opened = await open_socket(
                url,
                compression=None,
                max_size=None,
                max_queue=None,
                ping_interval=None,
                close_timeout=_CLOSE_DEADLINE,
                proxy=None,
                create_connection=_QuickConnection,
                additional_headers=headers,
            )
    except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as error:
        why = str(error) or f"no answer within {limit:g} s"
        raise TemporaryFailure(f"Can't connect to {url}", why, "Does its node run?") from error
    return WebSocketRpc(url, opened)


class _QuickConnection(ClientConnection):
    """Acknowledges at once what arrives."""

    _plain: socket.socket | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if _QUICKACK is not None:
            self._plain = transport.get_extra_info("socket")

    def data_received(self, data: bytes) -> None:
        if self._plain is not None and _QUICKACK is not None:
            # the kernel forgets it after a while (tcp(7)), so it is said each time: 0.5 µs
            with contextlib.suppress(OSError):
                self._plain.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        super().data_received(data)


class WebSocketRpc:
    """One connection. Made by :func:`connect`; a broken one stays broken."""

    def __init__(self, url: str, connection: ClientConnection) -> None:
        self._url = url
        self._socket = connection
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._queues: dict[str, asyncio.Queue[Any]] = {}
        self._broken: str | None = None
        """Why it broke."""
        self._reader = asyncio.create_task(self._read(), name=f"rpc {url}")

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        """The result of one call. Raises RpcError, TemporaryFailure."""
        number, answer = self._expect()
        (raw,) = await self._ask(
            _request(number, method, params), [(number, answer)], method, timeout
        )
        return _result(method, raw)

    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], timeout: float | None = None
    ) -> list[Any]:
        """Results in order; an error answer stands in its place as an RpcError."""
        if not calls:
            return []
        expected = [self._expect() for _ in calls]
        body = [
            _request(number, method, params)
            for (number, _), (method, params) in zip(expected, calls, strict=True)
        ]
        answers = await self._ask(body, expected, f"a batch of {len(calls)}", timeout)
        return [_or_error(m, raw) for (m, _), raw in zip(calls, answers, strict=True)]

    async def subscribe(self, kind: str, *params: Any) -> AsyncIterator[Any]:
        """`eth_subscribe`; ends with TemporaryFailure when the connection breaks."""
        identity = str(await self.call("eth_subscribe", kind, *params))
        queue = self._queue(identity)
        if self._broken is not None:  # since the answer came
            queue.put_nowait(_END)
        try:
            while True:
                item = await queue.get()
                if item is _END:
                    raise self._failure()
                yield item
        finally:
            if self._broken is None:
                with contextlib.suppress(RpcError, TemporaryFailure):
                    await self.call("eth_unsubscribe", identity, timeout=_CLOSE_DEADLINE)
            self._queues.pop(identity, None)

    async def close(self) -> None:
        """Close the connection; what waits on it fails. Idempotent."""
        self._break("closed by this side")
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        with contextlib.suppress(ConnectionClosed, OSError):
            await self._socket.close()

    # ------------------------------------------------------------------ inside

    def _expect(self) -> tuple[int, asyncio.Future[Answer]]:
        if self._broken is not None:
            raise self._failure()
        number = next(self._ids)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        return number, answer

    async def _ask(
        self,
        body: Any,
        expected: Sequence[tuple[int, asyncio.Future[Answer]]],
        what: str,
        timeout: float | None,
    ) -> list[Answer]:
        limit = timeout or CALL_DEADLINE
        try:
            async with asyncio.timeout(limit):
                await self._socket.send(orjson.dumps(body), text=True)
                return [await answer for _, answer in expected]
        except TimeoutError:
            raise TemporaryFailure(
                f"{self._url} did not answer {what}", f"within {limit:g} s", "Does its node run?"
            ) from None
        except ConnectionClosed as error:
            self._break(str(error))
            raise self._failure() from error
        finally:
            for number, answer in expected:
                if self._waiting.pop(number, None) is not None:
                    answer.cancel()
                elif answer.done() and not answer.cancelled():
                    answer.exception()  # seen, for those after the first that failed

    async def _read(self) -> None:
        why = "the connection ended"
        try:
            async for text in self._socket:
                self._take(orjson.loads(text))
        except (ConnectionClosed, OSError) as error:
            why = str(error)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            why = f"the node sent what is no JSON-RPC ({error})"
            log.warning("%s: %s", self._url, why)
        finally:
            self._break(why)

    def _take(self, message: Any) -> None:
        for one in message if isinstance(message, list) else (message,):
            if one.get("method") == "eth_subscription":
                params = one["params"]
                self._queue(params["subscription"]).put_nowait(params["result"])
            elif one.get("id") is None:
                # the node could not even read the ids (JSON-RPC 2.0, section 5): nobody else's
                # request is that bad, so all that wait are told rather than left waiting
                for number in list(self._waiting):
                    self._answer(number, one)
            else:
                self._answer(one["id"], one)

    def _answer(self, number: Any, answer: Answer) -> None:
        waiting = self._waiting.pop(number, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def _queue(self, identity: str) -> asyncio.Queue[Any]:
        """A subscription's queue; news can be here before its id is known to the subscriber."""
        return self._queues.setdefault(identity, asyncio.Queue())

    def _break(self, why: str) -> None:
        if self._broken is not None:
            return
        self._broken = why
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(self._failure())
        self._waiting.clear()
        for queue in self._queues.values():
            queue.put_nowait(_END)

    def _failure(self) -> TemporaryFailure:
        return TemporaryFailure(f"The connection to {self._url} broke", self._broken or "")


_END: Final = object()
"""Stands in a subscription's queue when no more news can come."""


def _request(number: int, method: str, params: Sequence[Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}


def _result(method: str, answer: Answer) -> Any:
    found = _or_error(method, answer)
    if isinstance(found, RpcError):
        raise found
    return found


def _or_error(method: str, answer: Answer) -> Any:
    error = answer.get("error")
    if error is None:
        return answer.get("result")
    message, data = str(error.get("message", "")), error.get("data")
    more = data.get("err") if isinstance(data, dict) else None  # how the Engine API says why
    return RpcError(
        f"{method} was refused",
        f"{message}: {more}" if more else message,
        method=method,
        code=int(error.get("code", 0)),
        message=message,
        data=_revert_data(data),
    )


def _revert_data(data: Any) -> Any:
    """The 0x-hex revert data in the shapes that nodes give it: bare, or in an object."""
    if isinstance(data, dict):
        for value in data.values():
            found = _revert_data(value)
            if found is not None:
                return found
        return None
    return data if isinstance(data, str) and data.startswith("0x") else None
