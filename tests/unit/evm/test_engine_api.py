"""The Engine API's token, its models as JSON, and its statuses as errors."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from control_plane.adapters.evm.engine_api import WebSocketEngine, connect_engine, token
from control_plane.domain.errors import StorageFailed, TemporaryFailure
from control_plane.domain.ids import Hex
from control_plane.domain.ports.engine_api import (
    ForkChoice,
    HeadUnknown,
    Payload,
    PayloadAttributes,
    PayloadRefused,
)
from control_plane.domain.rpc import RpcError

SECRET = bytes(range(32))
HEAD = Hex("0x" + "11" * 32)
ROOT = Hex("0x" + "22" * 32)
ATTRIBUTES = PayloadAttributes(
    timestamp=1_700_000_000,
    prev_randao=ROOT,
    fee_recipient=Hex("0x" + "42" * 20),
    beacon_root=ROOT,
    transactions=(Hex("0x7e00"),),
    no_tx_pool=False,
    gas_limit=60_000_000,
    eip1559_params=Hex("0x000000fa00000006"),
    min_base_fee=7,
)


def test_the_token_is_a_json_web_token() -> None:
    head, claims, signature = token(SECRET, 1_700_000_000).split(".")

    def plain(part: str) -> bytes:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

    assert json.loads(plain(head)) == {"alg": "HS256", "typ": "JWT"}
    assert json.loads(plain(claims)) == {"iat": 1_700_000_000}
    expected = hmac.new(SECRET, f"{head}.{claims}".encode(), hashlib.sha256).digest()
    assert plain(signature) == expected
    assert "=" not in head + claims + signature


class FakeNode:
    """Answers what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: dict[str, Any] = {}
        self.asked: list[dict[str, Any]] = []
        self.tokens: list[str] = []

    async def __call__(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.tokens.append(connection.request.headers["Authorization"])
        async for text in connection:
            request = json.loads(text)
            self.asked.append(request)
            answer = {"jsonrpc": "2.0", "id": request["id"], **self.answer}
            await connection.send(json.dumps(answer))

    def status(self, status: str, identity: str | None = None, why: str | None = None) -> None:
        told = {"status": status, "latestValidHash": None, "validationError": why}
        self.answer = {"result": {"payloadStatus": told, "payloadId": identity, **told}}


@pytest.fixture
def node() -> FakeNode:
    return FakeNode()


@pytest.fixture
async def engine(node: FakeNode, tmp_path: Path) -> AsyncIterator[WebSocketEngine]:
    jwt = tmp_path / "jwt.hex"
    jwt.write_text("0x" + SECRET.hex() + "\n")
    async with serve(node, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        engine = await connect_engine(f"http://127.0.0.1:{port}", jwt)
        yield engine
        await engine.close()


async def test_the_connection_carries_a_fresh_token(
    node: FakeNode, engine: WebSocketEngine
) -> None:
    kind, _, found = node.tokens[0].partition(" ")
    assert kind == "Bearer"
    assert found in {token(SECRET, int(time.time()) - late) for late in range(5)}


async def test_attributes_are_the_op_stacks_json(node: FakeNode, engine: WebSocketEngine) -> None:
    node.status("VALID", "0x0011")
    assert await engine.forkchoice_updated(ForkChoice(HEAD), ATTRIBUTES) == "0x0011"
    (request,) = node.asked
    assert request["method"] == "engine_forkchoiceUpdatedV3"
    zero = "0x" + "00" * 32
    choice = {"headBlockHash": HEAD, "safeBlockHash": zero, "finalizedBlockHash": zero}
    attributes = {
        "timestamp": hex(1_700_000_000),
        "prevRandao": ROOT,
        "suggestedFeeRecipient": "0x" + "42" * 20,
        "withdrawals": [],
        "parentBeaconBlockRoot": ROOT,
        "transactions": ["0x7e00"],
        "noTxPool": False,
        "gasLimit": hex(60_000_000),
        "eip1559Params": "0x000000fa00000006",
        "minBaseFee": 7,
    }
    assert request["params"] == [choice, attributes]


async def test_a_payload_goes_as_it_came(node: FakeNode, engine: WebSocketEngine) -> None:
    execution = {"blockHash": HEAD, "blockNumber": "0x5", "parentHash": ROOT, "more": [1]}
    node.answer = {"result": {"executionPayload": execution, "parentBeaconBlockRoot": ROOT}}
    payload = await engine.get_payload("0x0011")
    assert payload == Payload(execution, ROOT)
    assert (payload.number, payload.hash, payload.parent) == (5, HEAD, ROOT)
    node.status("VALID")
    await engine.new_payload(payload)
    assert node.asked[-1]["method"] == "engine_newPayloadV4"
    assert node.asked[-1]["params"] == [execution, [], ROOT, []]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("SYNCING", HeadUnknown),
        ("ACCEPTED", HeadUnknown),
        ("INVALID", PayloadRefused),
        ("INVALID_BLOCK_HASH", PayloadRefused),
    ],
)
async def test_other_statuses_are_errors(
    node: FakeNode, engine: WebSocketEngine, status: str, error: type[Exception]
) -> None:
    node.status(status, why="because")
    with pytest.raises(error, match=f"{status.lower()}.*because"):
        await engine.forkchoice_updated(ForkChoice(HEAD))
    with pytest.raises(error, match=f"{status.lower()}.*because"):
        await engine.new_payload(Payload({"blockHash": HEAD}, ROOT))


async def test_no_payload_for_attributes_is_a_refusal(
    node: FakeNode, engine: WebSocketEngine
) -> None:
    node.status("VALID")
    with pytest.raises(PayloadRefused):
        await engine.forkchoice_updated(ForkChoice(HEAD), ATTRIBUTES)


async def test_why_attributes_are_invalid_is_told(node: FakeNode, engine: WebSocketEngine) -> None:
    node.answer = {
        "error": {"code": -38003, "message": "Invalid payload attributes", "data": {"err": "odd"}}
    }
    with pytest.raises(PayloadRefused, match="odd"):
        await engine.forkchoice_updated(ForkChoice(HEAD), ATTRIBUTES)
    node.answer = {"error": {"code": -32601, "message": "no such method"}}
    with pytest.raises(RpcError, match="no such method"):
        await engine.get_payload("0x0")


@pytest.mark.parametrize("content", [None, "", "zz", "00" * 31])
async def test_a_secret_that_is_none_is_told_without_showing_it(
    tmp_path: Path, content: str | None
) -> None:
    jwt = tmp_path / "jwt.hex"
    if content is not None:
        jwt.write_text(content)
    with pytest.raises(StorageFailed) as raised:
        await connect_engine("http://127.0.0.1:1", jwt)
    assert str(jwt) in str(raised.value)
    assert not content or content not in str(raised.value)


async def test_nobody_there_is_a_temporary_failure(tmp_path: Path) -> None:
    jwt = tmp_path / "jwt.hex"
    jwt.write_text(SECRET.hex())
    with pytest.raises(TemporaryFailure):
        await connect_engine("http://127.0.0.1:1", jwt)
