"""A devnet's Compose file, from the template ``compose/devnet.yaml.j2``.

Deterministic: the same stack gives the same text. Values are written as JSON, which is YAML.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from control_plane.adapters.runtime.compose.project import ROUTES_LABEL, Project

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATE: Final = "devnet.yaml.j2"


@dataclass(frozen=True, slots=True)
class GateService:
    """The gate, as the template needs it."""

    image: str
    pull: str
    program: tuple[str, ...]
    address: str
    ports: tuple[int, ...]
    """Published on 127.0.0.1."""
    health: tuple[str, ...]
    routes: str
    """A digest of its routes: other routes, another container."""


@dataclass(frozen=True, slots=True)
class NodeService:
    """One chain's node, as the template needs it. Paths are relative to the file."""

    chain: str
    chain_id: int
    engine: str
    service: str
    image: str
    pull: str
    program: tuple[str, ...]
    arguments: tuple[str, ...]
    address: str
    genesis: str
    jwt: str | None
    settings: str | None
    volume: str | None
    cpus: float | None
    memory: int | None
    health: tuple[str, ...]


def render(
    directory: Path, project: Project, subnet: str, gate: GateService, nodes: Sequence[NodeService]
) -> str:
    """The text of the Compose file; `directory` holds the templates."""

    def labels(service: str) -> dict[str, str]:
        found = project.labels(service)
        return {**found, ROUTES_LABEL: gate.routes} if service == "gate" else found

    return (
        environment(directory)
        .get_template(TEMPLATE)
        .render(
            name=project.devnet,
            project=project.name,
            subnet=subnet,
            gate=gate,
            nodes=nodes,
            labels=labels,
            file=_file,
        )
    )


def environment(directory: Path) -> "Environment":
    """What renders the templates of `directory`; the filter ``value`` writes a value as JSON."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    found = Environment(  # noqa: S701 - it is no markup
        loader=FileSystemLoader(directory), undefined=StrictUndefined, keep_trailing_newline=True
    )
    found.filters["value"] = _value
    return found


def health_test(command: Sequence[str], port: int) -> tuple[str, ...]:
    """A health check's ``test`` that runs `command`."""
    return ("CMD", *(word.replace("{port}", str(port)) for word in command))


def routes_json(routes: Sequence[Mapping[str, Any]]) -> str:
    """The gate's file of routes."""
    return json.dumps(routes, indent=1) + "\n"


def _value(value: Any) -> str:
    """As JSON, and so that Compose replaces no variable in it."""
    return json.dumps(value).replace("$", "$$")


def _file(source: str, target: str) -> str:
    """A file mounted read-only."""
    mount = {"type": "bind", "source": source, "target": target, "read_only": True}
    return _value({**mount, "bind": {"create_host_path": False}})
