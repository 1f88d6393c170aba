"""Stand-in for an AnyTrust committee: members with keys and files of their own, in one process.

Member n is at ``/member/<n>``: JSON-RPC on ``POST`` (``das_store``, ``das_healthCheck``,
``das_expirationPolicy``) and REST on ``GET`` (``get-by-hash/<hash>``, ``health``,
``expiration-policy``). ``committee.json`` says who they are. ``POST /admin/members {"member": 1,
"down": true}`` lets one answer nothing.

Source: OffchainLabs/nitro, daprovider/anytrust/rpc_server.go, restful_server.go and
sign_after_store_writer.go.
"""

import json
import time
from base64 import b64encode
from pathlib import Path
from typing import Any, ClassVar, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from control_plane.adapters.da.anytrust import MAX_BYTES, RETENTION, decoded
from control_plane.adapters.da.das import (
    Certificate,
    Keyset,
    MemberKey,
    certify,
    signable,
    store_hash,
    tree_hash,
)
from control_plane.adapters.da.servers.app import GENERIC, StandIn, TooLarge, Unavailable, body_of
from control_plane.adapters.da.servers.store import Fault, Store, Withheld, secret, write
from control_plane.domain.hexes import from_hex

POLICY: Final = "KeepForever"


class CommitteeMember:
    """Signs what it has kept."""

    def __init__(self, directory: Path) -> None:
        self.store = Store(directory)
        self.key = MemberKey(bytes.fromhex(secret(directory / "das_bls.seed")))
        self._down = directory / "down"

    @property
    def down(self) -> bool:
        return self._down.exists()

    @down.setter
    def down(self, value: bool) -> None:
        if value:
            self._down.touch()
        else:
            self._down.unlink(missing_ok=True)

    def keep(self, data: bytes, timeout: int) -> bytes:
        """The signature."""
        digest = tree_hash(data)
        self.store.put(digest, data)
        return self.key.sign(signable(digest, timeout))


class AnyTrustStandIn(StandIn):
    protocol: ClassVar[str] = "anytrust"
    largest: ClassVar[int] = MAX_BYTES

    def __init__(
        self, store: Store, *, members: int = 3, assumed_honest: int = 2, poster: str | None = None
    ) -> None:
        """`poster`: the 0x-address whose signature ``das_store`` needs; None: nobody's."""
        super().__init__(store)
        self.members = [CommitteeMember(store.directory / f"member-{n}") for n in range(members)]
        keys = tuple(member.key.public for member in self.members)
        self.keyset = Keyset(assumed_honest, keys)
        self._poster = poster.lower() if poster else None
        described = {
            "assumedHonest": assumed_honest,
            "keyset": "0x" + self.keyset.encoded().hex(),
            "keysetHash": "0x" + self.keyset.hash.hex(),
            "members": [
                {"path": f"/member/{n}", "pubkey": b64encode(key).decode()}
                for n, key in enumerate(keys)
            ],
        }
        write(store.directory / "committee.json", json.dumps(described).encode())

    def own_routes(self) -> list[Route]:
        return [
            Route("/member/{member:int}", self._rpc, methods=["POST"]),
            Route("/member/{member:int}/get-by-hash/{digest}", self._by_hash, methods=["GET"]),
            Route("/member/{member:int}/health", self._member_health, methods=["GET"]),
            Route("/member/{member:int}/expiration-policy", self._policy, methods=["GET"]),
            Route("/admin/members", self._set_down, methods=["POST"]),
        ]

    # --------------------------------------------------------------- alt-DA: the whole committee

    async def take(self, data: bytes) -> bytes:
        """The type byte and a certificate. Raises Unavailable when too few members are up."""
        timeout = int(time.time()) + RETENTION
        signatures = [None if one.down else one.keep(data, timeout) for one in self.members]
        signed = sum(1 for one in signatures if one is not None)
        if signed < self.keyset.quorum:
            raise Unavailable(f"{signed} members signed, {self.keyset.quorum} must")
        certificate = certify(self.keyset, tree_hash(data), timeout, signatures)
        return bytes([GENERIC]) + certificate.encoded()

    async def give(self, commitment: bytes) -> bytes:
        certificate = Certificate.decoded(commitment[1:])
        certificate.check(self.keyset)
        for member in self.members:
            if not member.down and member.store.fault(certificate.data_hash) is None:
                return member.store.get(certificate.data_hash)
        raise Withheld("no member gives that")

    def generic_key(self, commitment: bytes) -> bytes:
        return Certificate.decoded(commitment[1:]).data_hash

    def key_of(self, commitment: bytes) -> bytes:
        return decoded(commitment).data_hash

    def has(self, key: bytes) -> bool:
        return super().has(key) or any(member.store.has(key) for member in self.members)

    def break_(self, key: bytes, fault: Fault | None) -> None:
        """At all members."""
        for store in (self.store, *(member.store for member in self.members)):
            store.break_(key, fault)

    # --------------------------------------------------------------- members

    def _member(self, request: Request) -> CommitteeMember:
        number = int(request.path_params["member"])
        if not 0 <= number < len(self.members):
            raise Withheld(f"there is no member {number}")
        if self.members[number].down:
            raise Unavailable(f"member {number} is down")
        return self.members[number]

    async def _rpc(self, request: Request) -> Response:
        member = self._member(request)
        number = None
        try:
            asked = json.loads(await body_of(request, 5 * 1024 * 1024))
            number, method, params = asked.get("id"), asked["method"], asked.get("params") or []
            result = self._call(member, method, params)
        except TooLarge:
            raise
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            return _error(number, -32602, f"invalid argument: {error}")
        except LookupError as error:
            return _error(number, -32601, str(error))
        except PermissionError as error:
            return _error(number, -32000, str(error))
        return JSONResponse({"jsonrpc": "2.0", "id": number, "result": result})

    def _call(self, member: CommitteeMember, method: str, params: list[Any]) -> Any:
        if method == "das_healthCheck":
            return None
        if method == "das_expirationPolicy":
            return POLICY
        if method != "das_store":
            raise _unknown(method)
        message, until, signature = params
        data, timeout = bytes.fromhex(message[2:]), int(until, 16)
        if self._poster and _signer(store_hash(data, timeout), signature) != self._poster:
            raise PermissionError("request not properly signed")
        own = Keyset(1, (member.key.public,))
        return {
            "dataHash": "0x" + tree_hash(data).hex(),
            "timeout": hex(timeout),
            "signersMask": "0x1",
            "keysetHash": "0x" + own.hash.hex(),
            "sig": "0x" + member.keep(data, timeout).hex(),
            "version": "0x1",
        }

    async def _by_hash(self, request: Request) -> Response:
        member = self._member(request)
        digest = from_hex(request.path_params["digest"])
        if len(digest) < 32:
            return PlainTextResponse("", 400)
        return JSONResponse({"data": b64encode(member.store.get(digest[:32])).decode()})

    async def _member_health(self, request: Request) -> Response:
        self._member(request)
        return JSONResponse(self.described())

    async def _policy(self, request: Request) -> Response:
        self._member(request)
        return JSONResponse({"expirationPolicy": POLICY})

    async def _set_down(self, request: Request) -> Response:
        refusal = self.refusal(request)
        if refusal is not None:
            return refusal
        try:
            asked = await request.json()
            member, down = asked["member"], asked["down"]
        except (KeyError, TypeError) as error:
            return PlainTextResponse(f"no member: {error}", 400)
        known = isinstance(member, int) and 0 <= member < len(self.members)
        if not isinstance(down, bool) or not known:
            return PlainTextResponse("name a member by its number, and whether it is down", 400)
        self.members[member].down = down
        return JSONResponse({"member": member, "down": down})


def _unknown(method: object) -> LookupError:
    return LookupError(f"the method {method} does not exist/is not available")


def _signer(digest: bytes, signature: str) -> str | None:
    """The 0x-address that signed; None for what is no signature."""
    from coincurve import PublicKey

    from control_plane.domain.hashing import keccak256

    try:
        key = PublicKey.from_signature_and_message(
            bytes.fromhex(signature[2:]), digest, hasher=None
        )
    except Exception:  # noqa: BLE001 - coincurve raises bare Exceptions
        return None
    return "0x" + keccak256(key.format(compressed=False)[1:])[-20:].hex()


def _error(number: Any, code: int, message: str) -> JSONResponse:
    return JSONResponse(
        {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}
    )
