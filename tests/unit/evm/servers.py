"""A WebSocket server that answers as a test tells it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from websockets.asyncio.server import ServerConnection, serve

Handler = Callable[[ServerConnection, Any], Awaitable[None]]


@asynccontextmanager
async def answering(handle: Handler) -> AsyncIterator[str]:
    """The URL of a server that passes every decoded request to `handle`."""

    async def each(connection: ServerConnection) -> None:
        async for text in connection:
            await handle(connection, orjson.loads(text))

    async with serve(each, "127.0.0.1", 0, max_size=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}"


async def say(connection: ServerConnection, message: Any) -> None:
    await connection.send(orjson.dumps(message), text=True)
