"""What a new user sees: a terminal of 80 columns, colours or none, files that are there."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from caldera_cli import render
from tests.unit.cli.conftest import ROOT, Caldera
from tests.unit.cli.test_following import running

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
TABLES = (
    "ls",
    "status",
    "plan",
    "templates",
    "rollup ls",
    "guardian ls",
    "guardian show 0",
    "epoch ls",
    "epoch show 1",
    "message ls",
    "message trace 0xab",
    "accounts",
    "version",
    "events",
)


@pytest.fixture
def devnet(caldera: Caldera, monkeypatch: pytest.MonkeyPatch) -> Caldera:
    caldera("down", "--all", "-y")
    assert caldera("up", "default").code == 0
    monkeypatch.delenv("NO_COLOR")
    return caldera


@pytest.mark.parametrize("line", TABLES)
def test_tables_fit_a_terminal(line: str, devnet: Caldera, daemon_home: Path) -> None:
    with running(daemon_home, *line.split(), terminal=True) as command:
        assert command.end() == 0
    shown = COLOUR.sub("", command.text).splitlines()
    wide = [row for row in shown if len(row) > 80 and not row.startswith("0x")]
    assert not [row for row in wide if "0x" not in row], "\n".join(wide)


@pytest.mark.parametrize("line", TABLES)
def test_no_color_is_heeded(
    line: str, devnet: Caldera, daemon_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALDERA_DEVNET", "default")
    with running(daemon_home, *line.split(), terminal=True, no_color=True) as command:
        assert command.end() == 0
    assert "\x1b" not in command.text
    assert devnet(*line.split()).code == 0


def test_states_are_coloured_on_a_terminal(devnet: Caldera, daemon_home: Path) -> None:
    with running(daemon_home, "ls", terminal=True) as command:
        command.end()
    assert "\x1b[32mready\x1b[0m" in command.text


def test_errors_are_coloured_on_a_terminal_only(devnet: Caldera, daemon_home: Path) -> None:
    with running(daemon_home, "status", "nowhere", terminal=True) as command:
        assert command.end() == 3
    assert "\x1b[31merror:\x1b[0m No devnet called 'nowhere'" in command.text
    assert "\x1b" not in devnet("status", "nowhere").err


def test_a_long_column_is_cut_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setenv("NO_COLOR", "1")
    rows = [("a", "x" * 60, "ready"), ("b", "short", "ready")]
    render.table(("name", "rollups", "state"), rows, shorten="rollups")
    assert "x" * 60 in capsys.readouterr().out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    render.table(("name", "rollups", "state"), rows, shorten="rollups")
    shown = capsys.readouterr().out.splitlines()
    assert {len(row) for row in shown} == {30}
    assert shown[1] == "a     xxxxxxxxxxxxxxxx…  ready"


@pytest.mark.parametrize("line", ["", "up", "message send", "rollup add", "logs"])
def test_help_fits_a_terminal(line: str, caldera: Caldera) -> None:
    done = caldera(*line.split(), "--help")
    assert max(map(len, done.out.splitlines())) <= 80


def test_wrong_values_out_of_the_environment_are_told_as_such(
    caldera: Caldera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALDERA_ROLLUPS", "many")
    assert "it comes from CALDERA_ROLLUPS in the environment" in caldera("up").err
    assert "environment" not in caldera("up", "--rollups", "few").err


# ---------------------------------------------------------------- completion


def shell(*arguments: str, **variables: str) -> str:
    """What the command says to a shell."""
    done = subprocess.run(
        [sys.executable, "-m", "caldera_cli.main", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1", **variables},
        timeout=60,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        ("bash", "complete -o default -F"),
        ("zsh", "#compdef caldera"),
        ("fish", "complete --command caldera"),
    ],
)
def test_completion_for_a_shell(name: str, mark: str) -> None:
    assert mark in shell("--show-completion", name)


def test_bash_takes_the_completion(tmp_path: Path) -> None:
    script = tmp_path / "completion"
    script.write_text(shell("--show-completion", "bash"))
    subprocess.run(["bash", "-n", str(script)], check=True, timeout=10)


COMPLETED = {
    ("caldera sta", 1): {"stake", "start", "status"},
    ("caldera status d", 2): {"default"},
    ("caldera down --devnet d", 3): {"default"},
    ("caldera up p", 2): {"pair"},
    ("caldera message send o", 3): {"op"},
    ("caldera faucet 0x00 --on ", 4): {"l1", "op", "arb", "zk"},
}


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_names_are_completed(devnet: Caldera, daemon_home: Path, name: str) -> None:
    for (words, place), expected in COMPLETED.items():
        told = shell(
            CALDERA_HOME=str(daemon_home),
            _CALDERA_COMPLETE=f"complete_{name}",
            COMP_WORDS=words,
            COMP_CWORD=str(place),
            _TYPER_COMPLETE_ARGS=words,
            _TYPER_COMPLETE_FISH_ACTION="get-args",
        )
        assert set(re.findall(r"[a-z0-9]+", _names(name, told))) == expected, (words, told)


def _names(name: str, told: str) -> str:
    if name == "zsh":
        return " ".join(re.findall(r'[(\n]"([^"\\]+)"', told))
    return " ".join(line.split("\t")[0] for line in told.splitlines())


def test_completion_without_a_daemon_says_nothing(tmp_path: Path) -> None:
    told = shell(
        CALDERA_HOME=str(tmp_path / "none"),
        _CALDERA_COMPLETE="complete_bash",
        COMP_WORDS="caldera status ",
        COMP_CWORD="2",
    )
    assert told.strip() == ""
    assert not (tmp_path / "none").exists()


# ---------------------------------------------------------------- env


def test_a_shell_reads_env_as_it_is(devnet: Caldera) -> None:
    wanted = json.loads(devnet("env", "--format", "json").out)
    got = _after('eval "$CODE"', CODE=devnet("env").out)
    assert {key: got[key] for key in wanted} == wanted
    assert any("$(" in value for value in wanted.values()), "a value that must be quoted"


def test_a_dotenv_file_is_read_as_it_is(devnet: Caldera, tmp_path: Path) -> None:
    wanted = json.loads(devnet("env", "--format", "json").out)
    (tmp_path / ".env").write_text(devnet("env", "--format", "dotenv").out)
    got = _after(f"set -a; . {shlex.quote(str(tmp_path / '.env'))}")
    assert {key: got[key] for key in wanted} == wanted


def _after(code: str, **variables: str) -> dict[str, str]:
    """The environment of a shell that ran the code."""
    program = "import json, os; print(json.dumps(dict(os.environ)))"
    done = subprocess.run(
        ["sh", "-c", f"{code}; exec {shlex.quote(sys.executable)} -c {shlex.quote(program)}"],
        env=variables,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return dict(json.loads(done.stdout))


# ---------------------------------------------------------------- files


def test_export_makes_directories_and_replaces_files(devnet: Caldera, tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    out.mkdir(parents=True)
    (out / "caldera.ts").write_text("old")
    (out / "mine.ts").write_text("mine")
    assert devnet("export", "wagmi", "--out", str(out)).code == 0
    assert "defineChain" in (out / "caldera.ts").read_text()
    assert (out / "mine.ts").read_text() == "mine"
    done = devnet("export", "addresses", "--out", str(tmp_path / "new" / "er"), "--json")
    assert all(Path(name).is_file() for name in json.loads(done.out)["files"])


@pytest.mark.parametrize("place", ["/proc/out", "file", "file/below"])
def test_export_where_nothing_can_be_written(place: str, devnet: Caldera, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = devnet("export", "abi", "--out", place)
    assert done.code == 1
    assert done.out == ""
    assert done.err.startswith(f"error: The files can't be written: {place}")
    assert "hint: name another directory with --out" in done.err


def test_init_replaces_nothing(caldera: Caldera, tmp_path: Path) -> None:
    (tmp_path / "caldera.yaml").write_text("mine")
    done = caldera("init")
    assert done.code == 4
    assert "caldera.yaml is there already" in done.err
    assert "--force" in done.err
    assert (tmp_path / "caldera.yaml").read_text() == "mine"
    assert caldera("init", "--out", "other.yaml").code == 0
    assert caldera("init", "--force").code == 0
    assert (tmp_path / "caldera.yaml").read_text().startswith("#")


def test_init_where_nothing_can_be_written(caldera: Caldera) -> None:
    done = caldera("init", "--out", "/proc/caldera.yaml")
    assert done.code == 1
    assert "/proc/caldera.yaml" in done.err
