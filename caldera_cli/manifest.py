"""An app's manifest and the artifacts that it names, read from files for the daemon, which checks
them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from caldera_cli.errors import NOT_FOUND, USAGE, CliError, usage

_LARGEST: Final = 64 * 1024 * 1024
"""Bytes of an artifact; compilers write syntax trees beside what matters here."""
_KINDS: Final = frozenset({"constructor", "function", "error"})
_KEYS: Final = ("type", "name", "inputs", "stateMutability")


def read_manifest(path: Path) -> dict[str, Any]:
    """The body that describes the app: ``manifest`` and ``artifacts`` by their paths.

    Raises CliError for a file that is not there or can't be read; all such artifacts at once.
    """
    manifest = _yaml(path)
    artifacts: dict[str, Any] = {}
    faults = []
    for place, name in _artifacts(manifest):
        if name in artifacts:
            continue
        try:
            artifacts[name] = _artifact(path.parent / name)
        except _Unusable as error:
            faults.append({"path": place, "detail": f"{name} {error}"})
    if faults:
        raise _refusal(faults)
    return {"manifest": manifest, "artifacts": artifacts}


def _refusal(faults: list[dict[str, str]]) -> CliError:
    title = "Artifacts of the manifest can't be used"
    hint = "paths are from the manifest; `forge build` or `npx hardhat compile` writes artifacts"
    listed = [{**fault, "hint": hint if fault is faults[-1] else ""} for fault in faults]
    return CliError(title, "", hint, USAGE, {"title": title, "hint": hint, "errors": listed})


class _Unusable(Exception):
    """Why a file is no artifact, as the rest of a sentence that begins with its name."""


def _yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        hint = "a manifest is a YAML file; `caldera app deploy --help` says where it is described"
        raise CliError(f"There is no file {path}", hint=hint, code=NOT_FOUND) from None
    except (OSError, UnicodeDecodeError) as error:
        raise usage(f"{path} can't be read", str(error)) from error
    try:
        found = yaml.load(text, _loader())  # noqa: S506 - a kind of SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise usage(f"{path} is not YAML", str(error)) from error
    if not isinstance(found, dict):
        raise usage(f"{path} is no manifest", "it holds no keys with values")
    try:
        json.dumps(found, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise usage(f"{path} is no manifest", f"it holds what JSON has not: {error}") from error
    return found


def _loader() -> Any:
    """YAML's safe loader, but two equal keys are refused, and what YAML makes dates of is text."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Of manifests."""

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            seen = set()
            for key, _ in node.value:
                if key.value in seen:
                    line = key.start_mark.line + 1
                    raise yaml.YAMLError(f"line {line}: '{key.value}' stands there twice")
                seen.add(key.value)
            return super().construct_mapping(node, deep=deep)

    Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: str(node.value))
    return Loader


def _artifacts(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Where the manifest names artifacts, and which. What is no path the daemon refuses."""
    contracts = manifest.get("contracts")
    for at, contract in enumerate(contracts if isinstance(contracts, list) else ()):
        name = contract.get("artifact") if isinstance(contract, dict) else None
        if isinstance(name, str) and name:
            yield f"contracts[{at}].artifact", name


def _artifact(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise _Unusable(f"can't be read: {error.strerror}") from error
    if len(content) > _LARGEST:
        raise _Unusable(f"is larger than {_LARGEST // 1024 // 1024} MiB")
    try:
        found = json.loads(content)
    except ValueError as error:
        raise _Unusable(f"is no JSON: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("abi"), list):
        raise _Unusable("is no artifact of Foundry or Hardhat: it has no list 'abi'")
    return {"abi": list(_entries(found["abi"])), "bytecode": _code(found)}


def _entries(abi: list[Any]) -> Iterator[dict[str, Any]]:
    """What is needed of an ABI."""
    for entry in abi:
        if isinstance(entry, dict) and entry.get("type") in _KINDS:
            yield {key: entry[key] for key in _KEYS if key in entry}


def _code(artifact: Mapping[str, Any]) -> str:
    """Creation code: Hardhat's artifacts have it as it is, Foundry's in an object."""
    code: Any = artifact.get("bytecode")
    holder = artifact
    if isinstance(code, dict):
        code, holder = code.get("object"), code
    if not isinstance(code, str):
        raise _Unusable("is no artifact of Foundry or Hardhat: it has no 'bytecode'")
    if "__$" in code:
        links = holder.get("linkReferences") or {}
        named = ", ".join(name for file in links.values() for name in file) or "libraries"
        raise _Unusable(f"needs {named} linked, which Caldera does not do: link it when you build")
    return code if code.startswith("0x") else f"0x{code}"
