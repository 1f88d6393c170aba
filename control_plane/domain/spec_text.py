"""YAML text to plain data, refusing what would be misread.

PyYAML silently takes the last of two equal keys and expands aliases without limit; both are
refused here, with the line.
"""

from typing import TYPE_CHECKING, Any, Final

from control_plane.domain.errors import InvalidInput, Problem

if TYPE_CHECKING:
    import yaml

LARGEST: Final = 256 * 1024
"""Bytes of a spec. A devnet of a hundred rollups needs about 20 kB."""
MOST_VALUES: Final = 20_000
"""Values after expansion of aliases."""


def parse_spec_text(text: str, name: str) -> dict[str, Any]:
    """The mapping that the YAML `text` holds; `name` is what messages call it.

    Raises InvalidInput: too large, not YAML, more than one document, empty, not a mapping, two
    equal keys, aliases that expand without end.
    """
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST:
        raise _invalid(name, f"it is larger than {LARGEST // 1024} KiB", "a spec is a short file")
    value = _load(text, name)
    if value is None:
        raise _invalid(name, "it is empty", "`caldera init` writes one to start from")
    if not isinstance(value, dict):
        raise _invalid(
            name,
            f"it holds {_kind(value)}, not keys with values",
            "the shortest valid spec is `version: 1`",
        )
    return value


def parse_value(text: str) -> Any:
    """The YAML value of the right-hand side of an override: ``1`` is a number, ``[a]`` a list.

    Raises InvalidInput when `text` is not YAML.
    """
    return _load(text, "value")


def _load(text: str, name: str) -> Any:
    import yaml

    loader_type: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        loader = loader_type(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _check(node, name)
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise _invalid(
            name, _explain(error), "check the line above for a missing `:` or quote"
        ) from error
    except RecursionError:
        raise _invalid(name, "it is nested too deeply", "a spec has four levels") from None
    except ValueError as error:
        raise _invalid(name, f"a value can't be read: {error}", "") from error


def _explain(error: "yaml.YAMLError") -> str:
    """Where and what, in one line."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable text"
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"not YAML: {where}{problem}"


def _check(root: "yaml.Node", name: str) -> None:
    """Refuse two equal keys, and aliases that contain themselves or multiply."""
    sizes: dict[int, int] = {}
    _size(root, name, sizes, set())


def _size(node: "yaml.Node", name: str, sizes: dict[int, int], above: set[int]) -> int:
    import yaml

    if isinstance(node, yaml.ScalarNode):
        return 1
    known = sizes.get(id(node))
    if known is not None:
        return known
    if id(node) in above:
        raise _invalid(name, f"line {_line(node)}: an alias contains itself", "write it out")
    above.add(id(node))
    children: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        _refuse_twins(node, name)
        children = [part for pair in node.value for part in pair]
    elif isinstance(node, yaml.SequenceNode):
        children = list(node.value)
    total = 1 + sum(_size(child, name, sizes, above) for child in children)
    if total > MOST_VALUES:
        raise _invalid(
            name,
            f"line {_line(node)}: its aliases stand for more than {MOST_VALUES} values",
            "use fewer aliases",
        )
    above.discard(id(node))
    sizes[id(node)] = total
    return total


def _refuse_twins(node: "yaml.MappingNode", name: str) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        text = str(key.value)
        if text in seen and text != "<<":
            raise _invalid(name, f"line {_line(key)}: '{text}' stands there twice", "keep one")
        seen.add(text)


def _line(node: "yaml.Node") -> int:
    return int(node.start_mark.line) + 1


def _kind(value: object) -> str:
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return "a text"
    return "a single value"


def _invalid(name: str, detail: str, hint: str) -> InvalidInput:
    return InvalidInput(
        f"{name} is not a valid spec", detail, hint, problems=(Problem("", detail, hint),)
    )
