"""The vector files, read once."""

import json
from functools import cache
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).resolve().parents[2] / "vectors"


@cache
def load(name: str) -> dict[str, Any]:
    """``metalayer``, ``bls12381`` or ``blocks``."""
    content: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    return content


def raw(text: str) -> bytes:
    """Bytes of a 0x-hex string."""
    return bytes.fromhex(text.removeprefix("0x"))
