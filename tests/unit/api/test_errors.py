"""Every error body has one shape, and every error class a status."""

import pkgutil
from importlib import import_module

import httpx
import pytest

import control_plane
from control_plane.api.asgi import PROBLEM_TYPE
from control_plane.api.errors import PROBLEMS
from control_plane.domain.errors import CalderaError
from control_plane.schemas.problem import TYPE_BASE, ProblemDetail
from control_plane.services.problems import STATUS
from tests.unit.api.fake_devnets import FakeDevnets
from tests.unit.api.fakes import FakeRunning

JSON = {"content-type": "application/json"}


def all_errors(of: type[CalderaError] = CalderaError) -> set[type[CalderaError]]:
    return {of}.union(*(all_errors(kind) for kind in of.__subclasses__()))


def test_every_error_class_has_a_status_and_an_explanation() -> None:
    for module in pkgutil.walk_packages(control_plane.__path__, "control_plane."):
        if ".domain" in module.name or ".services" in module.name:
            import_module(module.name)
    for kind in all_errors():
        assert kind.type in STATUS, f"{kind.__name__}: {kind.type!r} has no HTTP status"
        assert kind.type in PROBLEMS or kind is CalderaError, f"{kind.type!r} is not explained"


def check_shape(response: httpx.Response) -> ProblemDetail:
    assert response.headers["content-type"] == PROBLEM_TYPE
    problem = ProblemDetail.model_validate(response.json())
    assert problem.status == response.status_code
    assert problem.title
    assert not problem.title.endswith(".")
    assert problem.type.removeprefix(TYPE_BASE) in PROBLEMS
    assert problem.docs == f"/docs#{problem.type.removeprefix(TYPE_BASE)}"
    return problem


BAD_REQUESTS = {
    "no such path": ("GET", "/v1/devnet", {}, 404),
    "trailing slash": ("GET", "/v1/devnets/", {}, 404),
    "wrong method": ("PUT", "/v1/devnets", {}, 405),
    "unknown devnet": ("GET", "/v1/devnets/none", {}, 404),
    "unprintable name": ("GET", "/v1/devnets/a%00b", {}, 404),
    "name with dots": ("GET", "/v1/devnets/..%2f..%2fetc", {}, 404),
    "broken JSON": ("POST", "/v1/devnets", {"content": "{", "headers": JSON}, 422),
    "no JSON object": ("POST", "/v1/devnets", {"json": [1]}, 422),
    "no body": ("POST", "/v1/devnets", {}, 422),
    "not UTF-8": ("POST", "/v1/devnets", {"content": b'{"name":"\xff"}', "headers": JSON}, 422),
    "unknown key": ("POST", "/v1/devnets", {"json": {"nam": "x"}}, 422),
    "wrong type": ("POST", "/v1/devnets", {"json": {"rollups": "many"}}, 422),
    "faulty spec": ("POST", "/v1/validate", {"json": {"spec": {"version": 2}}}, 422),
    "text body": ("POST", "/v1/devnets", {"content": "{}"}, 415),
    "form body": ("POST", "/v1/devnets", {"data": {"a": "b"}}, 415),
    "large body": ("POST", "/v1/devnets", {"content": b"x" * 1_048_577, "headers": JSON}, 413),
    "bad key": ("POST", "/v1/plan", {"json": {}, "headers": {"idempotency-key": b"\xe4"}}, 422),
    "bad query": ("GET", "/v1/events?after=-1", {}, 422),
    "huge id": ("GET", "/v1/events?after=99999999999999999999", {}, 422),
    "bad resume": ("GET", "/v1/events", {"headers": {"last-event-id": "x"}}, 422),
    "foreign host": ("GET", "/health", {"headers": {"host": "evil.example"}}, 403),
    "foreign origin": ("GET", "/health", {"headers": {"origin": "https://evil.example"}}, 403),
    "unknown template": ("GET", "/v1/templates/none", {}, 404),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
async def test_every_refusal_has_the_shape_of_a_problem(
    client: httpx.AsyncClient, name: str
) -> None:
    method, path, options, status = BAD_REQUESTS[name]
    response = await client.request(method, path, **options)  # type: ignore[arg-type]
    assert response.status_code == status, response.text
    check_shape(response)


async def test_all_faults_of_a_body_come_with_their_paths(client: httpx.AsyncClient) -> None:
    body = {"ttl": -1, "rollups": 0, "colour": "red"}
    problem = check_shape(await client.post("/v1/devnets", json=body))
    assert {fault.path for fault in problem.errors} == {"ttl", "rollups", "colour"}


async def test_all_faults_of_a_spec_come_with_paths_and_hints(client: httpx.AsyncClient) -> None:
    spec = {"version": 1, "rollups": [{"framework": "optimism"}], "metalayer": {"guardian": 3}}
    problem = check_shape(await client.post("/v1/validate", json={"spec": spec}))
    paths = {fault.path: fault.hint for fault in problem.errors}
    assert "op-stack" in paths["rollups[0].framework"]
    assert "guardians" in paths["metalayer.guardian"]


async def test_405_lists_the_methods_of_all_routes(client: httpx.AsyncClient) -> None:
    response = await client.put("/v1/devnets/shop")
    assert response.headers["allow"] == "DELETE, GET, PATCH"


async def test_an_unexpected_exception_tells_an_id_only(
    client: httpx.AsyncClient, running: FakeRunning, caplog: pytest.LogCaptureFixture
) -> None:
    devnets = running.services.devnets
    assert isinstance(devnets, FakeDevnets)
    devnets.explode = True
    response = await client.get("/v1/devnets/shop", headers={"idempotency-key": "k"})
    problem = check_shape(response)
    assert problem.status == 500
    assert "a secret detail" not in response.text
    assert "Traceback" not in response.text
    number = problem.detail.split()[1].rstrip(":")
    assert number in caplog.text
    assert "a secret detail" in caplog.text


async def test_near_misses_are_suggested(client: httpx.AsyncClient) -> None:
    await client.post("/v1/devnets", json={"name": "shop"})
    assert "'shop'" in check_shape(await client.get("/v1/devnets/shp")).hint
    assert "/v1/devnets" in check_shape(await client.get("/v1/devnet")).hint
