"""What every stand-in answers: the OP Stack's alt-DA REST, health, version and the admin's faults.

Alt-DA: ``PUT`` or ``POST /put`` (the stand-in makes the commitment), ``/put/0x00<keccak256>``
(whoever asks made it), ``GET /get/0x<commitment>``; 400 for what is no commitment or not the data
of one, 404 for what is not there.

Source: ethereum-optimism/optimism, op-alt-da/daserver.go and commitment.go; the OP Stack
specification, experimental/alt-da.md.
"""

import secrets
from abc import ABC, abstractmethod
from ipaddress import ip_address
from typing import Any, ClassVar, Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from control_plane.adapters.da.servers.store import EVERY, FAULTS, Fault, Store, Withheld, secret
from control_plane.domain.hashing import keccak256
from control_plane.version import version

KECCAK: Final = 0
"""First byte of an alt-DA commitment that is a hash; any other server's own begin with 1."""
GENERIC: Final = 1
OCTETS: Final = "application/octet-stream"


class TooLarge(ValueError):
    """More than the service takes."""


class Unavailable(Exception):
    """The service can't do that now."""


class StandIn(ABC):
    """One service. A subclass adds its own protocol's routes."""

    protocol: ClassVar[str]
    """As in a spec's ``da``."""
    largest: ClassVar[int]
    """Bytes that an item may have."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._token = secret(store.directory / "admin.token")

    @abstractmethod
    async def take(self, data: bytes) -> bytes:
        """Keep `data`; the generic alt-DA commitment. Raises TooLarge."""

    async def give(self, commitment: bytes) -> bytes:
        """Data of a generic alt-DA commitment. Raises Withheld, ValueError."""
        return self.store.get(self.generic_key(commitment))

    @abstractmethod
    def generic_key(self, commitment: bytes) -> bytes:
        """Key in the store of the item that a generic alt-DA commitment names. Raises
        ValueError."""

    @abstractmethod
    def key_of(self, commitment: bytes) -> bytes:
        """Likewise for a commitment as our batchers post it (``ports.da``). Raises ValueError."""

    def has(self, key: bytes) -> bool:
        """Whether there is such an item, withheld or not."""
        return self.store.has(key)

    def break_(self, key: bytes, fault: Fault | None) -> None:
        """Withhold or corrupt an item, None: neither."""
        self.store.break_(key, fault)

    def own_routes(self) -> list[Route]:
        """Of the service's own protocol."""
        return []

    def described(self) -> dict[str, Any]:
        """What health and version answers say."""
        return {
            "standIn": True,
            "service": f"caldera-stand-in/{self.protocol}",
            "version": version(),
            "note": "Data are kept on this machine only. Nobody else vouches for them.",
        }

    # --------------------------------------------------------------- alt-DA

    async def put(self, request: Request) -> Response:
        """``PUT /put`` and ``/put/0x00…``."""
        data = await body_of(request, self.largest)
        given = request.path_params.get("commitment", "")
        if not data:
            return PlainTextResponse("there is no data", 400)
        if not given:
            return Response(await self.take(data), media_type=OCTETS)
        commitment = commitment_of(given)
        if commitment != bytes([KECCAK]) + keccak256(data):
            return PlainTextResponse("the commitment is not the data's Keccak-256", 400)
        self.store.put(commitment, data)
        return Response(status_code=200)

    async def get(self, request: Request) -> Response:
        """``GET /get/0x…``."""
        commitment = commitment_of(request.path_params["commitment"])
        if commitment[0] == KECCAK:
            if len(commitment) != 33:
                raise ValueError("a Keccak commitment has 33 bytes")
            return Response(self.store.get(commitment), media_type=OCTETS)
        if commitment[0] != GENERIC:
            raise ValueError(f"unsupported commitment type {commitment[0]:02x}")
        return Response(await self.give(commitment), media_type=OCTETS)

    # --------------------------------------------------------------- about itself

    async def health(self, _request: Request) -> Response:
        return JSONResponse(self.described())

    async def faults(self, request: Request) -> Response:
        """``POST /admin/faults {"commitment": "0x…", "fault": "withhold" | "corrupt" | null}``,
        with a commitment as it stands on the L1: of a batcher of ours or an alt-DA one;
        ``"*"`` is all of them, and those to come."""
        refusal = self.refusal(request)
        if refusal is not None:
            return refusal
        try:
            asked = await request.json()
            named, fault = asked["commitment"], asked["fault"]
            key = EVERY if named == "*" else self._key(commitment_of(named))
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            return PlainTextResponse(f"no fault: {error}", 400)
        if fault is not None and fault not in FAULTS:
            return PlainTextResponse(f"there are the faults {', '.join(FAULTS)} and null", 400)
        if key != EVERY and not self.has(key):
            return PlainTextResponse("there is no such item", 404)
        self.break_(key, fault)
        return JSONResponse({"commitment": named, "fault": fault})

    def _key(self, commitment: bytes) -> bytes:
        if commitment[0] == KECCAK:
            return commitment
        return (self.generic_key if commitment[0] == GENERIC else self.key_of)(commitment)

    async def about(self, request: Request) -> Response:
        """``GET /admin``: how much is kept."""
        return self.refusal(request) or JSONResponse(
            {**self.described(), "items": self.store.count()}
        )

    def app(self) -> Starlette:
        """The service, ready to be served."""
        return Starlette(
            routes=[
                *self.own_routes(),
                Route("/put", self.put, methods=["PUT", "POST"]),
                Route("/put/{commitment:path}", self.put, methods=["PUT", "POST"]),
                Route("/get/{commitment:path}", self.get, methods=["GET"]),
                Route("/health", self.health, methods=["GET"]),
                Route("/version", self.health, methods=["GET"]),
                Route("/admin", self.about, methods=["GET"]),
                Route("/admin/faults", self.faults, methods=["POST"]),
            ],
            middleware=[Middleware(_OwnMachine)],
            exception_handlers={
                Withheld: _answer(404),
                TooLarge: _answer(413),
                Unavailable: _answer(503),
                ValueError: _answer(400),
                RecursionError: _answer(400),
            },
        )

    def refusal(self, request: Request) -> Response | None:
        """Unless the request has the token that lies beside the items."""
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if secrets.compare_digest(given.encode(), self._token.encode()):
            return None
        return PlainTextResponse("the token is in admin.token, beside the items", 401)


class _OwnMachine:
    """Turns web pages away: no browser has business here, nor a name that only looks local."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            host = headers.get(b"host", b"").decode("latin-1")
            name = host if host.endswith("]") else host.rpartition(":")[0] or host
            if b"origin" in headers or not _is_here(name):
                await PlainTextResponse("only programs of this machine", 403)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _is_here(name: str) -> bool:
    try:
        return name == "localhost" or ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


async def body_of(request: Request, largest: int) -> bytes:
    """The request's body. Raises TooLarge as soon as it is known to be."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > largest:
            raise TooLarge(f"more than {largest} bytes")
        parts.append(part)
    return b"".join(parts)


def commitment_of(text: Any) -> bytes:
    """Bytes of 0x-hex, at least one. Raises ValueError."""
    if not isinstance(text, str) or not text.startswith("0x") or len(text) < 4:
        raise ValueError("a commitment is 0x and hex digits")
    return bytes.fromhex(text[2:])


def _answer(status: int) -> Any:
    async def answer(_request: Request, error: Exception) -> Response:
        return PlainTextResponse(str(error), status)

    return answer
