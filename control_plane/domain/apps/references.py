"""What a manifest's references stand for.

``$owner``, ``$contracts.NAME``, ``$devnet.KEY``, and of the rollup itself (``$rollup``) or of the
other one that a call or an element of a list is for (``$peer``): ``.name``, ``.chain_id``,
``.domain``, ``.interoperable.NAME``. A text that begins with ``$$`` is one that begins with ``$``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from control_plane.domain.apps.abi import Broken, Place
from control_plane.domain.errors import Problem
from control_plane.domain.suggest import hint

ROOTS: Final = ("$owner", "$contracts", "$devnet", "$rollup", "$peer")
_CHAIN: Final = ("name", "chain_id", "domain", "interoperable")
_DEEPEST: Final = 16
"""Lists within lists."""
_EACH: Final = frozenset({"each", "value"})


@dataclass(frozen=True, slots=True)
class Where:
    """A rollup as references see it."""

    name: str
    chain_id: int
    domain: int


@dataclass(frozen=True, slots=True)
class Scene:
    """What references stand for on one rollup."""

    owner: str
    contracts: Mapping[str, str]
    """Addresses of the app's contracts."""
    devnet: Mapping[str, str]
    """Addresses of the devnet's contracts on the rollup, by key."""
    rollup: Where
    peers: Sequence[Where]
    """The app's other rollups."""
    peer: Where | None = None

    def for_peer(self, peer: Where) -> "Scene":
        """The same for `peer`, which ``$peer`` then is."""
        return replace(self, peer=peer)


class Unknown(Exception):
    """A reference that stands for nothing: what is wrong, and what to write."""


def resolve(value: Any, scene: Scene, path: str, problems: list[Problem]) -> Any:
    """`value` with what its references stand for; what is wrong is added to `problems`."""
    if isinstance(value, str) and value.startswith("$"):
        if value.startswith("$$"):
            return value[1:]
        try:
            return _referred(value, scene)
        except Unknown as unknown:
            problems.append(Problem(path, *unknown.args))
            return Broken()
    if path.count("[") > _DEEPEST:
        problems.append(Problem(path, "it is nested too deeply", f"{_DEEPEST} levels are the most"))
        return Broken()
    if isinstance(value, Mapping):
        return _each(value, scene, path, problems)
    if isinstance(value, list | tuple):
        return _list(value, scene, path, problems)
    return value


def _list(values: Sequence[Any], scene: Scene, path: str, problems: list[Problem]) -> list[Any]:
    return [resolve(one, scene, f"{path}[{at}]", problems) for at, one in enumerate(values)]


def _each(value: Mapping[Any, Any], scene: Scene, path: str, problems: list[Problem]) -> Any:
    """``{each: rollup, value: …}``: a list with the value for each other rollup."""
    before = len(problems)
    if scene.peer is not None:
        detail = "it stands within another `each: rollup`"
        problems.append(Problem(path, detail, "`$peer` could be either's: one of them is the most"))
    for key in value:
        if key not in _EACH:
            fields = hint(str(key), sorted(_EACH), "fields")
            problems.append(Problem(f"{path}.{key}", f"there is no field '{key}' here", fields))
    if value.get("each") != "rollup":
        problems.append(Problem(f"{path}.each", "it is not 'rollup'", "write `each: rollup`"))
    if "value" not in value:
        problems.append(Problem(f"{path}.value", "it is missing", "write what each element is"))
    if len(problems) > before:
        return Broken()
    inner = value["value"]
    return [resolve(inner, scene.for_peer(peer), f"{path}.value", problems) for peer in scene.peers]


def _referred(text: str, scene: Scene) -> Any:
    root, *rest = text.split(".")
    if root == "$owner":
        _no_more(text, rest)
        return Place(scene.owner)
    if root == "$contracts":
        return Place(_entry(text, rest, scene.contracts, "contracts"))
    if root == "$devnet":
        return Place(_entry(text, rest, scene.devnet, "the rollup's contracts"))
    if root == "$rollup":
        return _of(text, scene.rollup, rest, scene)
    if root == "$peer":
        if scene.peer is None:
            raise Unknown(f"there is no peer for '{text}' here", "it needs `each: rollup`")
        return _of(text, scene.peer, rest, scene)
    more = "a text that begins with $ is written with $$"
    raise Unknown(f"'{text}' is no reference", f"{hint(root, ROOTS, 'references')}; {more}")


def _of(text: str, where: Where, rest: Sequence[str], scene: Scene) -> Any:
    what = rest[0] if rest else ""
    if what == "interoperable":
        at = _entry(text, rest[1:], scene.contracts, "contracts")
        return "0x" + interoperable(where.chain_id, bytes.fromhex(at[2:])).hex()
    found: Mapping[str, Callable[[], Any]] = {
        "name": lambda: where.name,
        "chain_id": lambda: where.chain_id,
        "domain": lambda: where.domain,
    }
    if what not in found:
        root = text.partition(".")[0]
        choices = [f"{root}.{one}" for one in _CHAIN]
        raise Unknown(f"'{text}' is no reference", hint(text, choices, "references"))
    _no_more(text, rest[1:])
    return found[what]()


def _entry(text: str, rest: Sequence[str], known: Mapping[str, str], what: str) -> str:
    if len(rest) != 1 or rest[0] not in known:
        raise Unknown(f"'{text}' is not known", hint(".".join(rest), known, what))
    return known[rest[0]]


def _no_more(text: str, rest: Sequence[str]) -> None:
    if rest:
        raise Unknown(f"'{text}' has too many parts", f"leave .{'.'.join(rest)} out")


def interoperable(chain_id: int, address: bytes) -> bytes:
    """The address on the chain as ERC-7930 has it: version 1, of type EIP-155."""
    reference = chain_id.to_bytes((chain_id.bit_length() + 7) // 8)
    head = b"\x00\x01\x00\x00" + bytes([len(reference)]) + reference
    return head + bytes([len(address)]) + address
