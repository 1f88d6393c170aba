"""Where stand-ins are, who keeps a rollup's data, and what carries frames there."""

import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from control_plane.adapters.da.carriers import CALLDATA_BYTES, External
from control_plane.adapters.da.committee import committee_of
from control_plane.adapters.da.opening import client_of, late_client, open_reader
from control_plane.adapters.da.places import keeper_of, stand_in_program
from control_plane.domain.errors import Conflict, InvalidInput, TemporaryFailure
from control_plane.domain.plan import ChainPlan, Plan
from control_plane.domain.planner import make_plan
from control_plane.domain.ports.da import NoQuorum
from control_plane.domain.settlement import Carrier, Frame
from control_plane.domain.settlement.keepers import Keeper, keeps_elsewhere, stand_ins
from control_plane.domain.validation import validate_spec


def planned(*das: str) -> Plan:
    return make_plan(validate_spec({"version": 1, "rollups": [{"da": da} for da in das]}), ())


def chain(**changes: object) -> ChainPlan:
    return replace(planned("celestia").rollups[0], **changes)  # type: ignore[arg-type]


def test_a_stand_in_keeps_its_port_unless_somebody_took_it(tmp_path: Path) -> None:
    with pytest.raises(Conflict, match="no address yet"):
        keeper_of(tmp_path, chain())
    first = stand_in_program(tmp_path, "celestia")
    assert stand_in_program(tmp_path, "celestia").port == first.port
    keeper = keeper_of(tmp_path, chain())
    assert keeper.stand_in
    assert keeper.url == f"http://127.0.0.1:{first.port}"
    assert keeper.token_file == str(first.directory / "write.token")
    assert Keeper.from_json(keeper.to_json()) == keeper
    with socket.create_server(("127.0.0.1", first.port)):
        assert stand_in_program(tmp_path, "celestia").port != first.port


def test_a_real_service_needs_no_stand_in(tmp_path: Path) -> None:
    real = chain(da_url="http://127.0.0.1:26658", da_token_file="/run/token")
    keeper = keeper_of(tmp_path, real)
    assert (keeper.url, keeper.token_file) == ("http://127.0.0.1:26658", "/run/token")
    assert not keeper.stand_in
    committee = keeper_of(tmp_path, chain(da="anytrust", da_committee_file="/run/committee"))
    assert committee.committee == "/run/committee"
    plan = planned("celestia", "eigenda", "celestia")
    assert stand_ins(plan) == ("celestia", "eigenda")
    assert not keeps_elsewhere(chain(da="ethereum-blobs"))


class Committee:
    async def put(self, data: bytes) -> bytes:
        raise NoQuorum("no quorum", f"for {len(data)} bytes")

    async def get(self, commitment: bytes) -> bytes:
        raise AssertionError(commitment)

    async def close(self) -> None:
        pass


async def test_only_a_committee_is_done_without() -> None:
    carried = await External(Committee(), committee=True).carry(b"data")
    assert (carried.carrier, carried.data) == (Carrier.CALLDATA, b"data")
    assert "no quorum" in carried.note
    assert External(Committee(), committee=True).frame_bytes == CALLDATA_BYTES
    with pytest.raises(NoQuorum):
        await External(Committee(), committee=False).carry(b"data")


async def test_what_is_not_there_yet_is_tried_again(tmp_path: Path) -> None:
    keeper = Keeper("celestia", "http://127.0.0.1:1", stand_in=True, namespace="0x" + "61" * 10)
    missing = replace(keeper, token_file=str(tmp_path / "token"))
    with pytest.raises(TemporaryFailure, match="token"):
        await late_client(missing).put(b"data")
    with pytest.raises(InvalidInput, match="can't be used"):
        client_of(replace(keeper, url="nonsense"))
    with pytest.raises(TemporaryFailure, match="description"):
        committee_of(tmp_path / "committee.json", "")
    (tmp_path / "committee.json").write_text(json.dumps({"members": [{}]}))
    with pytest.raises(ValueError, match="describes no committee"):
        committee_of(tmp_path / "committee.json", "")


async def test_a_reader_knows_its_keepers() -> None:
    with pytest.raises(InvalidInput):
        open_reader("ws://127.0.0.1:1", [{"type": "celestia"}])
    reader = open_reader("ws://127.0.0.1:1", [])
    frame = Frame(901, 1, 1, 0, is_last=True, data=b"\7rest", carrier=Carrier.COMMITMENT)
    with pytest.raises(ValueError, match="type 7"):
        await reader.read(frame, 1)
    assert await reader.read(replace(frame, carrier=Carrier.CALLDATA), 1) == b"\7rest"
    await reader.close()
