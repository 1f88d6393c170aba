"""`caldera app`, against a daemon that reads manifests and deploys nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.apps.manifests import BANK, TOKEN, manifest
from tests.unit.cli.conftest import Caldera


@pytest.fixture
def app(caldera: Caldera) -> Caldera:
    """With an artifact of Hardhat and one of Foundry in the working directory's `out`."""
    out = Path("out")
    out.mkdir()
    (out / "token.json").write_text(json.dumps({"contractName": "Token", **TOKEN}))
    code = {"object": BANK["bytecode"], "sourceMap": "", "linkReferences": {}}
    (out / "bank.json").write_text(json.dumps({**BANK, "bytecode": code, "ast": {}}))
    write(manifest())
    caldera("down", "--all", "-y")
    caldera("up", "pair")
    return caldera


def write(raw: Any) -> None:
    Path("out/app.yaml").write_text(raw if isinstance(raw, str) else yaml.safe_dump(raw))


def test_plan_deploy_and_again(app: Caldera) -> None:
    assert "No app was deployed" in app("app", "ls").err
    done = app("app", "plan", "out/app.yaml")
    assert done.code == 0
    lines = [line.split() for line in done.out.splitlines()]
    assert [line[0] for line in lines[:2]] == ["token", "bank"]
    assert lines[4:] == [[name, "2", "planned", "2", "planned"] for name in ("left", "right")]
    assert app("app", "ls").out == ""
    assert app("app", "deploy", "out/app.yaml", "--on", "left").code == 0
    listed = app("app", "ls").out.splitlines()[1]
    assert listed.split(maxsplit=1)[0] == "shop"
    assert "token, bank" in listed
    again = json.loads(app("app", "deploy", "out/app.yaml", "--json").out)
    assert {one["state"] for each in again["rollups"] for one in each["contracts"]} == {"stands"}
    shown = app("app", "show", "shop").out
    assert "token.link(uint32,bytes32) for right" in shown


def test_what_is_wrong_is_told_with_its_place(app: Caldera) -> None:
    raw = manifest(colour="red")
    raw["contracts"][0]["args"] = ["Coin", 0xAB]
    write(raw)
    done = app("app", "plan", "out/app.yaml")
    assert (done.code, done.out) == (2, "")
    assert "colour: there is no field 'colour' here" in done.err
    assert "contracts[0].args[1]: a number is no address (put it between quotes" in done.err


def test_unknown_rollups_and_apps(app: Caldera) -> None:
    assert app("app", "deploy", "out/app.yaml", "--on", "lefft").code == 3
    done = app("app", "show", "shopp")
    assert done.code == 3
    assert "No app called 'shopp'" in done.err


def test_artifacts_that_can_not_be_used_all_at_once(app: Caldera) -> None:
    raw = manifest()
    names = ("none.json", "text.json", "list.json", "bare.json", "linked.json", "foundry.json")
    raw["contracts"] = [{"name": f"c{at}", "artifact": name} for at, name in enumerate(names)]
    write(raw)
    contents = {
        "text.json": "no JSON",
        "list.json": "[]",
        "bare.json": '{"abi": []}',
        "linked.json": '{"abi": [], "bytecode": "0x00__$aa$__00", "linkReferences": {"a.sol":'
        ' {"Maths": []}}}',
        "foundry.json": '{"abi": [], "bytecode": {"object": "0x__$aa$__", "linkReferences":'
        ' {"b.sol": {"Texts": []}}}}',
    }
    for name, content in contents.items():
        Path("out", name).write_text(content)
    done = app("app", "plan", "out/app.yaml")
    assert done.code == 2
    told = done.err.splitlines()[1:]
    whys = ("can't be read", "is no JSON", "no list 'abi'", "no 'bytecode'", "Maths", "Texts")
    assert len(told) == len(names)
    for at, (line, why) in enumerate(zip(told, whys, strict=True)):
        assert f"contracts[{at}].artifact: {names[at]}" in line
        assert why in line


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("name: a\nname: b\n", "'name' stands there twice"),
        ("- a\n", "it holds no keys with values"),
        ("a: [", "is not YAML"),
        ("a: .nan\n", "it holds what JSON has not"),
        ("a: !!set {b}\n", "it holds what JSON has not"),
    ],
)
def test_files_that_are_no_manifest(app: Caldera, content: str, told: str) -> None:
    write(content)
    done = app("app", "plan", "out/app.yaml")
    assert done.code == 2
    assert told in done.err


def test_a_file_that_is_not_there(app: Caldera) -> None:
    done = app("app", "plan", "out/none.yaml")
    assert done.code == 3
    assert "There is no file out/none.yaml" in done.err


def test_dates_are_texts(app: Caldera) -> None:
    write(yaml.safe_dump(manifest()).replace("- Coin", "- 2026-01-31"))
    assert app("app", "plan", "out/app.yaml").code == 0
