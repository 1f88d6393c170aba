"""The app: routes over services, errors as problems, bodies checked, repeats answered once.

Making a route takes FastAPI a good millisecond, a tenth of a daemon's start in all. So the app
begins with those routes that a start needs; the others are made when the first of them is asked
for, or a moment later.
"""

import asyncio
import importlib
import threading
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.types import Receive, Scope, Send

from control_plane.api.asgi import App
from control_plane.api.deps import Services
from control_plane.api.errors import Unexpected, install_handlers
from control_plane.api.guard import Guard
from control_plane.api.requests import Requests
from control_plane.api.routes import devnets, events, system
from control_plane.settings import Settings
from control_plane.version import version

_LATER: Final = (
    "services",
    "metalayer",
    "guardians",
    "proofs",
    "settlement",
    "bridge",
    "using",
    "apps",
    "chaos",
)
"""Modules of ``control_plane.api.routes`` that no start needs."""
_DESCRIPTION = (
    "Rollups of several frameworks on this machine, connected by a live Metalayer. Errors are"
    " problem documents (RFC 9457). Work that takes time is accepted with 202 and told by events."
)


class Api(FastAPI):
    """The REST API, whose later routes are made when they are needed."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._lock = threading.Lock()
        self._whole = False
        self._not_found = self.router.default
        self.router.default = self._unknown
        self.state.routes = []
        for module in (system, devnets, events):
            self._take(module.router)

    def complete(self) -> None:
        """Make the routes that are still missing; from whatever thread, any number of times."""
        with self._lock:
            if self._whole:
                return
            for name in _LATER:
                module = importlib.import_module(f"control_plane.api.routes.{name}")
                self._take(module.router)
            self._whole = True

    def openapi(self) -> dict[str, Any]:
        """The document of all routes."""
        self.complete()
        return super().openapi()

    def _take(self, router: APIRouter) -> None:
        self.include_router(router)
        self.state.routes.extend(router.routes)

    async def _unknown(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._whole or scope["type"] != "http":
            await self._not_found(scope, receive, send)
            return
        await asyncio.to_thread(self.complete)
        await self.router(scope, receive, send)


def create_app(services: Services, settings: Settings) -> Api:
    """The whole REST API. :func:`guarded` goes in front of it."""
    app = Api(
        title="Caldera devnet",
        version=version(),
        description=_DESCRIPTION,
        openapi_url=None,  # served by our own route, off the event loop
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.services = services
    install_handlers(app)
    # the last one added comes first
    app.add_middleware(Requests, database=services.database)
    app.add_middleware(Unexpected)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.origins),
            allow_methods=["GET", "POST", "PATCH", "DELETE"],
            allow_headers=["content-type", "idempotency-key", "last-event-id"],
            expose_headers=["location", "idempotency-replayed"],
        )
    return app


def guarded(app: App, settings: Settings) -> App:
    """`app` behind the checks of Host and Origin."""
    return Guard(app, origins=settings.origins, hosts=settings.hosts)
