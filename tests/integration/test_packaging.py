"""The wheel and the editable install both find templates, artifacts and genesis."""

import json
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from control_plane import resources
from control_plane.adapters.evm import deployment

pytestmark = [pytest.mark.integration, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]

PROBE = """
import json
from control_plane import resources as r
print(json.dumps({
    "templates": str(r.templates_dir()),
    "artifacts": str(r.artifacts_dir()), "genesis": str(r.genesis_dir()),
    "third_party": str(r.third_party_dir()), "compose": str(r.compose_dir()),
    "checkout": str(r.checkout_dir()),
}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), "."],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    (built,) = out.glob("*.whl")
    return built


def probe(python: Path, directory: Path) -> dict[str, str]:
    done = subprocess.run(
        [str(python), "-I", "-c", PROBE], cwd=directory, check=True, capture_output=True, text=True
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def check(found: dict[str, str]) -> None:
    for name in deployment.ARTIFACTS:
        assert (Path(found["artifacts"]) / f"{name}.json").is_file(), name
    for name in ("l1.json", "rollup.json", "manifest.json"):
        assert (Path(found["genesis"]) / name).is_file(), name
    for name in deployment.THIRD_PARTY:
        assert (Path(found["third_party"]) / name / "LICENSE").is_file(), name
    assert (Path(found["templates"]) / "default.yaml").is_file()
    for module in ("op-geth", "optimism"):
        for name in ("go.mod", "go.sum"):
            assert (Path(found["compose"]) / "engines" / module / name).is_file(), module


def test_wheel_holds_everything(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for kind in ("templates", "artifacts", "genesis", "third_party", "compose"):
        directory = getattr(resources, f"{kind}_dir")()
        for path in directory.rglob("*"):
            if path.is_file():
                inside = f"control_plane/_data/{kind}/{path.relative_to(directory).as_posix()}"
                assert inside in names
    assert not [name for name in names if name.startswith(("tests/", "contracts/", "scripts/"))]
    assert not [name for name in names if "node_modules" in name]


def test_wheel_installed_elsewhere(wheel: Path, tmp_path: Path) -> None:
    """Without its dependencies: where the data lies is the question, and they take minutes."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run(
        [str(python), "-m", "pip", "install", "-q", "--no-deps", "--no-index", str(wheel)],
        check=True,
        capture_output=True,
    )
    found = probe(python, tmp_path)
    check(found)
    assert found.pop("checkout") == "None"
    assert all(path.startswith(str(tmp_path)) for path in found.values())
    assert (tmp_path / "venv" / "bin" / "caldera").is_file()


def test_editable_install(tmp_path: Path) -> None:
    found = probe(Path(sys.executable), tmp_path)
    check(found)
    assert found.pop("checkout") == str(ROOT)
    assert all(path.startswith(str(ROOT)) for path in found.values())


@pytest.mark.parametrize("name", ["runtime", "dev", "bootstrap", "go"])
def test_locks_are_hashed_and_name_no_registry(name: str) -> None:
    lines = (ROOT / "requirements" / f"{name}.lock").read_text().splitlines()
    pins = [line for line in lines if line[:1].isalnum()]
    assert pins
    assert all("==" in pin and pin.endswith("\\") for pin in pins)
    assert not [line for line in lines if "://" in line or line.startswith("-")]


def test_npm_lock_names_no_registry() -> None:
    lock = json.loads((ROOT / "contracts" / "package-lock.json").read_text())
    packages = {path: entry for path, entry in lock["packages"].items() if path}
    assert packages
    assert all("resolved" not in entry and entry["integrity"] for entry in packages.values())


def test_console_script_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"caldera": "caldera_cli.early:run"}
