"""The daemon's event loop: two servers of one app, loading behind them, and an orderly end."""

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

import uvicorn

from control_plane.api.asgi import App, over_socket, problem
from control_plane.api.gate import Gate
from control_plane.api.guard import Guard
from control_plane.daemon_files import Listening, remove_info
from control_plane.domain.errors import CalderaError
from control_plane.settings import Settings

if TYPE_CHECKING:
    from control_plane.api.app import Api
    from control_plane.api.deps import Running

Build = Callable[[Settings, Listening], Awaitable["Running"]]

_CLOSE_DEADLINE: Final = 20.0
"""Seconds for saving all chains at the end; usually far less than one."""
_COMPLETE_AFTER: Final = 3.0
"""Seconds after which what no start needs is loaded: in nobody's way who waits for a devnet."""
_LOAD_PATIENCE: Final = 10.0
"""Seconds that loading gets to finish when the daemon is told to stop meanwhile."""

log = logging.getLogger(__name__)


def serve(
    settings: Settings,
    here: Listening,
    unix: socket.socket,
    tcp: socket.socket,
    build: Build | None = None,
) -> int:
    """Serve on both sockets until SIGTERM or SIGINT; 0, or 1 when loading failed.

    `build` makes the control plane; by default ``bootstrap.build``.
    """
    gc.disable()  # importing makes a lot and frees little
    return asyncio.run(_Daemon(settings, here, build).run(unix, tcp))


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals to the daemon, which has two of them."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told = asyncio.Event()

    def end(self) -> None:
        """Stop serving now; uvicorn by itself looks ten times a second whether it should."""
        self.should_exit = True
        self._told.set()

    async def main_loop(self) -> None:
        counter = 0
        while not await self.on_tick(counter):
            counter = (counter + 1) % 864_000
            with suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await self._told.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, whose pause of 0.1 s is for clients that are still connected."""
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        if self.server_state.connections:
            await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Daemon:
    def __init__(self, settings: Settings, here: Listening, build: Build | None) -> None:
        self._settings = settings
        self._here = here
        self._build = build
        self._gate = Gate(here.version)
        self._stop = asyncio.Event()
        self._running: Running | None = None
        self._failed = False
        self._completing: asyncio.Task[None] | None = None

    async def run(self, unix: socket.socket, tcp: socket.socket) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._told_to_stop, number)
        app = Guard(self._gate, origins=self._settings.origins, hosts=self._settings.hosts)
        servers = [_server(over_socket(app)), _server(app)]
        serving = [
            asyncio.create_task(server.serve(sockets=[listener]), name="server")
            for server, listener in zip(servers, (unix, tcp), strict=True)
        ]
        loading = asyncio.create_task(self._load(), name="loading")
        log.info("daemon %s listens on port %d and %s", *self._listens())
        stopping = asyncio.create_task(self._stop.wait(), name="stop")
        await asyncio.wait({stopping, *serving}, return_when=asyncio.FIRST_COMPLETED)
        await self._end(loading, servers, serving)
        stopping.cancel()
        return 1 if self._failed else 0

    def _listens(self) -> tuple[str, int, str]:
        return self._here.version, self._here.port, self._here.socket

    def _told_to_stop(self, number: int) -> None:
        log.info("stopping: %s", signal.Signals(number).name)
        self._stop.set()

    async def _load(self) -> None:
        """Import the heavy parts beside the loop, build the control plane, open the gate."""
        try:
            app = await self._loaded_app()
        except Exception as error:  # noqa: BLE001 - told to whoever asks, then the daemon ends
            self._fail(error)
            return
        finally:
            gc.freeze()  # what was imported stays; looking through it again and again is in vain
            gc.enable()
        self._gate.open(app)
        log.info("ready")
        self._completing = asyncio.create_task(_complete(app), name="the rest of the API")

    async def _loaded_app(self) -> "Api":
        create_app, build = await asyncio.to_thread(_heavy, self._build)
        self._running = await build(self._settings, self._here)
        return create_app(self._running.services, self._settings)

    def _fail(self, error: Exception) -> None:
        self._failed = True
        log.error("the control plane could not be loaded", exc_info=error)
        if isinstance(error, CalderaError):
            document = problem(error.type, 500, error.title, error.detail, error.hint)
        else:
            document = problem(
                "internal-error",
                500,
                "The daemon could not start",
                f"{type(error).__name__}: {error}",
                f"See {self._settings.home / 'daemon.log'}.",
            )
        self._gate.fail(document)
        asyncio.get_running_loop().call_later(0.2, self._stop.set)  # after those who wait are told

    async def _end(
        self,
        loading: "asyncio.Task[None]",
        servers: list[_Server],
        serving: "list[asyncio.Task[None]]",
    ) -> None:
        """Let clients go, save, close. Whoever starts a new daemon now waits for the lock."""
        self._gate.stop()
        remove_info(self._settings.home)
        await asyncio.wait({loading}, timeout=_LOAD_PATIENCE)  # half built, it can't be closed
        loading.cancel()
        if self._completing is not None:
            self._completing.cancel()
        for server in servers:
            server.end()
        await asyncio.gather(self._close(), *serving, return_exceptions=True)
        log.info("stopped")

    async def _close(self) -> None:
        if self._running is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_DEADLINE):
                await self._running.close()
        except Exception:
            log.exception("closing the control plane")


async def _complete(app: "Api") -> None:
    await asyncio.sleep(_COMPLETE_AFTER)
    await asyncio.to_thread(app.complete)


def _heavy(build: Build | None) -> "tuple[Callable[..., Api], Build]":
    """What takes long to import."""
    import control_plane.api.openapi_models  # noqa: F401 - before FastAPI
    from control_plane.api.app import create_app

    if build is None:
        from control_plane.bootstrap import build as default

        build = default
    return create_app, build


def _server(app: App) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=1,
        )
    )
