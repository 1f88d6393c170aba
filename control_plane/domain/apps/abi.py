"""Values as people write them, as those of an ABI (Solidity documentation, "Contract ABI
Specification")."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from control_plane.domain.calls import selector
from control_plane.domain.errors import Problem
from control_plane.domain.suggest import hint
from control_plane.schemas.app import AbiEntry, AbiParameter, Artifact

_ARRAY: Final = re.compile(r"(.*)\[(\d*)\]", re.DOTALL)
_INTEGER: Final = re.compile(r"(u?)int(\d+)")
_BYTES: Final = re.compile(r"bytes(\d+)")
_NUMBER: Final = re.compile(r"-?[0-9]{1,78}|0x[0-9a-fA-F]{1,64}", re.ASCII)
_HEX: Final = re.compile(r"0x(?:[0-9a-fA-F]{2})*", re.ASCII)
_ADDRESS_BYTES: Final = 20
_QUOTE: Final = 'put it between quotes: without them YAML reads "0x…" as a number'
_CHANGES_NOTHING: Final = frozenset({"view", "pure"})


class Broken:
    """What stands where a reference stands for nothing, which was noted already."""


class Place(str):
    """An address that a reference stands for. As bytes32 it is padded on the left."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads values as their ABI types; what it can't read, it notes as problems."""

    problems: list[Problem] = field(default_factory=list)

    def arguments(
        self, inputs: Sequence[AbiParameter], values: Sequence[Any], path: str, whose: str
    ) -> list[Any]:
        """`values` for the parameters `inputs` of `whose`, as ``eth_abi`` wants them."""
        if len(inputs) != len(values):
            wanted = ", ".join(_told(parameter) for parameter in inputs) or "none"
            what = f"{whose} takes {len(inputs)} argument{'' if len(inputs) == 1 else 's'}"
            self._note(path, f"{what}, not {len(values)}", f"write: {wanted}")
            return []
        pairs = enumerate(zip(inputs, values, strict=True))
        return [self.value(one, value, f"{path}[{at}]") for at, (one, value) in pairs]

    def value(self, parameter: AbiParameter, value: Any, path: str) -> Any:
        """`value` as the type of `parameter`; None and a problem where it is none."""
        if isinstance(value, Broken):
            return None
        array = _ARRAY.fullmatch(parameter.type)
        if array is not None:
            return self._array(parameter, array[1], array[2], value, path)
        if parameter.type == "tuple":
            return self._tuple(parameter, value, path)
        return self._single(parameter, value, path)

    def _array(
        self, parameter: AbiParameter, inner: str, length: str, value: Any, path: str
    ) -> Any:
        if not isinstance(value, list | tuple):
            return self._note(path, f"it is no list, as {_told(parameter)} wants one")
        if length and len(value) != int(length):
            return self._note(path, f"it is a list of {len(value)}", f"write {length}")
        element = parameter.model_copy(update={"type": inner})
        return [self.value(element, one, f"{path}[{at}]") for at, one in enumerate(value)]

    def _tuple(self, parameter: AbiParameter, value: Any, path: str) -> Any:
        parts = parameter.components
        if not isinstance(value, list | tuple) or len(value) != len(parts):
            fields = ", ".join(_told(part) for part in parts)
            return self._note(path, f"it is no list of {len(parts)}", f"write [{fields}]")
        pairs = enumerate(zip(parts, value, strict=True))
        return [self.value(part, one, f"{path}[{at}]") for at, (part, one) in pairs]

    def _single(self, parameter: AbiParameter, value: Any, path: str) -> Any:
        kind = parameter.type
        if integer := _INTEGER.fullmatch(kind):
            return self._integer(parameter, value, path, bool(integer[1]), int(integer[2]))
        if kind == "bool":
            return value if isinstance(value, bool) else self._wrong(parameter, value, path)
        if kind == "string":
            return value if type(value) is str else self._wrong(parameter, value, path)
        if kind == "address":
            found = self._bytes(parameter, value, path, _ADDRESS_BYTES)
            return None if found is None else "0x" + found.hex()
        if kind == "bytes":
            return self._bytes(parameter, value, path, None)
        if (fixed := _BYTES.fullmatch(kind)) and 1 <= int(fixed[1]) <= 32:
            return self._bytes(parameter, value, path, int(fixed[1]))
        return self._note(path, f"values of type {kind!r} can't be written in a manifest")

    def _integer(
        self, parameter: AbiParameter, value: Any, path: str, unsigned: bool, bits: int
    ) -> int | None:
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = int(value, 0 if value.startswith("0x") else 10)
        if isinstance(value, bool) or not isinstance(value, int):
            self._wrong(parameter, value, path)
            return None
        low, high = (0, 2**bits) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1))
        if not low <= value < high:
            self._note(path, f"{value} is out of the range of {parameter.type}")
            return None
        return value

    def _bytes(
        self, parameter: AbiParameter, value: Any, path: str, length: int | None
    ) -> bytes | None:
        if isinstance(value, int) and not isinstance(value, bool):
            self._note(path, f"a number is no {parameter.type}", _QUOTE)
            return None
        if not isinstance(value, str) or not _HEX.fullmatch(value):
            self._wrong(parameter, value, path)
            return None
        found = bytes.fromhex(value[2:])
        if isinstance(value, Place) and length == 32:
            return found.rjust(32, b"\0")
        if length is not None and len(found) != length:
            has = f"{len(found)} byte{'' if len(found) == 1 else 's'}"
            self._note(path, f"it has {has}, {_told(parameter)} has {length}")
            return None
        return found

    def _wrong(self, parameter: AbiParameter, value: Any, path: str) -> None:
        shown = repr(value)
        shown = shown if len(shown) <= 40 else shown[:37] + "…"
        quote = "put it between quotes" if parameter.type == "string" else ""
        self._note(path, f"{shown} is no {_told(parameter)}", quote)

    def _note(self, path: str, detail: str, hint: str = "") -> None:
        self.problems.append(Problem(path, detail, hint))


def canonical(parameter: AbiParameter) -> str:
    """The type as signatures have it, tuples spelt out."""
    if not parameter.type.startswith("tuple"):
        return parameter.type
    inner = ",".join(canonical(component) for component in parameter.components)
    return f"({inner}){parameter.type.removeprefix('tuple')}"


def types_of(inputs: Sequence[AbiParameter]) -> list[str]:
    """Canonical types of parameters."""
    return [canonical(parameter) for parameter in inputs]


def signature_of(function: AbiEntry) -> str:
    """``approve(address,uint256)``."""
    return f"{function.name}({','.join(types_of(function.inputs))})"


def constructor_inputs(artifact: Artifact) -> tuple[AbiParameter, ...]:
    """Parameters of the constructor; none where there is none."""
    for entry in artifact.abi:
        if entry.type == "constructor":
            return entry.inputs
    return ()


def find_function(artifact: Artifact, wanted: str, arguments: int) -> AbiEntry | tuple[str, str]:
    """The function called so, or by that signature, that a transaction can call; else what is
    wrong and what to write. Of several with one name, that with so many arguments."""
    functions = [entry for entry in artifact.abi if entry.type == "function"]
    named = [one for one in functions if wanted in {one.name, signature_of(one)}]
    if len(named) > 1:
        named = [one for one in named if len(one.inputs) == arguments] or named
    if len(named) > 1:
        signatures = ", ".join(signature_of(one) for one in named)
        return f"there are several called '{wanted}'", f"write one of: {signatures}"
    if named and named[0].mutability in _CHANGES_NOTHING:
        return f"'{wanted}' is a {named[0].mutability} function: a call of it does nothing", ""
    if named:
        return named[0]
    known = [one.name for one in functions if one.mutability not in _CHANGES_NOTHING]
    return f"there is no function '{wanted}'", hint(wanted, dict.fromkeys(known), "functions")


def encode_arguments(inputs: Sequence[AbiParameter], values: Sequence[Any]) -> bytes:
    """Values that a :class:`Reader` has read, encoded."""
    if not inputs:
        return b""
    from eth_abi import encode  # type: ignore[attr-defined]  # 0.1 s, and few devnets have apps

    encoded: bytes = encode(types_of(inputs), values)
    return encoded


def error_told(artifact: Artifact, data: str) -> str | None:
    """Revert data as an error of the contract's own, ``NotOwner(who=0x…)``; None: it is none."""
    raw = bytes.fromhex(data.removeprefix("0x"))
    for entry in artifact.abi:
        if entry.type == "error" and selector(signature_of(entry)) == raw[:4]:
            return f"{entry.name}({_arguments(entry, raw[4:])})"
    return None


def _arguments(entry: AbiEntry, data: bytes) -> str:
    from eth_abi import decode  # type: ignore[attr-defined]

    try:
        values = decode(types_of(entry.inputs), data)
    except Exception:  # noqa: BLE001 - a contract may revert with whatever it likes
        return "…"
    shown = [("0x" + v.hex()) if isinstance(v, bytes) else str(v) for v in values]
    named = zip(entry.inputs, shown, strict=True)
    return ", ".join(f"{one.name}={text}" if one.name else text for one, text in named)[:500]


def _told(parameter: AbiParameter) -> str:
    kind = canonical(parameter)
    return f"{kind} {parameter.name}".rstrip()
