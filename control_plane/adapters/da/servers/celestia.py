"""Stand-in for a Celestia node: its JSON-RPC on ``POST /``.

``blob.Submit``, ``blob.Get``, ``blob.GetAll``, ``blob.GetProof``, ``blob.Included``,
``blob.GetCommitmentProof``, ``header.GetByHeight``, ``header.WaitForHeight``,
``header.NetworkHead``, ``header.LocalHead``, ``node.Info``. Each submission is a block of its own.
Tokens as celestia-node's: a JWT (HS256) whose ``Allow`` lists permissions.

Source: celestiaorg/celestia-node, nodebuilder/{blob,header,node}, api/rpc/perms, libs/authtoken.
"""

import base64
import hmac
import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, ClassVar, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from control_plane.adapters.da.celestia import Place
from control_plane.adapters.da.servers.app import GENERIC, StandIn, TooLarge, body_of
from control_plane.adapters.da.servers.square import Square
from control_plane.adapters.da.servers.store import Store, Withheld, load, secret, write
from control_plane.adapters.da.shares import (
    MAX_BYTES,
    check_namespace,
    namespace,
    share_commitment,
)

LAYER: Final = 0x0C
"""Second byte of Celestia's alt-DA commitments: then come the height (8 bytes, least significant
first) and the share commitment. Source: celestiaorg/op-alt-da, celestia_storage.go."""
NAMESPACE: Final = namespace(b"caldera")
"""Of what comes in by alt-DA."""
PERMISSIONS: Final = ("public", "read", "write", "admin")
_NOT_FOUND: Final = "blob: not found"


class _Refused(Exception):
    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class CelestiaStandIn(StandIn):
    """Blocks are files ``blocks/<height>.json``, written after their blobs."""

    protocol: ClassVar[str] = "celestia"
    largest: ClassVar[int] = MAX_BYTES

    def __init__(self, store: Store, *, authentication: bool = True) -> None:
        super().__init__(store)
        self._blocks = store.directory / "blocks"
        self._blocks.mkdir(mode=0o700, exist_ok=True)
        self._height = max((int(path.stem) for path in self._blocks.glob("*.json")), default=0)
        self._secret = secret(store.directory / "jwt.secret").encode()
        self._open = not authentication
        for name, count in (("read", 2), ("write", 3)):
            write(store.directory / f"{name}.token", self.token(*PERMISSIONS[:count]).encode())
        self._square = lru_cache(maxsize=4)(self._make_square)
        self._methods: dict[str, tuple[str, Callable[..., Any]]] = {
            "blob.Submit": ("write", self._submit),
            "blob.Get": ("read", self._get),
            "blob.GetAll": ("read", self._get_all),
            "blob.GetProof": ("read", self._proof),
            "blob.Included": ("read", self._included),
            "blob.GetCommitmentProof": ("read", self._commitment_proof),
            "header.GetByHeight": ("read", self._header),
            "header.WaitForHeight": ("read", self._header),
            "header.NetworkHead": ("read", lambda: self._header(self._height)),
            "header.LocalHead": ("read", lambda: self._header(self._height)),
            "node.Info": ("admin", lambda: {"type": 3, "api_version": "caldera-stand-in"}),
        }

    def token(self, *permissions: str) -> str:
        """A token for the JSON-RPC."""
        claims = {"Allow": permissions, "Nonce": base64.b64encode(secrets.token_bytes(32)).decode()}
        claims["ExpiresAt"] = "0001-01-01T00:00:00Z"
        return _signed(claims, self._secret)

    def own_routes(self) -> list[Route]:
        return [Route("/", self._rpc, methods=["POST"])]

    # --------------------------------------------------------------- alt-DA

    async def take(self, data: bytes) -> bytes:
        height = self._add([(NAMESPACE, data)])
        place = Place(height, NAMESPACE, share_commitment(NAMESPACE, data))
        return bytes([GENERIC, LAYER]) + height.to_bytes(8, "little") + place.commitment

    def generic_key(self, commitment: bytes) -> bytes:
        if len(commitment) != 42 or commitment[1] != LAYER:
            raise ValueError("no commitment of Celestia's")
        height = int.from_bytes(commitment[2:10], "little")
        return Place(height, NAMESPACE, commitment[10:]).encoded()

    def key_of(self, commitment: bytes) -> bytes:
        return Place.decoded(commitment).encoded()

    # --------------------------------------------------------------- JSON-RPC

    async def _rpc(self, request: Request) -> Response:
        allowed = self._allowed(request.headers.get("authorization"))
        if allowed is None:
            return PlainTextResponse("", 401)
        try:
            asked = json.loads(await body_of(request, 2 * MAX_BYTES))
            number, method = asked.get("id"), str(asked["method"])
            params = asked.get("params") or []
        except TooLarge:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            return _error(None, -32700, f"Parse error: {error}")
        if method not in self._methods:
            return _error(number, -32601, f"method '{method}' not found")
        needed, run = self._methods[method]
        if needed not in allowed:
            name = method.partition(".")[2]
            return _error(number, 1, f"missing permission to invoke '{name}' (need '{needed}')")
        try:
            result = run(*params)
        except _Refused as error:
            return _error(number, error.code, str(error))
        except (TypeError, ArithmeticError, ValueError, KeyError, AttributeError) as error:
            return _error(number, -32602, f"invalid params: {error}")
        return JSONResponse({"jsonrpc": "2.0", "result": result, "id": number})

    def _allowed(self, header: str | None) -> frozenset[str] | None:
        """What a request may; None when its token is none."""
        if self._open:
            return frozenset(PERMISSIONS)
        if header is None:
            return frozenset({"public"})
        claims = _claims(header.removeprefix("Bearer "), self._secret)
        return None if claims is None else frozenset(claims.get("Allow", ()))

    def _submit(self, blobs: list[dict[str, Any]], _options: Any = None) -> int:
        if not blobs:
            raise _Refused("no blobs provided")
        taken = []
        for blob in blobs:
            own, data = _decoded(blob["namespace"]), _decoded(blob["data"])
            check_namespace(own)
            if blob.get("share_version", 0) != 0:
                raise _Refused("the stand-in takes blobs of share version 0")
            given = blob.get("commitment")
            if given and _decoded(given) != share_commitment(own, data):
                raise _Refused("blob: commitment does not match the data")
            taken.append((own, data))
        if sum(len(data) for _, data in taken) > MAX_BYTES:
            raise _Refused(f"tx too large: more than {MAX_BYTES} bytes")
        return self._add(taken)

    def _add(self, blobs: list[tuple[bytes, bytes]]) -> int:
        """A block of `blobs`."""
        height = self._height + 1
        listed = []
        for own, data in blobs:
            place = Place(height, own, share_commitment(own, data))
            self.store.put(place.encoded(), data)
            listed.append([own.hex(), place.commitment.hex(), len(data)])
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        block = json.dumps({"time": now, "blobs": listed}).encode()
        write(self._blocks / f"{height}.json", block)
        self._height = height
        return height

    def _block(self, height: int) -> dict[str, Any]:
        known = 0 < height <= self._height
        block = load(self._blocks / f"{int(height)}.json", None) if known else None
        if not isinstance(block, dict):
            raise _Refused("header: given height is from the future")
        return block

    def _places(self, height: int) -> list[Place]:
        return [
            Place(height, bytes.fromhex(own), bytes.fromhex(commitment))
            for own, commitment, _ in self._block(height)["blobs"]
        ]

    def _make_square(self, height: int) -> Square:
        """Of the data as they were taken, whatever is withheld."""
        return Square.of(
            [(place.namespace, self.store.taken(place.encoded())) for place in self._places(height)]
        )

    def _find(self, height: int, own: str, commitment: str) -> tuple[int, Place]:
        """Number in its block and place of a blob that is not withheld."""
        wanted = Place(int(height), _decoded(own), _decoded(commitment))
        for number, place in enumerate(self._places(height)):
            if place == wanted and self.store.fault(place.encoded()) != "withhold":
                return number, place
        raise _Refused(_NOT_FOUND)

    def _get(self, height: int, own: str, commitment: str) -> dict[str, Any]:
        number, place = self._find(height, own, commitment)
        return self._blob(number, place)

    def _get_all(self, height: int, namespaces: list[str]) -> list[dict[str, Any]]:
        wanted = [_decoded(one) for one in namespaces]
        return [
            self._blob(number, place)
            for own in wanted
            for number, place in enumerate(self._places(height))
            if place.namespace == own and self.store.fault(place.encoded()) != "withhold"
        ]

    def _blob(self, number: int, place: Place) -> dict[str, Any]:
        try:
            data = self.store.get(place.encoded())
        except Withheld:
            raise _Refused(_NOT_FOUND) from None
        return {
            "namespace": _encoded(place.namespace),
            "data": _encoded(data),
            "share_version": 0,
            "commitment": _encoded(place.commitment),
            "index": self._square(place.height).starts[number],
        }

    def _proof(self, height: int, own: str, commitment: str) -> list[dict[str, Any]]:
        _, place = self._find(height, own, commitment)
        square = self._square(place.height)
        spans = square.spans(*square.namespace_span(place.namespace))
        return [_range_proof(square, row, span) for row, span in spans]

    def _included(self, height: int, own: str, proof: Any, commitment: str) -> bool:
        try:
            expected = self._proof(height, own, commitment)
        except _Refused as error:
            if str(error) == _NOT_FOUND:
                return False
            raise
        if proof != expected:
            raise _Refused("blob: invalid proof")
        return True

    def _commitment_proof(self, height: int, own: str, commitment: str) -> dict[str, Any]:
        number, place = self._find(height, own, commitment)
        square = self._square(place.height)
        start = square.starts[number]
        spans = square.spans(start, start + square.counts[number])
        rows = [row for row, _ in spans]
        total = 2 * square.width
        return {
            "subtree_roots": [_encoded(root) for root in square.roots_of(number)],
            "subtree_root_proofs": [_range_proof(square, row, span) for row, span in spans],
            "namespace_id": _encoded(place.namespace[1:]),
            "row_proof": {
                "row_roots": [_encoded(square.row_roots[row]) for row in rows],
                "proofs": [
                    {
                        "total": str(total),
                        "index": str(row),
                        "leaf_hash": _encoded(square.row_leaf(row)),
                        "aunts": [_encoded(aunt) for aunt in square.row_path(row)],
                    }
                    for row in rows
                ],
                "start_row": rows[0],
                "end_row": rows[-1],
            },
            "namespace_version": 0,
        }

    def _header(self, height: int) -> dict[str, Any]:
        if int(height) < 1:
            raise _Refused("header: height is equal to 0")
        block, square = self._block(height), self._square(int(height))
        return {
            "header": {
                "version": {"block": "11", "app": "0"},
                "chain_id": "caldera-stand-in",
                "height": str(height),
                "time": block["time"],
                "data_hash": square.data_root.hex().upper(),
            },
            "dah": {
                "row_roots": [_encoded(root) for root in square.row_roots],
                "column_roots": [_encoded(root) for root in square.column_roots],
            },
        }


def _range_proof(square: Square, row: int, span: tuple[int, int]) -> dict[str, Any]:
    return {
        "start": span[0],
        "end": span[1],
        "nodes": [_encoded(node) for node in square.path(row, span)],
        "is_max_namespace_ignored": True,
    }


def _error(number: Any, code: int, message: str) -> JSONResponse:
    return JSONResponse(
        {"jsonrpc": "2.0", "error": {"code": code, "message": message}, "id": number}
    )


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decoded(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


# ------------------------------------------------------------------- tokens (RFC 7519, HS256)


def _signed(claims: dict[str, Any], key: bytes) -> str:
    head = _url64(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    body = f"{head}.{_url64(json.dumps(claims).encode())}"
    return f"{body}.{_url64(hmac.digest(key, body.encode(), 'sha256'))}"


def _claims(token: str, key: bytes) -> dict[str, Any] | None:
    """None for a token that `key` did not sign."""
    body, _, signature = token.rpartition(".")
    expected = _url64(hmac.digest(key, body.encode(), "sha256"))
    if not hmac.compare_digest(signature.encode(), expected.encode()):
        return None
    encoded = body.partition(".")[2]
    claims = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    return claims if isinstance(claims, dict) else None


def _url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
