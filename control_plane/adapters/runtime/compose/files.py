"""The files of a devnet's stack: its Compose file and what is mounted into containers."""

import contextlib
import hashlib
import os
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from control_plane.adapters.engine.jwt_secret import ensure_secret
from control_plane.adapters.runtime import gate_process
from control_plane.adapters.runtime.compose.images import OURS, Has, Image, choose, read_images
from control_plane.adapters.runtime.compose.project import (
    PRIVATE,
    Addresses,
    Project,
    compose_service,
    draw_seed,
    routes,
)
from control_plane.adapters.runtime.compose.render import (
    GateService,
    NodeService,
    health_test,
    render,
    routes_json,
)
from control_plane.adapters.runtime.node_program import ProcessEngine
from control_plane.domain.errors import StorageFailed
from control_plane.domain.plan import ChainPlan, Plan
from control_plane.domain.ports.node import Listen, NodePaths, NodeSpec

_INSIDE: Final = Path("/caldera")
DATA: Final = Path("/data")
_READABLE: Final = 0o644
"""Of what is mounted: a container's user is another than ours. The directories above are 0700."""


@dataclass(frozen=True, slots=True)
class Kit:
    """What stacks are made from."""

    templates: Path
    engines: Mapping[str, ProcessEngine]

    @property
    def images(self) -> Mapping[str, Image]:
        """By program; read when the first devnet asks."""
        return read_images(self.templates)


def addresses_of(project: Project, plan: Plan) -> Addresses:
    """Of the devnet's containers; its seed is drawn at the first call. Raises StorageFailed."""
    path = project.private / "seed"
    try:
        if not path.exists():
            _write(path, draw_seed(routes()).hex(), 0o600)
        return Addresses(bytes.fromhex(path.read_text()), [chain.name for chain in plan.chains])
    except OSError as error:
        raise _unwritable(error) from error


def draw_again(project: Project) -> None:
    """Other addresses, because some network has those."""
    (project.private / "seed").unlink(missing_ok=True)


def write_stack(
    kit: Kit, project: Project, plan: Plan, has: Has, closed: Collection[str] = ()
) -> None:
    """Write everything for `plan`. The ports of chains in `closed` are not published, nor those
    of Engine APIs whose :func:`engine_route` is in it.

    Raises MissingDependency (an image that can't be had), StorageFailed.
    """
    addresses = addresses_of(project, plan)
    nodes = [_node(kit, project, plan, chain, addresses, has) for chain in plan.chains]
    gate, paths = _gate(kit, plan, addresses, has, closed)
    text = render(kit.templates, project, str(addresses.network), gate, nodes)
    try:
        for chain in plan.chains:
            _mounted(kit.engines[chain.engine], project, chain)
        _write(project.private / "routes.json", paths, _READABLE)
        _write(project.private / "gate.py", Path(gate_process.__file__).read_text(), _READABLE)
        _write(project.file, text, 0o600)
    except OSError as error:
        raise _unwritable(error) from error


def node_spec(project: Project, plan: Plan, chain: ChainPlan) -> NodeSpec:
    """As ``DevnetFiles`` gives it, for a chain that nobody asked to start yet."""
    directory = project.root / "nodes" / chain.name
    return NodeSpec(project.devnet, chain, plan, directory, directory / "genesis.json", True)


def _node(
    kit: Kit, project: Project, plan: Plan, chain: ChainPlan, addresses: Addresses, has: Has
) -> NodeService:
    engine, image = kit.engines[chain.engine], kit.images[chain.engine]
    chosen = choose(image, plan.engine(chain.engine).image, has)
    port = addresses.port(chain.name)
    engine_port = addresses.engine_port(chain.name) if engine.has_engine_api else None
    paths = NodePaths(
        genesis=_INSIDE / "genesis.json",
        data=DATA,
        cache=Path("/tmp/cache"),  # noqa: S108 - the container's own
        jwt=_INSIDE / "jwt.hex",
        settings=_INSIDE / "settings.toml" if engine.settings else None,
    )
    spec = node_spec(project, plan, chain)
    return NodeService(
        chain=chain.name,
        chain_id=chain.chain_id,
        engine=chain.engine,
        service=compose_service(chain.name),
        image=chosen.name,
        pull=chosen.pull,
        program=image.program,
        arguments=engine.arguments(spec, Listen("0.0.0.0", port, engine_port), paths),  # noqa: S104
        address=addresses.node(chain.name),
        genesis=f"./nodes/{chain.name}/genesis.json",
        jwt=f"./{PRIVATE}/{chain.name}.jwt" if engine.has_engine_api else None,
        settings=f"./{PRIVATE}/{chain.name}.toml" if engine.settings else None,
        volume=volume_of(chain.name) if engine.has_engine_api else None,
        cpus=chain.limits.cpus,
        memory=chain.limits.memory,
        health=health_test(chosen.health, port),
    )


def volume_of(chain: str) -> str:
    """The volume with the database of `chain`'s node."""
    return f"data-{chain}"


def engine_route(chain: ChainPlan) -> str:
    """What the way to its Engine API is called among the ways that are closed."""
    return f"{chain.name}/engine"


def _gate(
    kit: Kit, plan: Plan, addresses: Addresses, has: Has, closed: Collection[str]
) -> tuple[GateService, str]:
    """The gate, and its file of routes."""
    image = kit.images[OURS]
    chosen = choose(image, None, has)
    ways = _routes(kit, plan, addresses, closed)
    text = routes_json(ways)
    ports = tuple(way["port"] for way in ways)
    check = ("/gate/gate.py", "--check", str(ports[0])) if ports else ("-c", "")
    service = GateService(
        image=chosen.name,
        pull=chosen.pull,
        program=image.program,
        address=addresses.gate,
        ports=ports,
        health=("CMD", *image.program, "-I", "-S", *check),
        routes=hashlib.sha256(text.encode()).hexdigest()[:16],
    )
    return service, text


def _routes(
    kit: Kit, plan: Plan, addresses: Addresses, closed: Collection[str]
) -> list[dict[str, Any]]:
    """Of each chain its JSON-RPC; the Engine API, which checks its own secret, on a port of
    127.0.0.1 that equals the container's, for a daemon that reaches no container directly."""
    found: list[dict[str, Any]] = []
    for chain in plan.chains:
        if chain.name in closed:
            continue
        address, port = addresses.node(chain.name), addresses.port(chain.name)
        found.append({"port": chain.port, "target": [address, port], "origins": [*plan.origins]})
        if kit.engines[chain.engine].has_engine_api and engine_route(chain) not in closed:
            port = addresses.engine_port(chain.name)
            found.append({"port": port, "target": [address, port], "origins": []})
    return found


def _mounted(engine: ProcessEngine, project: Project, chain: ChainPlan) -> None:
    directory = project.root / "nodes" / chain.name
    genesis = directory / "genesis.json"
    if genesis.exists():
        genesis.chmod(_READABLE)
    if engine.settings:
        _write(project.private / f"{chain.name}.toml", engine.settings, _READABLE)
    if engine.has_engine_api:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        ensure_secret(directory / "jwt.hex")
        secret = (directory / "jwt.hex").read_text()
        _write(project.private / f"{chain.name}.jwt", secret, _READABLE)


def _write(path: Path, text: str, mode: int) -> None:
    """Replace the file unless it holds `text` already: a mounted file is known by its inode."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.suppress(OSError):
        if path.read_text() == text:
            return
    draft = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(2)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.chmod(mode)
    draft.replace(path)


def _unwritable(error: OSError) -> StorageFailed:
    return StorageFailed(
        "The devnet's directory can't be used",
        f"{error.filename}: {error.strerror}",
        "Check its permissions and the free space on its disk.",
    )
