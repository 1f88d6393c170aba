"""What an agent alone must know, from and to a file."""

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from control_plane.adapters.alone.address import Address
from control_plane.adapters.alone.description import (
    describe,
    guardian_entries,
    read_description,
    write_description,
)
from control_plane.adapters.alone.token import ensure_secret, read_secret
from control_plane.adapters.evm.keys import keys_of, role_secret
from control_plane.domain.bls import SecretKey
from control_plane.domain.errors import InvalidInput, NotFound, StorageFailed
from control_plane.domain.ids import Hex
from control_plane.domain.network import Chain, Network
from control_plane.services.metalayer.rounds import make_roster
from tests.nodes import make_plan

MASTER = bytes(range(32))
KEYS = keys_of(MASTER, 4)
PLAN = make_plan(2)


def network() -> Network:
    plan = PLAN
    chains = tuple(
        Chain(c, f"http://{c.name}:8545", f"ws://{c.name}:8545", "http://e:1", Path("nodes/op1"))
        for c in plan.chains
    )
    contracts = {"mailbox": Hex("0x" + "11" * 20)}
    return Network("shop", MASTER, bytes(32), plan, chains, contracts)


def written(directory: Path, **changes: object) -> Path:
    urls = [Address(path=Path("guardian-0.sock")), *(Address(f"g{i}", 9600) for i in (1, 2, 3))]
    content = describe(
        network(),
        guardian_entries(KEYS.guardians, urls),
        hub="unix:hub.sock",
        database=None,
        secrets="../secrets",
    )
    path = directory / "devnet.json"
    write_description(path, orjson.dumps(orjson.loads(content) | changes))
    return path


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    found = read_description(path)
    there = tuple(replace(c, directory=tmp_path / "nodes/op1") for c in network().chains)
    assert found.network(bytes(32)) == replace(network(), chains=there)
    stake = found.plan.metalayer.guardians.stake
    assert found.roster().members == make_roster(1, KEYS.guardians, stake).members


def test_relative_paths_begin_at_the_file(tmp_path: Path) -> None:
    found = read_description(written(tmp_path))
    assert found.token == tmp_path / "token"
    assert found.secrets == tmp_path / "../secrets"
    assert found.hub.path == tmp_path / "hub.sock"
    assert found.guardian(0).url.path == tmp_path / "guardian-0.sock"
    assert found.guardian(1).url == Address("g1", 9600)


def test_it_holds_no_secret(tmp_path: Path) -> None:
    text = written(tmp_path).read_text()
    accounts = [KEYS.governor, KEYS.relayer, KEYS.faucet, *(g.account for g in KEYS.guardians)]
    for secret in (a.key for a in accounts):
        assert secret.hex() not in text
    assert not [g for g in KEYS.guardians if g.bls_seed.hex() in text]


def test_other_urls_for_some_chains(tmp_path: Path) -> None:
    found = read_description(written(tmp_path)).looking_through({"op1": "ws://mine"})
    assert [c.ws_url for c in found.chains] == ["ws://l1:8545", "ws://mine"]
    with pytest.raises(NotFound, match="nix"):
        found.looking_through({"nix": "ws://mine"})


@pytest.mark.parametrize(
    "changes", [{"version": 2}, {"devnet_id": "0x00"}, {"chains": {"nix": {}}}, {"plan": 3}]
)
def test_what_is_no_description_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match="description is not one"):
        read_description(written(tmp_path, **changes))


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        read_description(tmp_path / "nowhere.json")


def test_unchanged_file_is_left_alone(tmp_path: Path) -> None:
    path = written(tmp_path)
    before = path.stat().st_ino
    assert written(tmp_path).stat().st_ino == before


def test_secrets_of_single_roles_are_what_the_master_gives() -> None:
    assert role_secret(MASTER, "relayer") == KEYS.relayer.key
    assert role_secret(MASTER, "guardian-2") == KEYS.guardians[2].bls_seed
    assert role_secret(MASTER, "bootstrap") == MASTER
    assert (
        SecretKey(role_secret(MASTER, "guardian-2")).key
        != SecretKey(role_secret(MASTER, "guardian-1")).key
    )
    with pytest.raises(ValueError, match="indexer"):
        role_secret(MASTER, "indexer")


def test_secret_is_drawn_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "agents" / "token"
    assert ensure_secret(path) == ensure_secret(path) == read_secret(path)
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("no hex")
    with pytest.raises(StorageFailed, match="token"):
        read_secret(path)


@pytest.mark.parametrize("text", ["", "nowhere", "http://h:1", "h:port", "tcp://h"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        Address.parse(text)


@pytest.mark.parametrize("text", ["tcp://h:1", "tcp://[::1]:9600", "unix:/run/hub.sock"])
def test_addresses_are_written_as_they_are_read(text: str) -> None:
    assert str(Address.parse(text)) == text
