"""Compiled contracts as committed files: `artifacts.py write|check|fresh`.

write   build, and write contracts/artifacts/<Contract>.json and manifest.json
check   build from nothing in a scratch directory and compare: exit code 1 on a difference
fresh   exit code 0 when the sources are those of the manifest; compiles nothing
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
ARTIFACTS = CONTRACTS / "artifacts"
BORROWED = {
    "ERC1967Proxy": "node_modules/@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol",
    "CrosschainRemoteExecutor": (
        "node_modules/@openzeppelin/contracts/crosschain/CrosschainRemoteExecutor.sol"
    ),
}
"""Library contracts that are deployed as they are, by devnets or by tests."""
INPUTS = ("foundry.toml", "package-lock.json")
"""Besides the sources, what the bytecode depends on: settings, compiler and libraries."""


def main(arguments: list[str]) -> int:
    """Exit code 0 done, 1 different or stale, 2 wrong usage."""
    match arguments:
        case ["write"]:
            _write(build(), ARTIFACTS)
            return 0
        case ["check"]:
            return check()
        case ["fresh"]:
            return 0 if is_fresh() else 1
        case _:
            print(__doc__, file=sys.stderr)
            return 2


def is_fresh() -> bool:
    """Whether the committed artifacts were made from the sources as they are now."""
    try:
        manifest = json.loads((ARTIFACTS / "manifest.json").read_text())
    except (OSError, ValueError):
        return False
    return bool(manifest.get("sources") == source_hashes())


def source_hashes() -> dict[str, str]:
    """sha256 of every own source and of the build's other inputs, by path."""
    paths = [*sorted((CONTRACTS / "src").rglob("*.sol")), *(CONTRACTS / name for name in INPUTS)]
    return {
        path.relative_to(CONTRACTS).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
    }


def build(scratch: Path | None = None) -> dict[str, str]:
    """Compile and return the files to write, by name; in `scratch` from nothing."""
    out = CONTRACTS / "out" / "release" if scratch is None else scratch / "out"
    cache = CONTRACTS / "cache" / "release" if scratch is None else scratch / "cache"
    # Tests are left out: what is compiled together may not depend on them.
    sources = ("src", *BORROWED.values())
    forge("build", *sources, "--out", str(out), "--cache-path", str(cache), "--quiet")
    contracts = collect(out)
    files = {f"{name}.json": _text(artifact) for name, artifact in contracts.items()}
    manifest = {
        "version": 1,
        "compiler": compiler(),
        "sources": source_hashes(),
        "contracts": {
            name: {
                "source": artifact["sourceName"],
                "sha256": hashlib.sha256(files[f"{name}.json"].encode()).hexdigest(),
            }
            for name, artifact in contracts.items()
        },
    }
    manifest["contentHash"] = hashlib.sha256(_text(manifest).encode()).hexdigest()
    return files | {"manifest.json": _text(manifest)}


def forge(*arguments: str) -> str:
    """Run forge in contracts/ and return what it prints; its own messages on failure."""
    command = [str(ROOT / "scripts" / "forge"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"forge {' '.join(arguments)} failed\n{done.stdout}{done.stderr}")
    return done.stdout


def compiler() -> dict[str, Any]:
    """The compiler's version and the settings that reach it."""
    config = json.loads(forge("config", "--json"))
    version = subprocess.run(
        [str(CONTRACTS / "tools" / "solc"), "--version"], capture_output=True, text=True, check=True
    ).stdout.split("Version: ")[1]
    names = ("evm_version", "optimizer", "optimizer_runs", "via_ir", "bytecode_hash")
    settings = {name: config[name] for name in (*names, "cbor_metadata")}
    return {"name": "solc", "version": version.split(".Linux")[0].strip(), "settings": settings}


def collect(out: Path) -> dict[str, dict[str, Any]]:
    """Every contract and interface of ours, and the borrowed ones, by name."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(out.rglob("*.json")):
        if path.parent.suffix != ".sol":
            continue
        raw = json.loads(path.read_text())
        source = _source_of(path.stem, raw)
        if source is None or not raw["abi"] or _is_abstract(path.stem, raw):
            continue
        if path.stem in found:
            sys.exit(f"two contracts are named {path.stem}, one of them in {source}")
        found[path.stem] = _artifact(path.stem, source, raw)
    missing = set(BORROWED) - set(found)
    if missing:
        sys.exit(f"not compiled: {', '.join(sorted(missing))}")
    return dict(sorted(found.items()))


def _source_of(name: str, raw: dict[str, Any]) -> str | None:
    """The source path when the contract is one to keep, else None."""
    target = raw.get("metadata", {}).get("settings", {}).get("compilationTarget", {})
    source = next(iter(target), "")
    if source.startswith("src/"):
        return str(source)
    return source if source and BORROWED.get(name) == source else None


def _is_abstract(name: str, raw: dict[str, Any]) -> bool:
    """Neither deployable nor an interface; libraries stay, for the errors in their ABI."""
    return bool(raw["bytecode"]["object"] == "0x") and not (name[0] == "I" and name[1].isupper())


def _artifact(name: str, source: str, raw: dict[str, Any]) -> dict[str, Any]:
    for part in ("bytecode", "deployedBytecode"):
        if raw[part].get("linkReferences"):
            sys.exit(f"{name} wants linked libraries: make their functions internal")
    return {
        "contractName": name,
        "sourceName": source,
        "abi": raw["abi"],
        "bytecode": raw["bytecode"]["object"],
        "deployedBytecode": raw["deployedBytecode"]["object"],
        "immutableReferences": sorted(
            place["start"]
            for places in raw["deployedBytecode"].get("immutableReferences", {}).values()
            for place in places
        ),
        "storageLayout": _layout(raw.get("storageLayout") or {}),
    }


def _layout(layout: dict[str, Any]) -> list[dict[str, Any]]:
    """Variables with slot and place; the compiler's node ids are left out, they vary."""
    types = layout.get("types") or {}
    return [
        {
            "label": entry["label"],
            "slot": int(entry["slot"]),
            "offset": entry["offset"],
            "bytes": int(types[entry["type"]]["numberOfBytes"]),
            "type": types[entry["type"]]["label"],
        }
        for entry in layout.get("storage") or []
    ]


def _text(value: Any) -> str:
    return json.dumps(value, indent=1) + "\n"


def _write(files: dict[str, str], directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for stale in directory.glob("*.json"):
        if stale.name not in files:
            stale.unlink()
    for name, text in files.items():
        path = directory / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def check() -> int:
    """Compare a build from nothing with what is committed."""
    with tempfile.TemporaryDirectory() as scratch:
        built = build(Path(scratch))
    committed = {path.name: path.read_text() for path in ARTIFACTS.glob("*.json")}
    names = sorted(built.keys() | committed.keys())
    different = [name for name in names if built.get(name) != committed.get(name)]
    for name in different:
        print(f"contracts/artifacts/{name} is not what the sources give", file=sys.stderr)
    if different:
        print("run `make contracts` and commit the result", file=sys.stderr)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
