"""Revert data as people read it: our own errors by name, with their arguments."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from control_plane.domain.calls import selector
from control_plane.domain.hexes import from_hex
from control_plane.resources import artifacts_dir

_PANICS: Final[Mapping[int, str]] = {
    0x01: "assertion failed",
    0x11: "arithmetic overflow or underflow",
    0x12: "division or modulo by zero",
    0x21: "value out of an enum's range",
    0x22: "incorrectly encoded storage byte array",
    0x31: "pop on an empty array",
    0x32: "array index out of bounds",
    0x41: "too much memory allocated",
    0x51: "call of a zero-initialized function",
}
"""Solidity's panic codes (language documentation, "Panic via assert and Error via require")."""
_WRAPPERS: Final = frozenset({"RecipientReverted", "CallFailed"})
"""Errors of ours that carry another's revert data as their last `bytes`."""
_DEEPEST: Final = 4
"""Wrappers that are taken off."""
_LONGEST: Final = 500
"""Characters."""


def decode_error(data: str) -> str:
    """What `data` (0x-hex revert data) says, e.g. ``RecipientBroken(reason='on purpose')``.

    Never a bare selector: an unknown error is said to be one, with its selector and size. Revert
    data is foreign: what is told of it is bounded.
    """
    told = _told(from_hex(data), _DEEPEST)
    return told if len(told) <= _LONGEST else told[: _LONGEST - 1] + "…"


def _told(raw: bytes, depth: int) -> str:
    if not raw:
        return "reverted without a reason (out of gas, a failed assertion, or no such function)"
    if len(raw) < 4:
        return f"reverted with {len(raw)} bytes that are no error: 0x{raw.hex()}"
    found = _errors().get(raw[:4])
    if found is None:
        return (
            f"an error unknown here (selector 0x{raw[:4].hex()}, {len(raw) - 4} bytes of arguments)"
        )
    name, types, names = found
    try:
        values = _decode(types, raw[4:])
    except Exception:  # noqa: BLE001 - foreign data may claim any selector
        return f"{name} with arguments that can't be decoded: 0x{raw[:_LONGEST].hex()}"
    if name in _WRAPPERS and types and types[-1] == "bytes" and depth > 0:
        return f"{name}: {_told(values[-1], depth - 1)}"
    return _shown(name, names, values)


def _shown(name: str, names: tuple[str, ...], values: tuple[Any, ...]) -> str:
    if name == "Error":
        return f"reverted: {values[0]!r}"
    if name == "Panic":
        return f"panic 0x{values[0]:02x}: {_PANICS.get(values[0], 'unknown code')}"
    told = [_argument(n, v) for n, v in zip(names, values, strict=True)]
    return f"{name}({', '.join(told)})"


def _argument(name: str, value: Any) -> str:
    shown = "0x" + value.hex() if isinstance(value, bytes) else repr(value)
    return f"{name}={shown}" if name else shown


def _decode(types: tuple[str, ...], data: bytes) -> tuple[Any, ...]:
    from eth_abi.abi import decode  # 0.2 s, and only where something failed

    return tuple(decode(types, data))


@cache
def _errors() -> Mapping[bytes, tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Name, types and parameter names by selector, over all artifacts and Solidity's own two."""
    known: dict[bytes, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
        selector("Error(string)"): ("Error", ("string",), ("",)),
        selector("Panic(uint256)"): ("Panic", ("uint256",), ("",)),
    }
    for path in sorted(artifacts_dir().glob("*.json")):
        for entry in json.loads(path.read_bytes()).get("abi", ()):
            if entry.get("type") == "error":
                types = tuple(_type(parameter) for parameter in entry["inputs"])
                names = tuple(parameter.get("name", "") for parameter in entry["inputs"])
                signature = f"{entry['name']}({','.join(types)})"
                known.setdefault(selector(signature), (entry["name"], types, names))
    return known


def _type(parameter: Mapping[str, Any]) -> str:
    """A parameter's canonical type, tuples spelt out."""
    kind = str(parameter["type"])
    if not kind.startswith("tuple"):
        return kind
    inner = ",".join(_type(component) for component in parameter["components"])
    return f"({inner}){kind.removeprefix('tuple')}"
