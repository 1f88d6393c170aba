import asyncio

import httpx
import pytest

from control_plane.domain.errors import StorageFailed
from control_plane.schemas.devnet import CreateDevnet, DevnetStatus
from tests.unit.api.fake_devnets import FakeDevnets
from tests.unit.api.fakes import FakeRunning

KEY = {"idempotency-key": "3f0e-1"}


def devnets_of(running: FakeRunning) -> FakeDevnets:
    devnets = running.services.devnets
    assert isinstance(devnets, FakeDevnets)
    return devnets


async def test_a_repeat_gets_the_first_answer(
    client: httpx.AsyncClient, running: FakeRunning
) -> None:
    first = await client.post("/v1/devnets", json={"name": "shop"}, headers=KEY)
    devnets_of(running).specs.clear()
    again = await client.post("/v1/devnets", json={"name": "shop"}, headers=KEY)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["location"] == "/v1/devnets/shop"
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert devnets_of(running).specs == {}


async def test_without_a_key_a_repeat_is_a_conflict(client: httpx.AsyncClient) -> None:
    await client.post("/v1/devnets", json={"name": "shop"})
    assert (await client.post("/v1/devnets", json={"name": "shop"})).status_code == 409


@pytest.mark.parametrize(
    ("path", "body"), [("/v1/devnets", {"name": "other"}), ("/v1/plan", {"name": "shop"})]
)
async def test_the_key_of_another_request_is_refused(
    client: httpx.AsyncClient, path: str, body: dict[str, str]
) -> None:
    await client.post("/v1/devnets", json={"name": "shop"}, headers=KEY)
    refused = await client.post(path, json=body, headers=KEY)
    assert refused.status_code == 409
    assert refused.json()["type"].endswith(":idempotency-key")


async def test_two_at_once_are_done_once(client: httpx.AsyncClient, running: FakeRunning) -> None:
    calls = 0
    devnets = devnets_of(running)
    original = devnets.create

    async def slow(request: CreateDevnet) -> DevnetStatus:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.05)
        return await original(request)

    devnets.create = slow  # type: ignore[method-assign]
    answers = await asyncio.gather(
        *(client.post("/v1/devnets", json={"name": "shop"}, headers=KEY) for _ in range(5))
    )
    assert calls == 1
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1


async def test_a_refusal_is_kept_a_failure_is_not(
    client: httpx.AsyncClient, running: FakeRunning
) -> None:
    bad = {"template": "none"}
    assert (await client.post("/v1/plan", json=bad, headers=KEY)).status_code == 404
    kept = await client.post("/v1/plan", json=bad, headers=KEY)
    assert kept.headers["idempotency-replayed"] == "true"

    devnets = devnets_of(running)
    original = devnets.create

    async def failing(request: CreateDevnet) -> DevnetStatus:
        raise StorageFailed("The disk is full")

    devnets.create = failing  # type: ignore[method-assign]
    other = {"idempotency-key": "second"}
    assert (await client.post("/v1/devnets", json={}, headers=other)).status_code == 500
    devnets.create = original  # type: ignore[method-assign]
    assert (await client.post("/v1/devnets", json={}, headers=other)).status_code == 202


async def test_an_exception_lets_those_who_wait_try(
    client: httpx.AsyncClient, running: FakeRunning
) -> None:
    devnets_of(running).explode = True
    body = {"action": "x"}
    path = "/v1/devnets/shop/rollups"
    answers = await asyncio.gather(
        *(client.post(path, json={"rollup": body}, headers=KEY) for _ in range(3))
    )
    assert {answer.status_code for answer in answers} == {500}


async def test_a_key_on_other_methods_means_nothing(client: httpx.AsyncClient) -> None:
    await client.post("/v1/devnets", json={"name": "shop"}, headers=KEY)
    assert (await client.delete("/v1/devnets/shop", headers=KEY)).status_code == 202
    assert (await client.delete("/v1/devnets/shop", headers=KEY)).status_code == 404
