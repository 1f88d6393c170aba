"""The app: routes over services, errors as problems, bodies checked, repeats answered once."""

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from control_plane.api.asgi import App
from control_plane.api.deps import Services
from control_plane.api.errors import Unexpected, install_handlers
from control_plane.api.guard import Guard
from control_plane.api.requests import Requests
from control_plane.api.routes import (
    chaos,
    devnets,
    events,
    guardians,
    metalayer,
    proofs,
    settlement,
    system,
    using,
)
from control_plane.api.routes import services as service_routes
from control_plane.settings import Settings
from control_plane.version import version

_DESCRIPTION = (
    "Rollups of several frameworks on this machine, connected by a live Metalayer. Errors are"
    " problem documents (RFC 9457). Work that takes time is accepted with 202 and told by events."
)


def create_app(services: Services, settings: Settings) -> FastAPI:
    """The whole REST API. :func:`guarded` goes in front of it."""
    app = FastAPI(
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
    modules = (
        system,
        devnets,
        service_routes,
        metalayer,
        guardians,
        proofs,
        settlement,
        using,
        chaos,
        events,
    )
    for module in modules:
        app.include_router(module.router)
    app.state.routes = [route for module in modules for route in module.router.routes]
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
