import json
import os
import signal
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from caldera_cli import VERSION
from caldera_cli.child import run_child
from caldera_cli.errors import CliError
from caldera_cli.options import seconds
from tests.unit.cli.conftest import ROOT, Caldera, start_fake_daemon

HEAVY = {"pydantic", "rich", "yaml", "orjson", "fastapi", "sqlalchemy", "jinja2", "asyncio"}


@pytest.fixture
def default(caldera: Caldera) -> Caldera:
    caldera("down", "--all", "-y")
    caldera("up", "default")
    return caldera


# ---------------------------------------------------------------- which devnet


def test_without_a_name_it_is_the_only_one(caldera: Caldera) -> None:
    caldera("down", "--all")
    assert caldera("status").code == 3
    caldera("up", "pair")
    assert caldera("status").out.startswith("pair is ready")


def test_or_default(default: Caldera) -> None:
    default("up", "pair")
    assert default("status").out.startswith("default is ready")


def test_with_several_the_error_lists_them(caldera: Caldera) -> None:
    caldera("down", "--all")
    caldera("up", "pair")
    caldera("up", "minimal")
    done = caldera("status")
    assert done.code == 2
    assert "minimal, pair" in done.err


def test_options_can_be_given_as_variables(
    default: Caldera, monkeypatch: pytest.MonkeyPatch
) -> None:
    default("up", "pair")
    monkeypatch.setenv("CALDERA_DEVNET", "pair")
    assert default("status").out.startswith("pair is ready")
    monkeypatch.setenv("CALDERA_JSON", "1")
    assert json.loads(default("ls").out)


# ---------------------------------------------------------------- what is printed where


def test_errors_are_json_where_data_are(default: Caldera) -> None:
    done = default("status", "nowhere", "--json")
    assert done.code == 3
    assert done.out == ""
    problem = json.loads(done.err)
    assert problem["status"] == 404
    assert problem["type"].endswith(":not-found")


def test_up_again_changes_nothing_and_says_so(default: Caldera) -> None:
    done = default("up", "default")
    assert done.code == 0
    assert "nothing changed" in done.err


def test_a_conflict_ends_with_4(default: Caldera) -> None:
    done = default("up", "--set", "l1.block_time=1")
    assert done.code == 4


def test_a_node_that_does_not_start_is_shown_with_its_last_words(caldera: Caldera) -> None:
    done = caldera("up", "minimal", "--name", "broken")
    caldera("down", "broken")
    assert done.code == 1
    assert done.err == (
        "error: op/node did not start: port 9545: Address already in use\n"
        "  command: anvil --port 9545\n"
        "  | first line\n"
        "  | Address already in use\n"
        "  log: /somewhere/op/node.log\n"
        "  hint: stop the program that listens there\n"
    )


def test_what_an_update_changes_is_told(default: Caldera) -> None:
    done = default("up", "--set", "save_interval=9", "--set", "metalayer.epoch_interval=2")
    assert done.code == 0
    assert done.err == "  metalayer.epoch_interval: 1.0 → 2.0\n  save_interval: 5.0 → 9.0\n"


def test_up_after_stop_goes_on(default: Caldera) -> None:
    default("stop")
    done = default("up", "--json")
    assert json.loads(done.out)["outcome"] == "resumed"


def test_down_all_without_devnets_is_done(caldera: Caldera) -> None:
    caldera("down", "--all")
    done = caldera("down", "--all")
    assert (done.code, done.err) == (0, "There is no devnet.\n")


def test_no_wait_prints_what_was_accepted(caldera: Caldera) -> None:
    caldera("down", "--all")
    done = caldera("up", "minimal", "--no-wait", "--json")
    assert json.loads(done.out)["name"] == "minimal"


def test_events_are_one_json_object_a_line(default: Caldera) -> None:
    done = default("events", "--json")
    assert done.code == 0
    assert all(json.loads(line)["devnet"] == "default" for line in done.out.splitlines())


# ---------------------------------------------------------------- specs from files


def test_a_file_is_a_spec(caldera: Caldera, tmp_path: Path) -> None:
    caldera("down", "--all")
    (tmp_path / "shop.yaml").write_text("version: 1\nname: shop\nrollups: [{name: game}]\n")
    assert caldera("up", "shop.yaml").out.startswith("shop is ready")


def test_standard_input_is_a_spec(caldera: Caldera, monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.write(write, b"version: 1\nname: piped\nrollups: [{name: a}, {name: b}]\n")
    os.close(write)
    with os.fdopen(read) as piped:
        monkeypatch.setattr(sys, "stdin", piped)
        assert "piped is valid: an L1 and a, b." in caldera("validate", "-").out


def test_a_file_that_is_not_utf8(caldera: Caldera, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_bytes(b"version: 1\nname: \xff\n")
    done = caldera("validate", "bad.yaml")
    assert (done.code, "not a text in UTF-8" in done.err) == (2, True)


def test_a_huge_file(caldera: Caldera, tmp_path: Path) -> None:
    (tmp_path / "huge.yaml").write_text("version: 1\n" + "# x\n" * 1_000_000)
    done = caldera("validate", "huge.yaml")
    assert (done.code, "larger than 256 KiB" in done.err) == (2, True)


def test_init_writes_what_up_takes(caldera: Caldera, tmp_path: Path) -> None:
    assert caldera("init", "minimal").code == 0
    assert caldera("init").code == 4
    assert caldera("init", "pair", "--force").code == 0
    done = caldera("validate")
    assert "Using ./caldera.yaml" in done.err
    assert "pair is valid" in done.out


def test_init_needs_no_daemon(
    caldera: Caldera, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CALDERA_HOME", str(tmp_path / "none"))
    assert caldera("init", "--out", "-").out.startswith("# An L1 and three rollups")
    assert caldera("version").code == 0
    assert not (tmp_path / "none").exists()


# ---------------------------------------------------------------- export


def test_export_writes_files(default: Caldera, tmp_path: Path) -> None:
    done = default("export", "wagmi", "--out", "out")
    assert done.out == "out/caldera.ts\n"
    assert "defineChain" in (tmp_path / "out" / "caldera.ts").read_text()


# ---------------------------------------------------------------- run


def test_run_ends_with_the_commands_code(caldera: Caldera) -> None:
    caldera("down", "--all")
    assert caldera("run", "minimal", "--", "sh", "-c", "exit 7").code == 7
    assert json.loads(caldera("ls", "--json").out) == []


def test_run_gives_the_environment(caldera: Caldera, tmp_path: Path) -> None:
    line = 'echo "$CALDERA_DEVNET $L1_RPC_URL" > out'
    assert caldera("run", "minimal", "--name", "here", "--", "sh", "-c", line).code == 0
    assert (tmp_path / "out").read_text().startswith("here http://127.0.0.1:")


def test_run_past_its_time(caldera: Caldera) -> None:
    started = time.monotonic()
    done = caldera("run", "minimal", "--ttl", "300ms", "--", "sh", "-c", "sleep 60 & sleep 60")
    assert done.code == 5
    assert time.monotonic() - started < 20
    assert json.loads(caldera("ls", "--json").out) == []


def test_run_leaves_a_devnet_of_that_name_alone(default: Caldera) -> None:
    assert default("run", "--name", "default", "pair", "--", "true").code == 4
    assert default("status").code == 0


def test_a_child_that_is_killed() -> None:
    assert run_child(["sh", "-c", "kill -9 $$"], os.environ, 10) == 128 + signal.SIGKILL


def test_a_child_that_does_not_listen_is_ended() -> None:
    with pytest.raises(CliError, match="time is over"):
        run_child(["sh", "-c", "trap '' TERM; sleep 60"], os.environ, 0.2)


# ---------------------------------------------------------------- the program itself


def test_the_version_is_the_distributions() -> None:
    try:
        assert version("caldera-devnet") == VERSION
    except PackageNotFoundError:
        assert f'version = "{VERSION}"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("line", ["ls", "status", "up default", "message ls", "down pair"])
def test_hot_commands_import_nothing_heavy(line: str, default: Caldera, daemon_home: Path) -> None:
    default("up", "pair")
    program = (
        "import sys; from caldera_cli.main import main; code = main(sys.argv[1:]);"
        f"print(sorted({HEAVY!r} & set(sys.modules))); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *line.split()],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "CALDERA_HOME": str(daemon_home)},
        timeout=60,
    )
    assert done.stdout.endswith("[]\n"), done.stdout
    assert done.returncode == 0


def test_a_closed_pipe_is_no_error(default: Caldera, daemon_home: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m caldera_cli.main status --json | head -c 1"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "CALDERA_HOME": str(daemon_home)},
        timeout=60,
    )
    assert done.stdout == "{"
    assert "Traceback" not in done.stderr


def test_completion_knows_devnets(default: Caldera, daemon_home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "caldera_cli.main"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={
            **os.environ,
            "CALDERA_HOME": str(daemon_home),
            "_CALDERA_COMPLETE": "complete_bash",
            "COMP_WORDS": "caldera status d",
            "COMP_CWORD": "2",
        },
        timeout=60,
    )
    assert done.stdout.split() == ["default"]


@pytest.mark.parametrize(
    ("text", "value"), [("90", 90), ("500ms", 0.5), ("10m", 600), ("1.5h", 5400), ("2d", 172_800)]
)
def test_durations(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "m", "-1s", "1 m", "1w", "0", "٣s", "1e3"])
def test_no_durations(text: str) -> None:
    with pytest.raises(CliError):
        seconds(text)


# ---------------------------------------------------------------- the daemon


def test_a_home_that_cannot_be_written(
    caldera: Caldera, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CALDERA_HOME", str(tmp_path / "file" / "home"))
    done = caldera("ls")
    assert done.code == 1
    assert "CALDERA_HOME" in done.err
    assert "Traceback" not in done.err


def test_a_daemon_of_another_version_is_replaced(
    caldera: Caldera, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    pid = start_fake_daemon(home)
    info = home / "daemon.json"
    info.write_text(json.dumps(json.loads(info.read_text()) | {"version": "0.0.1"}))
    monkeypatch.setenv("CALDERA_HOME", str(home))
    monkeypatch.setattr("caldera_cli.daemon.start", start_fake_daemon)
    done = caldera("ls")
    assert done.code == 0
    assert "Replacing the daemon of version 0.0.1" in done.err
    replaced = json.loads(info.read_text())["pid"]
    assert replaced != pid
    os.kill(replaced, signal.SIGTERM)


def test_clean_ends_the_daemon_and_removes_its_files(
    caldera: Caldera, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    start_fake_daemon(home)
    (home / "devnets" / "old").mkdir(parents=True)
    (home / "mine.txt").write_text("not ours")
    monkeypatch.setenv("CALDERA_HOME", str(home))
    caldera("up", "minimal")
    assert caldera("clean", "-y").code == 4
    caldera("down", "minimal")
    assert caldera("clean").code == 2
    assert caldera("clean", "-y").code == 0
    assert [path.name for path in home.iterdir()] == ["mine.txt"]
