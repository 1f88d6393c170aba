"""The hub of a devnet whose agents run in several processes.

One process serves it, the others connect; each brings its own in-memory :class:`Hub` along, and
what is told in one is told in all. JSON lines over TCP or a Unix socket (``codec.py``); before
them the client sends ``{"token": …, "service": …}`` and is answered ``{"welcome": SERVICE}``, who
serves, or ``{"refused": WHY}``.

What is told while a connection is down is lost. So whoever connects looks again at everything
(:class:`Missed`), and when it is one that others depend on (a *teller*: indexer, aggregator), so do
they: it may have been killed between writing a thing down and telling it.

Of a Unix socket every process of the machine knows where it is: who finds nobody there and gets
the lock beside it serves. A TCP hub is served by the process that is told to.
"""

import asyncio
import contextlib
import fcntl
import hmac
import logging
import os
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import orjson

from control_plane.adapters.alone.address import Address
from control_plane.adapters.alone.codec import decode, encode
from control_plane.domain.errors import CalderaError, PermanentFailure, TemporaryFailure
from control_plane.domain.hub import Hub, Missed, News, Standing, Wanted

_LONGEST_LINE: Final = 64 * 2**20
"""Bytes: a block full of messages is one line."""
_BEHIND: Final = 32 * 2**20
"""Bytes that may wait for a client; one that reads slower is let go and connects again."""
_GREETING_DEADLINE: Final = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0

log = logging.getLogger(__name__)


class SharedHub:
    """Keeps `hub` one with those of the devnet's other processes, while :meth:`run` runs.

    `serve_at` is where this process shall serve a TCP hub, None if it is another that does.
    """

    def __init__(
        self,
        hub: Hub,
        address: Address,
        token: bytes,
        service: str,
        *,
        teller: bool = False,
        serve_at: Address | None = None,
    ) -> None:
        self.joined = asyncio.Event()
        """Set while this process is connected, or serves."""
        self.problem: str | None = None
        self._hub = hub
        self._address = address
        self._token = token
        self._service = service
        self._teller = teller
        self._serve_at = serve_at
        self._standing: Standing | None = None

    def stand(self, standing: Standing) -> None:
        """Tell how this process' agent is, now and again to whoever comes later."""
        if standing != self._standing:
            self._standing = standing
            self._hub.tell(standing)

    async def run(self) -> None:
        """Serve or stay connected until cancelled. PermanentFailure when the token is wrong."""
        pause = _FIRST_PAUSE
        async with self._hub.listen() as told:
            while True:
                try:
                    await self._once(told)
                    pause = _FIRST_PAUSE
                except (OSError, TemporaryFailure) as error:
                    self._lost(f"the devnet's hub at {self._address} is out of reach: {error}")
                self.joined.clear()
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _lost(self, why: str) -> None:
        if self.problem is None:
            log.info("%s", why)
        self.problem = why

    async def _once(self, told: asyncio.Queue[News]) -> None:
        """One connection, or serving for good when that falls to this process."""
        if self._serve_at is not None:
            await self._serve(told, self._serve_at)
            return
        try:
            await self._connected(told)
        except (FileNotFoundError, ConnectionRefusedError):
            if self._address.path is None:
                raise
            with _right_to_serve(self._address.path) as mine:
                if not mine:
                    raise
                await self._serve(told, self._address)

    async def _serve(self, told: asyncio.Queue[News], at: Address) -> None:
        server = _Server(self._hub, told, self._token, self._service, self._standing)
        async with _listening(at, server.attend):
            log.info("%s serves the hub at %s", self._service, at)
            self._found()
            if at is not self._serve_at:
                self._hub.tell(Missed("this process serves the hub from now on"), but=told)
            try:
                await server.pass_on()
            finally:
                server.let_go()

    def _found(self) -> None:
        self.problem = None
        self.joined.set()

    # ------------------------------------------------------------------ as a client

    async def _connected(self, told: asyncio.Queue[News]) -> None:
        """Until the connection ends."""
        async with _opened(self._address) as (reader, writer):
            host = await self._greet(reader, writer)
            for news in _still_true(told):
                writer.write(encode(news))
            if self._standing is not None:
                writer.write(encode(self._standing))
            if self._teller:
                writer.write(encode(Missed(f"{self._service} connected")))
            self._hub.tell(Missed("connected to the hub"), but=told)
            self._found()
            log.info("%s is connected to the hub at %s", self._service, self._address)
            sending = asyncio.create_task(_send(writer, told), name="to the hub")
            try:
                async for news in _lines(reader):
                    self._hub.tell(news, but=told)
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
                self._hub.tell(_gone(host), but=told)  # nobody else could tell that
        raise TemporaryFailure("The hub ended the connection")

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        """The service whose process serves the hub."""
        greeting = {"token": self._token.hex(), "service": self._service}
        writer.write(orjson.dumps(greeting, option=orjson.OPT_APPEND_NEWLINE))
        async with asyncio.timeout(_GREETING_DEADLINE):
            line = await reader.readline()
        try:
            answer: Any = orjson.loads(line)
            if answer.get("welcome"):
                return str(answer["welcome"])
        except (ValueError, AttributeError):
            raise TemporaryFailure("The hub does not answer", repr(line[:80])) from None
        raise PermanentFailure(
            "The hub refuses this process",
            str(answer.get("refused")),
            "Do both use the token file of the same devnet?",
        )


class _Client:
    """One that is connected to us."""

    def __init__(self, writer: asyncio.StreamWriter, service: str) -> None:
        self.service = service
        self._writer = writer

    def send(self, line: bytes) -> None:
        transport = self._writer.transport
        if transport.is_closing():
            return
        if transport.get_write_buffer_size() > _BEHIND:
            log.warning("%s does not listen to the hub; it is let go", self.service)
            transport.abort()
            return
        self._writer.write(line)


class _Server:
    """Passes news between its clients and the process' own hub."""

    def __init__(
        self,
        hub: Hub,
        told: asyncio.Queue[News],
        token: bytes,
        service: str,
        own: Standing | None,
    ) -> None:
        self._hub = hub
        self._service = service
        self._told = told
        self._token = token
        self._clients: set[_Client] = set()
        self._open: set[asyncio.StreamWriter] = set()
        self._standings: dict[str, Standing] = {own.service: own} if own else {}
        """How each agent is that said so."""

    async def pass_on(self) -> None:
        """Tell the clients what is told in this process, until cancelled."""
        while True:
            self._spread(await self._told.get(), None)

    def let_go(self) -> None:
        """End all connections."""
        for writer in self._open:
            writer.transport.abort()

    async def attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, from its first line to its end."""
        self._open.add(writer)
        try:
            service = await self._welcome(reader, writer)
            if service is None:
                return
            client = _Client(writer, service)
            for standing in self._standings.values():
                client.send(encode(standing))
            self._clients.add(client)
            try:
                async for news in _lines(reader):
                    self._hub.tell(news, but=self._told)
                    self._spread(news, client)
            finally:
                self._clients.discard(client)
                self._gone(client)
        except (OSError, ValueError, TemporaryFailure, TimeoutError) as error:
            log.info("a connection to the hub ended: %s", error)
        finally:
            self._open.discard(writer)
            writer.close()

    async def _welcome(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> str | None:
        """The service that connected; None when it does not know the token."""
        async with asyncio.timeout(_GREETING_DEADLINE):
            line = await reader.readline()
        try:
            greeting = orjson.loads(line)
            token, service = str(greeting["token"]), str(greeting["service"])
        except (ValueError, KeyError, TypeError):
            token = service = ""
        if not hmac.compare_digest(token.encode(), self._token.hex().encode()):
            log.warning("a process with a wrong token wanted to join the hub")
            writer.write(b'{"refused":"its token is not the one of this devnet"}\n')
            await writer.drain()
            return None
        writer.write(orjson.dumps({"welcome": self._service}, option=orjson.OPT_APPEND_NEWLINE))
        return service

    def _spread(self, news: News, sender: _Client | None) -> None:
        if isinstance(news, Standing):
            self._standings[news.service] = news
        if not self._clients:
            return
        line = encode(news)
        for client in tuple(self._clients):
            if client is not sender:
                client.send(line)

    def _gone(self, client: _Client) -> None:
        """Its agent is taken for dead until it connects again."""
        known = client.service in self._standings
        if not known or any(other.service == client.service for other in self._clients):
            return
        gone = _gone(client.service)
        self._hub.tell(gone, but=self._told)
        self._spread(gone, None)


def _gone(service: str) -> Standing:
    return Standing(service, alive=False, ready=False, problem="its process is gone")


async def _send(writer: asyncio.StreamWriter, told: asyncio.Queue[News]) -> None:
    while True:
        writer.write(encode(await told.get()))
        await writer.drain()


async def _lines(reader: asyncio.StreamReader) -> AsyncIterator[News]:
    """News until the connection ends; TemporaryFailure for what is none."""
    try:
        async for line in reader:
            news = decode(line)
            if news is not None:
                yield news
    except ValueError as error:
        raise TemporaryFailure("The hub was sent what is no news", str(error)) from error


def _still_true(told: asyncio.Queue[News]) -> Sequence[News]:
    """What was told while nobody was connected and is of use yet: wishes. The rest is found out
    by whoever looks again."""
    waiting = [told.get_nowait() for _ in range(told.qsize())]
    return [news for news in waiting if isinstance(news, Wanted)][-1:]


@contextmanager
def _right_to_serve(socket: Path) -> Iterator[bool]:
    """Whether this process may serve at `socket`; nobody else may inside."""
    lock = socket.with_suffix(".lock")
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


@asynccontextmanager
async def _listening(at: Address, attend: Any) -> AsyncIterator[None]:
    if at.path is None:
        server = await asyncio.start_server(attend, at.host, at.port, limit=_LONGEST_LINE)
    else:
        path = at.make_room()
        server = await asyncio.start_unix_server(attend, path, limit=_LONGEST_LINE)
        path.chmod(0o600)
    try:
        yield
    finally:
        server.close()
        if at.path is not None:
            with contextlib.suppress(OSError):
                at.socket_path.unlink()


@asynccontextmanager
async def _opened(
    at: Address,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    if at.path is None:
        reader, writer = await asyncio.open_connection(at.host, at.port, limit=_LONGEST_LINE)
    else:
        reader, writer = await asyncio.open_unix_connection(at.socket_path, limit=_LONGEST_LINE)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError, CalderaError):
            await writer.wait_closed()
