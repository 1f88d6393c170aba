"""Answers are matched by id, and nothing waits on a connection that broke."""

import asyncio
import time
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from control_plane.adapters.evm.rpc import WebSocketRpc, connect
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.rpc import RpcError
from tests.unit.evm.servers import answering, say


async def echo(connection: ServerConnection, request: Any) -> None:
    """The method's name as the result; errors for methods called `fail…`."""
    if isinstance(request, list):
        await say(connection, [_answer(one) for one in reversed(request)])
    else:
        await say(connection, _answer(request))


def _answer(request: Any) -> dict[str, Any]:
    if request["method"].startswith("fail"):
        error = {"code": 3, "message": "execution reverted", "data": request["params"][0]}
        return {"jsonrpc": "2.0", "id": request["id"], "error": error}
    return {"jsonrpc": "2.0", "id": request["id"], "result": request["method"]}


async def test_answers_in_any_order() -> None:
    async with answering(echo) as url:
        rpc = await connect(url)
        assert await rpc.batch([("a", ()), ("b", ()), ("c", ())]) == ["a", "b", "c"]
        found = await asyncio.gather(*(rpc.call(f"m{i}") for i in range(50)))
        assert found == [f"m{i}" for i in range(50)]
        assert await rpc.batch([]) == []
        await rpc.close()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("0xdeadbeef", "0xdeadbeef"),  # anvil, geth
        ({"data": "0xdeadbeef"}, "0xdeadbeef"),
        ({"0x12": {"error": "revert", "return": "0xdeadbeef"}}, "0xdeadbeef"),  # old ganache
        ("no such data", None),
        ({"cause": 7}, None),
        (None, None),
    ],
)
async def test_error_answers(data: Any, expected: str | None) -> None:
    async with answering(echo) as url:
        rpc = await connect(url)
        with pytest.raises(RpcError) as caught:
            await rpc.call("fail", data)
        error = caught.value
        assert (error.code, error.message, error.data) == (3, "execution reverted", expected)
        assert error.method == "fail"
        assert str(error) == "fail was refused: execution reverted"
        good, bad = await rpc.batch([("good", ()), ("fail", (data,))])
        assert good == "good"
        assert isinstance(bad, RpcError)
        assert bad.data == expected
        await rpc.close()


async def test_everything_fails_when_the_connection_breaks() -> None:
    async def handle(connection: ServerConnection, request: Any) -> None:
        if request["method"] == "eth_subscribe":
            await say(connection, {"id": request["id"], "result": "0x1"})
        if request["method"] == "die":
            connection.transport.abort()

    async with answering(handle) as url:
        rpc = await connect(url)
        calls = [asyncio.ensure_future(rpc.call("never")) for _ in range(5)]
        news = asyncio.ensure_future(_all(rpc))
        await asyncio.sleep(0.05)
        began = time.monotonic()
        with pytest.raises(TemporaryFailure):
            await rpc.call("die")
        for error in await asyncio.gather(*calls, news, return_exceptions=True):
            assert isinstance(error, TemporaryFailure)
            assert "broke" in str(error)
        with pytest.raises(TemporaryFailure):
            await rpc.call("later")
        assert time.monotonic() - began < 1
        await rpc.close()
        await rpc.close()


async def _all(rpc: WebSocketRpc) -> list[Any]:
    return [item async for item in rpc.subscribe("newHeads")]


async def test_news_before_the_subscription_is_known() -> None:
    asked: list[str] = []

    async def handle(connection: ServerConnection, request: Any) -> None:
        asked.append(request["method"])
        if request["method"] == "eth_subscribe":
            params = {"subscription": "0x7", "result": "early"}
            await say(connection, {"method": "eth_subscription", "params": params})
            await say(connection, {"id": request["id"], "result": "0x7"})
            await say(connection, {"method": "eth_subscription", "params": params})
        elif request["method"] == "eth_unsubscribe":
            params = {"subscription": "0x7", "result": "late"}
            await say(connection, {"method": "eth_subscription", "params": params})
            await say(connection, {"id": request["id"], "result": True})

    async with answering(handle) as url:
        rpc = await connect(url)
        news = rpc.subscribe("newHeads")
        assert await anext(news) == "early"
        assert await anext(news) == "early"
        await news.aclose()  # type: ignore[attr-defined]
        assert asked == ["eth_subscribe", "eth_unsubscribe"]
        assert rpc._queues == {}
        await rpc.close()


async def test_deadline_of_a_call() -> None:
    async def silent(connection: ServerConnection, request: Any) -> None:
        return

    async with answering(silent) as url:
        rpc = await connect(url)
        began = time.monotonic()
        with pytest.raises(TemporaryFailure, match="did not answer eth_blockNumber"):
            await rpc.call("eth_blockNumber", timeout=0.05)
        with pytest.raises(TemporaryFailure, match="a batch of 2"):
            await rpc.batch([("a", ()), ("b", ())], timeout=0.05)
        assert time.monotonic() - began < 1
        assert rpc._waiting == {}
        await rpc.close()


async def test_an_error_without_an_id_leaves_nobody_waiting() -> None:
    async def refuse(connection: ServerConnection, request: Any) -> None:
        error = {"code": -32600, "message": "batch too large"}
        await say(connection, {"jsonrpc": "2.0", "id": None, "error": error})

    async with answering(refuse) as url:
        rpc = await connect(url)
        for found in await rpc.batch([("a", ()), ("b", ())], timeout=1):
            assert isinstance(found, RpcError)
            assert found.message == "batch too large"
        await rpc.close()


@pytest.mark.parametrize("nonsense", ["no json {", "[1, 2]", '"text"', '{"method": 3, "id": []}'])
async def test_nonsense_breaks_the_connection(nonsense: str) -> None:
    async def babble(connection: ServerConnection, request: Any) -> None:
        await connection.send(nonsense)

    async with answering(babble) as url:
        rpc = await connect(url)
        with pytest.raises(TemporaryFailure):
            await rpc.call("a", timeout=2)
        with pytest.raises(TemporaryFailure, match="broke"):
            await rpc.call("b", timeout=2)
        await rpc.close()


async def test_nobody_listens() -> None:
    async with answering(echo) as url:
        pass
    with pytest.raises(TemporaryFailure, match="Can't connect to ws://") as caught:
        await connect(url, deadline=1)
    assert caught.value.hint


async def test_a_node_that_never_shakes_hands() -> None:
    gone = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        writer.close()
        await writer.wait_closed()
        gone.set()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(TemporaryFailure, match=r"no answer within 0\.1 s"):
        await connect(f"ws://127.0.0.1:{port}", deadline=0.1)
    await gone.wait()
    server.close()


async def test_closing_does_not_wait_for_a_frozen_node() -> None:
    async with answering(echo) as url:
        rpc = await connect(url)
        rpc._socket.transport.pause_reading()  # its goodbye is never heard
        began = time.monotonic()
        await rpc.close()
        assert time.monotonic() - began < 1.5


async def test_failures_do_not_pile_up_in_one_traceback() -> None:
    async with answering(echo) as url:
        rpc = await connect(url)
        await rpc.close()
        errors = []
        for _ in range(2):
            with pytest.raises(TemporaryFailure) as caught:
                await rpc.call("a")
            errors.append(caught.value)
        assert errors[0] is not errors[1]
