"""Apps over REST."""

import httpx
import pytest

from tests.unit.apps.manifests import BANK, TOKEN, manifest

APPS = "/v1/devnets/pair/apps"


@pytest.fixture
def body() -> dict[str, object]:
    return {"manifest": manifest(), "artifacts": {"token.json": TOKEN, "bank.json": BANK}}


async def test_a_dry_run_touches_nothing(client: httpx.AsyncClient, body: object) -> None:
    await client.post("/v1/devnets", json={"template": "pair"})
    planned = await client.post(f"{APPS}?dry_run=true", json=body)
    assert planned.status_code == 200
    assert (await client.get(APPS)).json() == []
    assert (await client.post(APPS, json=body)).json() == planned.json()
    (listed,) = (await client.get(APPS)).json()
    assert listed == (await client.get(f"{APPS}/shop")).json()
    assert set(listed["addresses"]) == {"token", "bank"}
    assert (await client.get(f"{APPS}/other")).status_code == 404


async def test_all_faults_with_their_places(
    client: httpx.AsyncClient, body: dict[str, object]
) -> None:
    await client.post("/v1/devnets", json={"template": "pair"})
    body["manifest"] = manifest(version=2, contracts=[], calls=[{}])
    refused = await client.post(APPS, json=body)
    assert refused.status_code == 422
    assert {fault["path"] for fault in refused.json()["errors"]} == {
        *("version", "contracts", "calls[0].contract", "calls[0].function"),
        *("artifacts.token.json", "artifacts.bank.json"),
    }


@pytest.mark.parametrize(
    "artifact", [{}, {"abi": []}, {**TOKEN, "bytecode": "0x0"}, {**TOKEN, "bytecode": "600a"}]
)
async def test_artifacts_that_are_none(
    client: httpx.AsyncClient, body: dict[str, object], artifact: object
) -> None:
    await client.post("/v1/devnets", json={"template": "pair"})
    refused = await client.post(APPS, json={**body, "artifacts": {"token.json": artifact}})
    assert refused.status_code == 422


async def test_what_is_nested_too_deeply_is_no_servers_error(
    client: httpx.AsyncClient, body: dict[str, object]
) -> None:
    await client.post("/v1/devnets", json={"template": "pair"})
    deep: list[object] = []
    for _ in range(450):
        deep = [deep]
    raw = manifest()
    raw["contracts"][0]["args"] = [deep, "$owner"]
    refused = await client.post(APPS, json={**body, "manifest": raw})
    assert refused.status_code == 422
