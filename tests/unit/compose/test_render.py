"""The Compose file of a devnet: what it says, and that it always says the same."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from control_plane.adapters.engine.anvil import AnvilEngine
from control_plane.adapters.engine.op_geth import OpGethEngine
from control_plane.adapters.runtime.compose import files
from control_plane.adapters.runtime.compose.files import Kit, write_stack
from control_plane.adapters.runtime.compose.images import Image, choose
from control_plane.adapters.runtime.compose.project import Addresses, Project, draw_seed
from control_plane.domain.errors import MissingDependency
from control_plane.domain.ids import Name
from control_plane.domain.plan import Limits, Plan
from control_plane.resources import compose_dir
from tests.nodes import make_plan

GOLDEN = Path(__file__).parents[2] / "golden" / "compose"


def kit() -> Kit:
    return Kit(compose_dir(), {engine.name: engine for engine in (AnvilEngine(), OpGethEngine())})


def plan() -> Plan:
    """An L1, a limited Anvil and an op-geth."""
    base = make_plan(3, origins=["http://localhost:3000"])
    l1, anvil, geth = (
        replace(chain, port=8545 if chain.is_l1 else 9544 + at)
        for at, chain in enumerate(base.chains)
    )
    anvil = replace(anvil, name=Name("game"), limits=Limits(0.5, 256 * 1024 * 1024))
    geth = replace(geth, name=Name("op"), engine="op-geth")
    return replace(base, runtime="compose", chains=(l1, anvil, geth))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "shop"
    (root / "compose").mkdir(parents=True)
    (root / "compose" / "seed").write_text("00" * 16)
    return Project(root, "0123abcd")


def test_the_file_is_as_it_was(project: Project) -> None:
    write_stack(kit(), project, plan(), lambda _: True)
    text = project.file.read_text()
    golden = GOLDEN / "devnet.yaml"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()


def test_nothing_is_published_but_by_the_gate_on_loopback(project: Project) -> None:
    write_stack(kit(), project, plan(), lambda _: True)
    services = yaml.safe_load(project.file.read_text())["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["gate"]
    assert {port["host_ip"] for port in services["gate"]["ports"]} == {"127.0.0.1"}
    for name, service in services.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name


def test_files_are_private_and_no_secret_is_in_the_compose_file(project: Project) -> None:
    write_stack(kit(), project, plan(), lambda _: True)
    assert project.file.stat().st_mode & 0o777 == 0o600
    assert (project.private / "op.jwt").stat().st_mode & 0o111 == 0
    secret = (project.root / "nodes" / "op" / "jwt.hex").read_text()
    assert secret not in project.file.read_text()
    assert (project.private / "op.jwt").read_text() == secret


def test_a_mounted_file_that_did_not_change_stays_the_same_file(project: Project) -> None:
    write_stack(kit(), project, plan(), lambda _: True)
    before = (project.private / "routes.json").stat().st_ino
    write_stack(kit(), project, plan(), lambda _: True)
    assert (project.private / "routes.json").stat().st_ino == before


def test_ports_that_are_taken_are_not_published(project: Project) -> None:
    write_stack(kit(), project, plan(), lambda _: True, closed={"game"})
    ports = yaml.safe_load(project.file.read_text())["services"]["gate"]["ports"]
    assert "9545" not in {port["published"] for port in ports}


def test_an_engine_api_whose_port_is_taken_is_not_published(project: Project) -> None:
    write_stack(kit(), project, plan(), lambda _: True, closed={"op/engine"})
    ports = yaml.safe_load(project.file.read_text())["services"]["gate"]["ports"]
    assert [port["published"] for port in ports] == ["8545", "9545", "9546"]


def test_variables_are_not_replaced_by_compose(project: Project) -> None:
    with_dollar = replace(
        plan(), accounts=replace(plan().accounts, mnemonic="costs $5 and ${HOME}")
    )
    write_stack(kit(), project, with_dollar, lambda _: True)
    assert '"costs $$5 and $${HOME}"' in project.file.read_text()


# ---------------------------------------------------------------- addresses


def test_addresses_differ_and_stay_when_a_chain_joins() -> None:
    names = [f"chain-{number}" for number in range(60)]
    seed = b"seed"
    few, all_ = Addresses(seed, names[:30]), Addresses(seed, names)
    assert len({all_.node(name) for name in names} | {all_.gate}) == 61
    assert [few.node(name) for name in names[:30]] == [all_.node(name) for name in names[:30]]


def test_a_drawn_network_overlaps_none_that_is_taken() -> None:
    import ipaddress

    half = ipaddress.IPv4Network("10.0.0.0/9")
    for _ in range(20):
        assert not Addresses(draw_seed([half]), []).network.overlaps(half)


# ---------------------------------------------------------------- images

IMAGE = Image("anvil", "local:1", "published:1", ("anvil",), (), ())


@pytest.mark.parametrize(
    ("named", "there", "name", "pull"),
    [
        (None, {"local:1", "published:1"}, "local:1", "never"),
        (None, {"published:1"}, "published:1", "never"),
        (None, set(), "published:1", "missing"),
        ("mine:2", {"local:1"}, "mine:2", "missing"),
        ("mine:2", {"mine:2"}, "mine:2", "never"),
    ],
)
def test_local_images_come_first(named: str | None, there: set[str], name: str, pull: str) -> None:
    chosen = choose(IMAGE, named, there.__contains__)
    assert (chosen.name, chosen.pull) == (name, pull)


def test_an_image_that_nobody_publishes_must_be_built() -> None:
    with pytest.raises(MissingDependency) as caught:
        choose(replace(IMAGE, published=None), None, lambda _: False)
    assert "caldera images build" in caught.value.hint


def test_every_engine_has_an_image() -> None:
    assert {"anvil", "op-geth", "devnet"} <= kit().images.keys()
    assert files.DATA.is_absolute()
