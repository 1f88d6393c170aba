"""The paths of the surface, and what the OpenAPI document says of them."""

import re
from typing import Any

import httpx
import pytest

from control_plane.api.asgi import PROBLEM_TYPE


@pytest.fixture
async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get("/openapi.json")).json()
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


async def test_every_path_of_the_surface_is_there(document: dict[str, Any]) -> None:
    devnet = "/v1/devnets/{name}"
    wanted = {
        "/v1/devnets": {"get", "post"},
        devnet: {"get", "patch", "delete"},
        f"{devnet}/plan": {"get"},
        f"{devnet}/rollups": {"get", "post"},
        f"{devnet}/rollups/{{rollup}}": {"get", "delete"},
        f"{devnet}/rollups/{{rollup}}/join": {"post"},
        f"{devnet}/services": {"get"},
        f"{devnet}/services/{{service}}": {"get", "patch"},
        f"{devnet}/services/{{service}}/logs": {"get"},
        f"{devnet}/messages": {"get", "post"},
        f"{devnet}/messages/{{id}}": {"get"},
        f"{devnet}/messages/{{id}}/trace": {"get"},
        f"{devnet}/messages/{{id}}/retry": {"post"},
        f"{devnet}/messages/{{id}}/pay": {"post"},
        f"{devnet}/proofs/messages/{{id}}": {"get"},
        f"{devnet}/offences": {"get"},
        f"{devnet}/chaos": {"get", "post", "delete"},
        f"{devnet}/chaos/{{fault}}": {"get", "delete"},
        "/v1/chaos": {"get"},
        f"{devnet}/rollups/{{rollup}}/genesis": {"get"},
        f"{devnet}/rollups/{{rollup}}/data-availability": {"get"},
        f"{devnet}/rollups/{{rollup}}/outputs": {"get"},
        f"{devnet}/rollups/{{rollup}}/rules": {"get"},
        f"{devnet}/disputes": {"get"},
        f"{devnet}/proofs/storage/{{rollup}}/{{address}}": {"get"},
        f"{devnet}/epochs": {"get"},
        f"{devnet}/epochs/{{epoch}}": {"get"},
        f"{devnet}/epochs/sync": {"get"},
        f"{devnet}/guardians": {"get", "post"},
        f"{devnet}/guardians/{{guardian}}": {"get", "delete"},
        f"{devnet}/guardians/{{guardian}}/unjail": {"post"},
        f"{devnet}/guardians/{{guardian}}/slash": {"post"},
        f"{devnet}/guardians/{{guardian}}/stake": {"get"},
        f"{devnet}/guardians/{{guardian}}/stake/add": {"post"},
        f"{devnet}/guardians/{{guardian}}/stake/remove": {"post"},
        f"{devnet}/guardians/{{guardian}}/stake/withdraw": {"post"},
        f"{devnet}/guardian-sets": {"get"},
        f"{devnet}/rewards": {"get"},
        f"{devnet}/rewards/report": {"post"},
        f"{devnet}/rewards/pay": {"post"},
        f"{devnet}/faucet": {"post"},
        f"{devnet}/apps": {"get", "post"},
        f"{devnet}/apps/{{app}}": {"get"},
        f"{devnet}/bridge/deposits": {"get", "post"},
        f"{devnet}/bridge/deposits/{{id}}": {"get"},
        f"{devnet}/bridge/withdrawals": {"get", "post"},
        f"{devnet}/bridge/withdrawals/{{id}}": {"get"},
        f"{devnet}/bridge/withdrawals/{{id}}/continue": {"post"},
        f"{devnet}/env": {"get"},
        f"{devnet}/accounts": {"get"},
        f"{devnet}/contracts": {"get"},
        f"{devnet}/export/{{kind}}": {"get"},
        f"{devnet}/checkpoints/{{key}}": {"get"},
        f"{devnet}/events": {"get"},
        "/v1/events": {"get"},
        "/v1/plan": {"post"},
        "/v1/validate": {"post"},
        "/v1/templates": {"get"},
        "/v1/templates/{template}": {"get"},
        "/v1/runtime": {"get", "delete"},
        "/health": {"get"},
        "/ready": {"get"},
        "/metrics": {"get"},
    }
    assert {path: set(item) for path, item in document["paths"].items()} == wanted


async def test_every_operation_is_described(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    for method, path, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"], where
        assert PROBLEM_TYPE in operation["responses"]["default"]["content"], where
        success = [status for status in operation["responses"] if status.startswith("2")]
        assert success, where
        if "{name}" in path:
            assert "404" in operation["responses"], where
        if method == "post":
            headers = [p["name"] for p in operation.get("parameters", []) if p["in"] == "header"]
            assert "Idempotency-Key" in headers, where
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), f"{where} {parameter['name']}"


async def test_every_reference_resolves(document: dict[str, Any]) -> None:
    names = set(re.findall(r"'\$ref': '#/components/schemas/([^']+)'", repr(document)))
    assert "ProblemDetail" in names
    assert names <= set(document["components"]["schemas"])


async def test_docs_ask_no_other_host(client: httpx.AsyncClient) -> None:
    response = await client.get("/docs")
    assert response.status_code == 200
    assert "createDevnet" in response.text
    assert "id=not-found" in response.text
    assert "http" not in response.text.replace("http response", "").split("<h2>")[0].lower()
    assert "<script" not in response.text
    assert "default-src 'none'" in response.headers["content-security-policy"]


async def test_service_names_hold_a_slash(client: httpx.AsyncClient) -> None:
    await client.post("/v1/devnets", json={"name": "shop"})
    for path in ("op/node", "op%2Fnode"):
        response = await client.get(f"/v1/devnets/shop/services/{path}")
        assert response.json()["name"] == "op/node"
    assert (await client.get("/v1/devnets/shop/services/op/node/logs")).text == ""
    patched = await client.patch("/v1/devnets/shop/services/op/node", json={"action": "stop"})
    assert patched.status_code == 202
    missing = await client.get("/v1/devnets/shop/services/op/nod")
    assert (missing.status_code, "op/node" in missing.json()["hint"]) == (404, True)


async def test_waiting_answers_200_or_204(client: httpx.AsyncClient) -> None:
    made = await client.post("/v1/devnets", json={"name": "shop", "wait": True})
    assert (made.status_code, made.headers["location"]) == (200, "/v1/devnets/shop")
    added = await client.post(
        "/v1/devnets/shop/rollups", json={"rollup": {"framework": "zk-stack", "name": "zz"}}
    )
    assert (added.status_code, added.headers["location"]) == (202, "/v1/devnets/shop/rollups/zz")
    gone = await client.delete("/v1/devnets/shop?wait=true")
    assert (gone.status_code, gone.content) == (204, b"")


async def test_a_patch_must_change_something(client: httpx.AsyncClient) -> None:
    await client.post("/v1/devnets", json={"name": "shop"})
    assert (await client.patch("/v1/devnets/shop", json={})).status_code == 422
    assert (await client.patch("/v1/devnets/none", json={})).status_code == 404
    stopped = await client.patch("/v1/devnets/shop", json={"action": "stop", "ttl": 60})
    assert stopped.json()["state"] == "stopped"


async def test_metrics_are_in_prometheus_text(client: httpx.AsyncClient) -> None:
    await client.post("/v1/devnets", json={"name": "shop"})
    text = (await client.get("/metrics")).text
    assert 'caldera_devnet{devnet="shop",state="ready"} 1\n' in text
    for line in text.splitlines():
        assert re.fullmatch(r'(# (HELP|TYPE) .+)|(\w+(\{(\w+="[^"]*",?)*\})? [-\d.e+]+)', line), (
            line
        )


async def test_events_as_a_list(client: httpx.AsyncClient) -> None:
    await client.post("/v1/devnets", json={"name": "shop"})
    await client.post("/v1/devnets", json={"name": "other"})
    json_only = {"accept": "application/json"}
    mine = (await client.get("/v1/devnets/shop/events", headers=json_only)).json()
    assert [event["type"] for event in mine] == ["devnet.created", "devnet.ready"]
    every = (await client.get("/v1/events?after=1&limit=2", headers=json_only)).json()
    assert [event["id"] for event in every] == [2, 3]
    resumed = await client.get("/v1/events", headers=json_only | {"last-event-id": "3"})
    assert [event["id"] for event in resumed.json()] == [4]


async def test_a_removed_devnet_still_tells_its_end(client: httpx.AsyncClient) -> None:
    await client.post("/v1/devnets", json={"name": "shop"})
    await client.delete("/v1/devnets/shop")
    ended = await client.get("/v1/devnets/shop/events", headers={"last-event-id": "2"})
    assert "event: devnet.removed" in ended.text
    assert (await client.get("/v1/devnets/shop/events?after=3")).status_code == 404


async def test_the_last_events_only(client: httpx.AsyncClient) -> None:
    await client.post("/v1/devnets", json={"name": "shop"})
    await client.post("/v1/devnets", json={"name": "other"})
    json_only = {"accept": "application/json"}
    path = "/v1/devnets/shop/events"

    async def ids(where: str, **headers: str) -> list[int]:
        found = (await client.get(where, headers=json_only | headers)).json()
        return [event["id"] for event in found]

    assert await ids(f"{path}?tail=1") == [2]
    assert await ids(f"{path}?tail=0") == []
    assert await ids("/v1/events?tail=3") == [2, 3, 4]
    assert await ids("/v1/events?tail=3&after=3") == [4]
    assert await ids(f"{path}?tail=0", **{"last-event-id": "1"}) == [2]
    assert (await client.get(f"{path}?tail=-1")).status_code == 422
