"""An agent's own connection to one chain, made when first needed and anew after it broke."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from control_plane.domain.errors import CalderaError, TemporaryFailure
from control_plane.domain.network import Chain
from control_plane.domain.ports.node import Connect, Rpc

_CONNECT_DEADLINE = 3.0
_CALL_DEADLINE = 5.0
_QUICK = 0.5
_CHECK_DEADLINE = 2.0
_HEAL_EVERY = 1.0

A = TypeVar("A")

log = logging.getLogger(__name__)


class Link:
    """One :class:`Rpc` to `chain`, owned by one agent and shared with nobody.

    Calls raise TemporaryFailure while the chain can't be reached; the next call tries again.
    `problem` says so in a sentence.
    """

    def __init__(self, connect: Connect, chain: Chain) -> None:
        self.chain = chain
        self.problem: str | None = None
        self._connect = connect
        self._rpc: Rpc | None = None
        self._lock = asyncio.Lock()

    async def rpc(self) -> Rpc:
        """The connection, made now if there is none."""
        async with self._lock:
            if self._rpc is None:
                try:
                    self._rpc = await self._connect(self.chain.ws_url, deadline=_CONNECT_DEADLINE)
                except CalderaError as error:
                    self.problem = f"can't reach {self.chain.name}/node: {error}"
                    raise TemporaryFailure(
                        f"Can't reach {self.chain.name}/node",
                        str(error),
                        f"See `caldera logs --service {self.chain.name}/node`.",
                    ) from error
            return self._rpc

    async def call(self, method: str, *params: Any, timeout: float | None = _CALL_DEADLINE) -> Any:
        """One call; RpcError for an error answer, TemporaryFailure for a broken connection."""
        return await self._ask(lambda rpc: rpc.call(method, *params, timeout=timeout))

    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], timeout: float | None = _CALL_DEADLINE
    ) -> list[Any]:
        """Several calls at once; an error answer stands in its place as an RpcError."""
        return await self._ask(lambda rpc: rpc.batch(calls, timeout=timeout))

    async def _ask(self, ask: Callable[[Rpc], Awaitable[A]]) -> A:
        """Ask over the connection; once more over a new one when the old one turns out broken.
        Links only read, so asking twice does no harm."""
        began = asyncio.get_running_loop().time()
        rpc = await self.rpc()
        try:
            return await self._answer(rpc, ask)
        except TemporaryFailure as error:
            await self._drop(rpc, error)
            if asyncio.get_running_loop().time() - began > _QUICK:
                raise  # it did not answer: another wait would not help
        rpc = await self.rpc()
        try:
            return await self._answer(rpc, ask)
        except TemporaryFailure as error:
            await self._drop(rpc, error)
            raise

    async def _answer(self, rpc: Rpc, ask: Callable[[Rpc], Awaitable[A]]) -> A:
        answer = await ask(rpc)
        self.problem = None
        return answer

    async def check(self) -> None:
        """See whether the chain answers; `problem` tells."""
        with contextlib.suppress(CalderaError):
            await self.call("eth_chainId", timeout=_CHECK_DEADLINE)

    async def close(self) -> None:
        """Close the connection if there is one; the next call would make a new one."""
        rpc, self._rpc = self._rpc, None
        if rpc is not None:
            with contextlib.suppress(CalderaError, OSError):
                await rpc.close()

    async def _drop(self, rpc: Rpc, why: Exception) -> None:
        self.problem = f"{self.chain.name}/node does not answer: {why}"
        log.info("connection to %s dropped: %s", self.chain.name, why)
        if self._rpc is rpc:
            await self.close()


@asynccontextmanager
async def keep(links: Collection[Link]) -> AsyncIterator[None]:
    """Connect all of `links`, look after those that broke, close them at the end."""
    await asyncio.gather(*(link.check() for link in links))
    healer = asyncio.create_task(_heal(links), name="reconnecting")
    try:
        yield
    finally:
        healer.cancel()
        await asyncio.gather(healer, *(link.close() for link in links), return_exceptions=True)


async def _heal(links: Collection[Link]) -> None:
    while True:
        await asyncio.sleep(_HEAL_EVERY)
        await asyncio.gather(*(link.check() for link in links if link.problem))
