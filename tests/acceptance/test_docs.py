"""Every command that a page shows is run, in the page's order, in a home of its own."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from control_plane.resources import artifacts_dir
from tests.acceptance.world import ROOT, World, new_world
from tests.foundry import cast_binary

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PAGES = (
    "README.md",
    "docs/quick-start.md",
    "docs/specs.md",
    "docs/rest.md",
    "docs/concepts/metalayer.md",
    "docs/concepts/guardians.md",
    "docs/concepts/epochs-and-proofs.md",
    "docs/concepts/finality.md",
    "docs/concepts/reads.md",
    "docs/concepts/node-programs.md",
    "docs/concepts/shards.md",
    "docs/concepts/slashing.md",
    "docs/concepts/chaos.md",
    "docs/concepts/batches.md",
    "docs/concepts/deposits.md",
    "docs/concepts/data-availability.md",
    "docs/concepts/outputs.md",
    "docs/concepts/bridge.md",
    "docs/concepts/gas-tokens.md",
    "docs/concepts/switching.md",
    "docs/concepts/op-geth.md",
    "docs/concepts/surfaces.md",
    "docs/concepts/apps.md",
    "docs/concepts/validity.md",
    "docs/concepts/disputes.md",
    "docs/concepts/hyperlane.md",
    "docs/troubleshooting.md",
)
ELSEWHERE = {
    "git clone … && cd caldera-devnet": "the tests run in a checkout",
    "make up": "its devnet is made by the test; the set-up is what `make test` itself begins with",
    ". .venv/bin/activate": "the test's PATH has the environment",
    "caldera run --ttl 10m -- pytest tests/": "`caldera run` has tests of its own",
    "hyperlane send message --registry registry --origin l1 --destination op --key $KEY --relay": (
        "run by tests/e2e/test_hyperlane.py"
    ),
}
"""Commands that are not run here, and why."""
_FILE = re.compile(r"^```yaml\n# (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
"""A file that the page's commands use: its name stands in its first line."""
_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(page: str) -> list[str]:
    """Lines that begin with ``$ ``, continued lines joined, comments cut."""
    found = []
    for block in _BLOCK.findall((ROOT / page).read_text(encoding="utf-8")):
        text = re.sub(r"\\\n\s*", "", block)
        found += [line[2:] for line in text.splitlines() if line.startswith("$ ")]
    return [re.sub(r"\s+# .*$", "", line) for line in found]


def write_files(page: str, where: Path) -> None:
    """Files that the page shows, and the contracts' artifacts beside them."""
    for name, text in _FILE.findall((ROOT / page).read_text(encoding="utf-8")):
        (where / name).write_text(text, encoding="utf-8")
    (where / "artifacts").symlink_to(artifacts_dir())


def needs_devnet(page: str) -> bool:
    first = next(iter(commands(page)), "")
    return "up" not in first.split() or first == "make up"


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[World]:
    """A home with an example address in it and `cast` on the PATH."""
    with new_world() as made:
        tools = tmp_path / "bin"
        tools.mkdir()
        (tools / "cast").symlink_to(cast_binary())
        made.environment |= {
            "CALDERA_FREE_PORTS": "1",
            "PATH": f"{tools}{os.pathsep}{made.environment['PATH']}",
        }
        yield made


@pytest.mark.timeout(240)
@pytest.mark.parametrize("page", PAGES)
def test_commands_of_the_page(shell: World, page: str) -> None:
    lines = [line for line in commands(page) if line not in ELSEWHERE]
    assert lines or page == "docs/concepts/epochs-and-proofs.md"
    shell.run("up")
    write_files(page, shell.home)
    port = shell.daemon()["port"]
    script = ["set -eu"]
    for line in lines:
        known = line.replace("127.0.0.1:8420", f"127.0.0.1:{port}").replace(
            "0x… ", "0x" + "aa" * 20 + " "
        )
        if "message send" in line and "--to" in line:
            known = re.sub(r"--to \S+", "", known)
        if "-N" in line and "events" in line:  # follows for ever
            known = f"timeout 3 {known} >events.txt || test $? = 124; test -s events.txt"
        script += [f"echo {shlex.quote('+ ' + line)}", known]
    bash = shutil.which("bash") or "sh"
    done = subprocess.run(
        [bash, "-c", "\n".join(script)],
        env=shell.environment,
        cwd=shell.home,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_links_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in ROOT.glob("**/*.md")
        if not {"node_modules", ".venv", "third_party"} & set(page.parts)
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert not broken
