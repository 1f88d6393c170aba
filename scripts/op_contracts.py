"""The OP Stack's contracts as committed files: `op_contracts.py write|check`.

write   fetch the packages, and write contracts/third_party/op-stack
check   fetch them into a scratch directory and compare: exit code 1 on a difference

L1: creation code out of the artifacts of an npm package. L2: the predeploys of a fork, a JSON file
of a Go module, compressed. Both packages are pinned by version and hash; npm and Go bring them.
"""

import base64
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any, Final

from eth_hash.auto import keccak

ROOT: Final = Path(__file__).resolve().parent.parent
TARGET: Final = ROOT / "contracts" / "third_party" / "op-stack"

PACKAGE: Final = "@eth-optimism/contracts-bedrock@0.17.3"
PACKAGE_SHA512: Final = (
    "cHPO7ntWeOBDLO7ZFFSZGI1D7CDqf4loRbRVJrFIsqLEz+hysWIqA0e3dv2GnrjVeuYePBfI2NTBEG4uwz9bQQ=="
)
MODULE: Final = "github.com/ethereum-optimism/optimism@v1.19.6"
MODULE_SUM: Final = "h1:p+9rGYPtGy8rBFU+w8z3GmzT5qT0M1Az+GzTvDpvEr4="
STATE: Final = "op-core/nuts/state/jovian_state.json"

CONTRACTS: Final = (
    "AlphabetVM",
    "AnchorStateRegistry",
    "DelayedWETH",
    "DisputeGameFactory",
    "FaultDisputeGame",
    "L1CrossDomainMessenger",
    "L1ERC721Bridge",
    "L1StandardBridge",
    "OptimismPortal2",
    "PreimageOracle",
    "Proxy",
    "SuperchainConfig",
    "SystemConfig",
)
"""What a rollup's L1 side consists of."""


def main(arguments: list[str]) -> int:
    """Exit code 0 done, 1 different, 2 wrong usage."""
    if arguments not in (["write"], ["check"]):
        print(__doc__, file=sys.stderr)
        return 2
    made = make()
    if arguments == ["write"]:
        shutil.rmtree(TARGET, ignore_errors=True)
        for name, content in made.items():
            (TARGET / name).parent.mkdir(parents=True, exist_ok=True)
            (TARGET / name).write_bytes(content)
        return 0
    there = {str(p.relative_to(TARGET)): p.read_bytes() for p in TARGET.rglob("*") if p.is_file()}
    different = sorted(n for n in made.keys() | there.keys() if made.get(n) != there.get(n))
    for name in different:
        print(f"{name} differs", file=sys.stderr)
    return 1 if different else 0


def make() -> dict[str, bytes]:
    """Content of every file, by its path below the target."""
    with tempfile.TemporaryDirectory() as scratch:
        package = _npm_package(Path(scratch))
    state = _go_module() / STATE
    creations = {name: _artifact(package, name) for name in CONTRACTS}
    predeploys = json.loads(state.read_bytes())
    plain = json.dumps(predeploys, sort_keys=True, separators=(",", ":")).encode()
    files = {f"l1/{name}.hex": f"{c.code}\n".encode() for name, c in creations.items()}
    files["predeploys.json.gz"] = gzip.compress(plain, 9, mtime=0)
    files["LICENSE"] = package["package/LICENSE"]
    origin = _origin(creations, plain)
    files["origin.json"] = (json.dumps(origin, indent=2) + "\n").encode()
    return files


class _Creation:
    """Creation code as the package has it."""

    def __init__(self, artifact: dict[str, Any]) -> None:
        self.code: str = artifact["bytecode"]["object"]
        links = artifact["bytecode"].get("linkReferences")
        if links:
            raise SystemExit(f"a library is linked in: {links}")
        (self.source,) = artifact["metadata"]["settings"]["compilationTarget"]
        self.compiler: str = artifact["metadata"]["compiler"]["version"]
        self.hash = "0x" + keccak(bytes.fromhex(self.code.removeprefix("0x"))).hex()


def _origin(creations: dict[str, _Creation], predeploys: bytes) -> dict[str, Any]:
    return {
        "name": "op-stack",
        "origin": {
            "project": "ethereum-optimism/optimism, packages/contracts-bedrock",
            "takenFrom": f"npm package {PACKAGE} (l1) and Go module {MODULE}, {STATE} (predeploys)",
            "licence": "MIT",
        },
        "packages": {PACKAGE: f"sha512-{PACKAGE_SHA512}", MODULE: MODULE_SUM},
        "l1": {
            name: {
                "source": creation.source,
                "compiler": creation.compiler,
                "creationKeccak256": creation.hash,
            }
            for name, creation in creations.items()
        },
        "predeploys": {"fork": "jovian", "keccak256": "0x" + keccak(predeploys).hex()},
        "checks": ["scripts/op_contracts.py check makes the same files from the packages anew"],
    }


def _npm_package(scratch: Path) -> dict[str, bytes]:
    """Every file of the package by its name in the archive."""
    npm = [str(ROOT / "scripts" / "npm"), "pack", PACKAGE, "--silent"]
    subprocess.run(npm, cwd=scratch, check=True, stdout=subprocess.DEVNULL)
    (archive,) = scratch.glob("*.tgz")
    content = archive.read_bytes()
    found = base64.b64encode(hashlib.sha512(content).digest()).decode()
    if found != PACKAGE_SHA512:
        raise SystemExit(f"{PACKAGE} has another hash: sha512-{found}")
    files = {}
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        for member in tar:
            stream = tar.extractfile(member)
            if stream is not None:
                files[member.name] = stream.read()
    return files


def _artifact(package: dict[str, bytes], name: str) -> _Creation:
    return _Creation(json.loads(package[f"package/forge-artifacts/{name}.sol/{name}.json"]))


def _go_module() -> Path:
    """The module's directory in Go's cache, which Go has checked."""
    go = shutil.which("go") or "/usr/local/go/bin/go"
    command = [go, "mod", "download", "-json", MODULE]
    done = subprocess.run(command, cwd="/", check=True, capture_output=True, env=dict(os.environ))
    told = json.loads(done.stdout)
    if told["Sum"] != MODULE_SUM:
        raise SystemExit(f"{MODULE} has another hash: {told['Sum']}")
    return Path(told["Dir"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
