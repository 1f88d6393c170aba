"""What answers while the daemon still loads: `/health` at once, the rest when it is there."""

import asyncio
from typing import Final

from control_plane.api.asgi import App, Receive, Scope, Send, problem, send_json, send_problem

_PATIENCE: Final = 60.0
"""Seconds that a request waits for the daemon to finish loading."""


class Gate:
    """Holds requests back until :meth:`open` or :meth:`fail`."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._app: App | None = None
        self._failure: dict[str, object] | None = None
        self._decided = asyncio.Event()
        self._stopping = False

    def open(self, app: App) -> None:
        """From now on `app` answers."""
        self._app = app
        self._decided.set()

    def fail(self, failure: dict[str, object]) -> None:
        """Loading failed: everybody who waits gets this problem document."""
        self._failure = failure
        self._decided.set()

    def stop(self) -> None:
        """The daemon ends: those who still wait for it to load are told so."""
        self._stopping = True
        self._decided.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/health" and scope["method"] == "GET":
            await send_json(send, 200, {"status": self.status, "version": self._version})
            return
        if scope["path"] == "/ready" and self.status != "ok":
            await send_problem(send, self._not_ready())
            return
        if self._app is None and not await self._loaded():
            await send_problem(send, self._failure or self._not_ready())
            return
        assert self._app is not None  # noqa: S101 - that is what _loaded says
        await self._app(scope, receive, send)

    @property
    def status(self) -> str:
        if self._stopping:
            return "stopping"
        return "ok" if self._app is not None else "starting"

    async def _loaded(self) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._decided.wait()
        except TimeoutError:
            return False
        return self._app is not None

    def _not_ready(self) -> dict[str, object]:
        return problem(
            "not-ready", 503, f"The daemon is {self.status}", "", "Ask again in a moment."
        )
