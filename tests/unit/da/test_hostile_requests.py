"""Whatever a stand-in is asked, it answers; nothing is answered by a crash (500)."""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from control_plane.adapters.da.servers.celestia import CelestiaStandIn
from control_plane.adapters.da.servers.making import stand_in
from control_plane.adapters.da.servers.store import Store

BASE = "http://127.0.0.1"
METHODS = (
    *("blob.Submit", "blob.Get", "blob.GetAll", "blob.GetProof", "blob.Included"),
    *("blob.GetCommitmentProof", "header.GetByHeight", "header.WaitForHeight", "das_store", "x"),
)
TOKEN = "of the admin"
PATHS = ("/", "/member/0", "/admin/faults", "/admin/members", "/put", "/put/0x00")
NAMESPACE = "AAAAAAAAAAAAAAAAAAAAAAAAAAECAwQFBgcICRA="
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 3)
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["AA==", NAMESPACE, "0x", "0xff", "0x" + "00" * 32])
    | st.fixed_dictionaries({"member": st.integers(-9, 9), "down": st.none() | st.booleans()})
    | st.fixed_dictionaries({"commitment": st.text(max_size=5) | st.just("*"), "fault": st.none()})
    | st.integers(1, 3).map(lambda each: 10 ** (each * 150))
    | st.fixed_dictionaries(
        {"namespace": st.just(NAMESPACE), "data": st.sampled_from(["", "AA=="])}
    ),
    lambda each: (
        st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=4), each, max_size=2)
    ),
    max_leaves=6,
)
QUIET = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def celestia(tmp_path: Path) -> Starlette:
    return CelestiaStandIn(Store(tmp_path), authentication=False).app()


@pytest.fixture(params=["celestia", "eigenda", "anytrust", "alt-da"])
def anything(request: pytest.FixtureRequest, tmp_path: Path) -> Starlette:
    (tmp_path / "admin.token").write_text(TOKEN)
    return stand_in(request.param, tmp_path).app()


def answers(app: Starlette, *requests: tuple[str, str, str | bytes]) -> list[httpx.Response]:
    """To requests of a method, a path and a body; raises what the app raises."""

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers) as client:
            return [await client.request(how, path, content=body) for how, path, body in requests]

    return asyncio.run(ask())


@QUIET
@given(st.sampled_from(METHODS), VALUES | st.lists(VALUES, max_size=4))
def test_json_rpc_is_answered_with_json_rpc(celestia: Starlette, method: str, params: Any) -> None:
    question = json.dumps({"id": 1, "method": method, "params": params})
    (answer,) = answers(celestia, ("POST", "/", question))
    assert answer.status_code == 200
    assert ("error" in answer.json()) != ("result" in answer.json())


@QUIET
@given(VALUES)
def test_any_json_is_answered(anything: Starlette, body: Any) -> None:
    for answer in answers(anything, *(("POST", path, json.dumps(body)) for path in PATHS)):
        assert_no_crash(answer)


@pytest.fixture
def plain_stack() -> Iterator[None]:
    """As in a stand-in's own process: imports of other tests (eth_account) raise the limit, so far
    that the stack ends before it."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.usefixtures("plain_stack")
def test_json_may_be_nested_as_deep_as_it_likes(anything: Starlette) -> None:
    for answer in answers(anything, *(("POST", path, "[" * 100_000) for path in PATHS)):
        assert_no_crash(answer)


@QUIET
@given(st.text(alphabet="0x1fg/%", max_size=80), st.binary(max_size=40))
def test_any_commitment_is_answered(anything: Starlette, text: str, data: bytes) -> None:
    paths = (f"/get/{text}", f"/get/0x{data.hex()}", f"/member/0/get-by-hash/{data.hex()}")
    gets = [("GET", path, b"") for path in paths]
    for answer in answers(anything, *gets, ("PUT", f"/put/0x{data.hex()}", data)):
        if not answer.text.startswith("payload not found"):  # the proxy's own 500
            assert_no_crash(answer)


def assert_no_crash(answer: httpx.Response) -> None:
    assert answer.status_code < 500, answer.text
