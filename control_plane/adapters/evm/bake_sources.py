"""What the contract state of a genesis is made of, and the hash that tells one from another."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from control_plane.adapters.evm import deployment
from control_plane.resources import artifacts_dir, third_party_dir

Alloc = dict[str, dict[str, Any]]
"""Accounts as a geth genesis names them: address → nonce, balance, code, storage."""

OP_STACK_FILE = "op-stack.json"
SURFACES_FILE = "surfaces.json"


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the inputs are read."""

    artifacts: Path
    third_party: Path

    @classmethod
    def of_package(cls) -> "Sources":
        return cls(artifacts_dir(), third_party_dir())

    def artifact(self, name: str) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((self.artifacts / f"{name}.json").read_bytes())
        return loaded

    def foreign(self, name: str) -> tuple[dict[str, Any], str]:
        """`origin.json` and the deployed code of a third party's contract."""
        home = self.third_party / name
        code = (home / "runtime.hex").read_text().strip()
        return json.loads((home / "origin.json").read_bytes()), code


def content_hash(sources: Sources | None = None) -> str:
    """sha256 over everything that the baked state depends on: bytes read, nothing parsed."""
    sources = sources or Sources.of_package()
    digest = hashlib.sha256(json.dumps(deployment.parameters(), sort_keys=True).encode())
    paths = [sources.artifacts / f"{name}.json" for name in sorted(deployment.ARTIFACTS)]
    for name in deployment.THIRD_PARTY:
        paths += [sources.third_party / name / part for part in ("origin.json", "runtime.hex")]
    for path in paths:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
