"""Agents in containers: what each of them has, and what it has not."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from control_plane.adapters.evm.keys import load_keys
from control_plane.adapters.runtime.compose import crew as module
from control_plane.adapters.runtime.compose.crew import ComposeCrew
from control_plane.adapters.runtime.compose.images import read_images
from control_plane.adapters.runtime.compose.project import Project
from control_plane.domain.network import Chain, Network
from control_plane.resources import compose_dir
from tests.nodes import make_plan


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "daemon.sock").touch()
    return tmp_path


def services(home: Path, database: str | None = None) -> dict[str, Any]:
    root = home / "devnets" / "shop"
    keys = load_keys(root, 4)
    plan = make_plan(2)
    chains = tuple(
        Chain(c, "http://10.0.0.3:1", "ws://10.0.0.3:1", None, root / "nodes" / c.name)
        for c in plan.chains
    )
    network = Network("shop", bytes(32), bytes(32), plan, chains, {})
    crew = ComposeCrew(
        compose_dir(),
        read_images(compose_dir()),
        lambda _: True,
        Project(root, "0123abcd"),
        network,
        keys,
        database or f"sqlite:///{home}/caldera.db",
    )
    crew._write()
    assert crew.file.stat().st_mode & 0o777 == 0o600
    found: dict[str, Any] = yaml.safe_load(crew.file.read_text())["services"]
    assert [module.compose_name(s) for s in crew.services()] == list(found)
    return found


def sources(service: dict[str, Any]) -> set[str]:
    return {mount["source"] for mount in service["volumes"]}


def test_each_has_its_own_key_and_no_other(home: Path) -> None:
    keys = home / "devnets/shop/compose/keys"
    for name, service in services(home).items():
        seen = {s for s in sources(service) if Path(s).is_relative_to(keys)}
        own = name.removeprefix("agent-")
        assert seen == ({str(keys / own)} if own == "relayer" or "guardian" in own else set())
        assert not any(s.endswith("/secrets") for s in sources(service))
    secrets = {path.read_text() for path in keys.iterdir()}
    assert len(secrets) == 5
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in keys.iterdir())


def test_nobody_sees_the_devnets_files_or_the_daemons_socket(home: Path) -> None:
    for name, service in services(home).items():
        if str(home) not in sources(service):
            continue
        assert name in {"agent-indexer", "agent-aggregator", "agent-relayer"}
        assert any(place.startswith(f"{home}/devnets:") for place in service["tmpfs"])
        covered = [m for m in service["volumes"] if m["target"] == f"{home}/daemon.sock"]
        assert [m["source"] for m in covered] == ["/dev/null"]


def test_they_are_hardened_and_publish_nothing(home: Path) -> None:
    for service in services(home).values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "ports" not in service
        assert "privileged" not in service


def test_secret_stands_in_no_argument_and_no_variable(home: Path) -> None:
    found = services(home)
    text = json.dumps(found)
    for path in (home / "devnets/shop/compose/keys").iterdir():
        assert path.read_text().strip() not in text


def test_database_elsewhere_is_no_mount(home: Path) -> None:
    url = "postgresql://caldera@db/caldera"
    found = services(home, url)
    relayer = found["agent-relayer"]
    assert relayer["environment"]["CALDERA_DATABASE_URL"] == url
    assert str(home) not in sources(relayer)
    assert "CALDERA_DATABASE_URL" not in found["agent-guardian-0"]["environment"]
