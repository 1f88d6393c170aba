import re
from dataclasses import replace

import pytest

from control_plane.adapters.machine import read_facts
from control_plane.adapters.templates import TemplateFiles
from control_plane.domain.errors import InvalidInput, NotFound
from control_plane.domain.planner import make_plan
from control_plane.resources import templates_dir
from control_plane.schemas.devnet import CreateDevnet
from control_plane.schemas.spec import Spec
from control_plane.services.specs import (
    add_rollup,
    change_spec,
    load_spec,
    remove_rollup,
    template_view,
    template_views,
)

TEMPLATES = TemplateFiles(templates_dir())


def load(**fields: object) -> Spec:
    return load_spec(CreateDevnet.model_validate(fields), TEMPLATES)


def names(spec: Spec) -> list[str]:
    return [rollup.name for rollup in spec.rollups]


def test_nothing_named_is_the_default_template() -> None:
    assert names(load()) == ["op", "arb", "zk"]
    assert [r.framework for r in load().rollups] == ["op-stack", "arbitrum-nitro", "zk-stack"]


def test_nothing_named_is_the_devnet_that_exists() -> None:
    pair = load(template="pair")
    request = CreateDevnet(name="shop", set=("save_interval=9",))
    spec = load_spec(request, TEMPLATES, running={"shop": pair}.get)
    assert names(spec) == ["left", "right"]
    assert spec.name == "shop"
    assert spec.save_interval == 9


def test_name_and_number_go_before_the_spec_and_changes_after() -> None:
    spec = load(template="pair", name="x", rollups=3, set=["rollups.zk.block_time=2"])
    assert spec.name == "x"
    assert names(spec) == ["left", "right", "zk"]
    assert spec.rollups[2].block_time == 2


def test_settings_come_before_the_formats_defaults() -> None:
    settings = {"save_interval": 60.0}
    plain = load_spec(CreateDevnet(), TEMPLATES, defaults=settings)
    named = load_spec(CreateDevnet(set=("save_interval=7",)), TEMPLATES, defaults=settings)
    assert (plain.save_interval, named.save_interval) == (60, 7)


def test_a_source_is_yaml_text() -> None:
    spec = load(source="version: 1\nname: shop\nrollups: [{name: a}]\n")
    assert (spec.name, names(spec)) == ("shop", ["a"])


def test_only_one_spec_at_a_time() -> None:
    with pytest.raises(InvalidInput, match="more than one spec"):
        load(template="pair", source="version: 1")


@pytest.mark.parametrize("name", ["dfault", "../default", "default.yaml", ""])
def test_unknown_templates(name: str) -> None:
    with pytest.raises(NotFound):
        load(template=name)


def test_rollups_are_added_changed_and_removed() -> None:
    spec = load(template="minimal")
    more = add_rollup(spec, {"framework": "zk-stack"})
    assert names(more) == ["op", "zk"]
    assert change_spec(more, ["rollups.zk.block_time=1"]).rollups[1].block_time == 1
    assert names(remove_rollup(more, "op")) == ["zk"]
    with pytest.raises(NotFound):
        remove_rollup(more, "arb")
    with pytest.raises(InvalidInput, match="last rollup"):
        remove_rollup(spec, "op")
    with pytest.raises(InvalidInput, match=r"rollups\[1\].name"):
        add_rollup(spec, {"name": "op"})


def test_templates_are_valid_here_and_described() -> None:
    views = template_views(TEMPLATES)
    names = ["default", "many", "minimal", "native", "op-geth", "pair"]
    assert [view.name for view in views] == names
    for view in views:
        assert view.source is None
        assert view.description.endswith(".")
        spec = load_spec(CreateDevnet(template=view.name), TEMPLATES, read_facts())
        assert make_plan(spec).rollups
        source = template_view(TEMPLATES, view.name).source
        assert source is not None
        assert all(len(line) <= 100 for line in source.splitlines())


def test_pair_has_domains_unlike_its_chain_ids() -> None:
    plan = make_plan(load(template="pair"))
    assert all(int(chain.domain) != int(chain.chain_id) for chain in plan.rollups)


def test_the_defaults_that_the_default_template_shows_are_the_defaults() -> None:
    text = re.sub(r"(?m)^( *)# (?= *[a-z0-9_]+:)", r"\1", TEMPLATES.text("default"))
    shown, plain = load(source=text), load()
    assert shown != plain
    assert make_plan(shown).chains[1:] == tuple(
        replace(chain, port_named=chain.name == "op") for chain in make_plan(plain).chains[1:]
    )
    named = {"port": None, "chain_id": None, "domain": None}
    first = shown.rollups[0].model_copy(update=named)
    assert shown.l1.model_copy(update={"port": None}) == plain.l1
    rest = shown.model_copy(update={"l1": plain.l1, "rollups": (first, *shown.rollups[1:])})
    assert rest == plain
