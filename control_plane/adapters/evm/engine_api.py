"""The Engine API over one WebSocket connection. Implements ``domain/ports/engine_api.py``.

A WebSocket rather than HTTP: the token is checked once, when the connection is made, a cancelled
call leaves the others in order, and what reads JSON-RPC is shared with every other connection.
"""

import base64
import hashlib
import hmac
import time
from pathlib import Path
from typing import Any, Final

import orjson

from control_plane.adapters.evm.rpc import WebSocketRpc, connect
from control_plane.domain.errors import CalderaError, StorageFailed
from control_plane.domain.ids import Hex
from control_plane.domain.ports.engine_api import (
    ForkChoice,
    HeadUnknown,
    Payload,
    PayloadAttributes,
    PayloadRefused,
)
from control_plane.domain.rpc import RpcError

_DEADLINE: Final = 30.0
"""Seconds that a full block may take on a busy machine."""
_REFUSALS: Final = frozenset({-38002, -38003})
"""Invalid fork-choice state, invalid payload attributes (execution-apis, "engine/common.md")."""


def token(secret: bytes, issued_at: int) -> str:
    """A JSON Web Token, HS256, that a node accepts for 60 s before and after `issued_at`.

    Source: Ethereum execution-apis, "engine/authentication.md". Of our own, ten lines, because
    the libraries for it bring RSA and key sets along.
    """
    claims = _part(orjson.dumps({"iat": issued_at}))
    signed = _part(b'{"alg":"HS256","typ":"JWT"}') + b"." + claims
    return (signed + b"." + _part(hmac.digest(secret, signed, hashlib.sha256))).decode()


def _part(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


async def connect_engine(
    url: str, jwt: Path, *, deadline: float | None = None
) -> "WebSocketEngine":
    """Connect to the Engine API at `url` (HTTP or WebSocket, the same port serves both).

    `jwt` is the file of its secret, 32 bytes as hex. Raises TemporaryFailure, StorageFailed.
    """
    headers = {"Authorization": f"Bearer {token(read_secret(jwt), int(time.time()))}"}
    scheme, _, rest = url.partition("://")
    socket = f"{scheme.replace('http', 'ws')}://{rest}"
    return WebSocketEngine(await connect(socket, deadline=deadline, headers=headers))


def read_secret(jwt: Path) -> bytes:
    """The 32 bytes in the file `jwt`. StorageFailed when it can't be read."""
    try:
        secret = bytes.fromhex(jwt.read_text().strip().removeprefix("0x"))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not hex"
        raise StorageFailed(
            "The secret of the Engine API can't be read",
            f"{jwt}: {why}",
            "It is made when the node starts.",
        ) from error
    if len(secret) != 32:
        raise StorageFailed(
            "The secret of the Engine API is not whole", f"{jwt} holds {len(secret)} bytes, not 32"
        )
    return secret


class WebSocketEngine:
    """Made by :func:`connect_engine`; a broken one stays broken."""

    def __init__(self, rpc: WebSocketRpc) -> None:
        self._rpc = rpc

    async def forkchoice_updated(
        self, choice: ForkChoice, attributes: PayloadAttributes | None = None
    ) -> str | None:
        """See the port."""
        state = {
            "headBlockHash": choice.head,
            "safeBlockHash": choice.safe,
            "finalizedBlockHash": choice.finalized,
        }
        wanted = None if attributes is None else _attributes(attributes)
        answer = await self._call("engine_forkchoiceUpdatedV3", state, wanted)
        _check("fork choice", choice.head, answer["payloadStatus"])
        identity: str | None = answer["payloadId"]
        if attributes is not None and identity is None:
            raise PayloadRefused("The engine builds no block", f"on {choice.head}")
        return identity

    async def get_payload(self, identity: str) -> Payload:
        """See the port."""
        answer = await self._call("engine_getPayloadV4", identity)
        return Payload(answer["executionPayload"], Hex(answer["parentBeaconBlockRoot"]))

    async def new_payload(self, payload: Payload) -> None:
        """See the port."""
        execution, root = payload.execution, payload.beacon_root
        status = await self._call("engine_newPayloadV4", execution, [], root, [])
        _check("block", payload.hash, status)

    async def close(self) -> None:
        """Close the connection."""
        await self._rpc.close()

    async def _call(self, method: str, *params: Any) -> Any:
        try:
            return await self._rpc.call(method, *params, timeout=_DEADLINE)
        except RpcError as error:
            if error.code not in _REFUSALS:
                raise
            raise PayloadRefused(f"The engine refuses {method}", error.detail) from error


def _attributes(wanted: PayloadAttributes) -> dict[str, Any]:
    found: dict[str, Any] = {
        "timestamp": hex(wanted.timestamp),
        "prevRandao": wanted.prev_randao,
        "suggestedFeeRecipient": wanted.fee_recipient,
        "withdrawals": [],
        "parentBeaconBlockRoot": wanted.beacon_root,
        "transactions": wanted.transactions,
        "noTxPool": wanted.no_tx_pool,
        "gasLimit": hex(wanted.gas_limit),
        "eip1559Params": wanted.eip1559_params,
    }
    if wanted.min_base_fee is not None:
        found["minBaseFee"] = wanted.min_base_fee
    return found


def _check(what: str, hash_: Hex, status: dict[str, Any]) -> None:
    """``PayloadStatusV1``: nothing for VALID, an error for the others."""
    found, why = status["status"], str(status.get("validationError") or "")
    if found == "VALID":
        return
    error: type[CalderaError] = PayloadRefused if found.startswith("INVALID") else HeadUnknown
    raise error(f"The engine calls a {what} {found.lower()}", f"{hash_} {why}".rstrip())
