"""Stand-in for EigenDA's proxy, as its own memstore: certificates of the right form, signed by
nobody.

``POST /put`` and ``GET /get/0x…`` with standard commitments (``?commitment_mode=standard``) and
with the OP Stack's, generic and Keccak; ``/health``, ``/config``. Statuses are the proxy's: 400 for
what can't be read or is too large, 418 for a certificate that can't be parsed, 500 for what is not
there.

Source: Layr-Labs/eigenda, api/proxy/servers/rest, api/proxy/store/generated_key/memstore,
contracts/bindings/IEigenDACertTypeBindings (the order of a certificate's fields).
"""

import json
import secrets
from typing import ClassVar, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from control_plane.adapters.da.eigenda import (
    MAX_BYTES,
    TEAPOT,
    blob_symbols,
    check_certificate,
    parts,
)
from control_plane.adapters.da.servers.app import (
    GENERIC,
    KECCAK,
    OCTETS,
    StandIn,
    TooLarge,
    body_of,
    commitment_of,
)
from control_plane.adapters.da.servers.store import Withheld
from control_plane.domain import rlp
from control_plane.domain.hashing import keccak256
from control_plane.version import version

VERSION: Final = 2
"""Byte before a V3 certificate."""
LAYER: Final = 0
"""EigenDA's byte in the OP Stack's list of layers."""
_ZERO: Final = rlp.encode_int(0)
_QUORUMS: Final = b"\0\1"


class EigenDaStandIn(StandIn):
    """Items are kept by their certificate's hash, as the memstore does."""

    protocol: ClassVar[str] = "eigenda"
    largest: ClassVar[int] = MAX_BYTES

    def own_routes(self) -> list[Route]:
        return [
            Route("/put", self._put, methods=["POST"]),
            Route("/get/{commitment}", self._get, methods=["GET"]),
            Route("/config", self._config, methods=["GET"]),
        ]

    async def take(self, data: bytes) -> bytes:
        return bytes([GENERIC, LAYER]) + self._disperse(data)

    def generic_key(self, commitment: bytes) -> bytes:
        if commitment[:2] != bytes([GENERIC, LAYER]):
            raise ValueError("no commitment of EigenDA's")
        return keccak256(commitment[2:])

    def key_of(self, commitment: bytes) -> bytes:
        return keccak256(parts(commitment)[0])

    def _disperse(self, data: bytes) -> bytes:
        """Certificate with its version byte."""
        symbols = blob_symbols(len(data))
        if symbols * 32 > MAX_BYTES:
            raise TooLarge(f"encoded blob is larger than max blob size: {MAX_BYTES}")
        made = bytes([VERSION]) + certificate(symbols)
        self.store.put(keccak256(made), data)
        return made

    async def _put(self, request: Request) -> Response:
        try:
            data = await body_of(request, MAX_BYTES)
            if request.query_params.get("commitment_mode") == "standard":
                return Response(self._disperse(data), media_type=OCTETS)
            return Response(await self.take(data), media_type=OCTETS)
        except TooLarge as error:
            return PlainTextResponse(str(error), 400)

    async def _get(self, request: Request) -> Response:
        text = request.path_params["commitment"]
        asked = commitment_of(text if text.startswith("0x") else f"0x{text}")
        if request.query_params.get("commitment_mode") != "standard":
            if asked[0] not in {KECCAK, GENERIC}:
                return PlainTextResponse(f"unsupported commitment type {asked[0]:02x}", 400)
            if asked[0] == KECCAK:
                return await self.get(request)
            asked = asked[2:]
        try:
            check_certificate(asked)
        except ValueError as error:
            return PlainTextResponse(json.dumps({"StatusCode": 1, "Msg": str(error)}), TEAPOT)
        try:
            return Response(self.store.get(keccak256(asked)), media_type=OCTETS)
        except Withheld:
            key = keccak256(asked).hex()
            return PlainTextResponse(f"payload not found for key: {key}", 500)

    async def _config(self, _request: Request) -> Response:
        return JSONResponse({"version": f"caldera-stand-in {version()}", "apis_enabled": []})


def certificate(symbols: int) -> bytes:
    """RLP of a V3 certificate over a blob of that many field elements. Whoever looks sees that
    it certifies nothing: its points are not on the curve, its batch is in nobody's contract."""
    point: rlp.Item = [_ZERO, _ZERO]
    pair: rlp.Item = [point, point]
    commitment: rlp.Item = [point, pair, pair, rlp.encode_int(symbols)]
    blob_header: rlp.Item = [_ZERO, _QUORUMS, commitment, bytes(32)]
    inclusion: rlp.Item = [[blob_header, b"caldera stand-in", []], _ZERO, b""]
    batch: rlp.Item = [secrets.token_bytes(32), _ZERO]
    signature: rlp.Item = [[], [], [], pair, point, [], [], []]
    return rlp.encode([batch, inclusion, signature, _QUORUMS])
