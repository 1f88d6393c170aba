"""A devnet as a directory that Docker runs without Caldera: ``caldera export compose``.

Nodes are named by their Compose services and listen on ports drawn for this stack; the gate alone
is published. Agents are those of docs/agents.md, one container each.
"""

import asyncio
import secrets
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from control_plane.adapters.alone.address import Address
from control_plane.adapters.alone.description import describe, guardian_entries
from control_plane.adapters.evm.keys import role_secret
from control_plane.adapters.provision import FileProvision
from control_plane.adapters.runtime import gate_process
from control_plane.adapters.runtime.compose.crew import compose_name, guardian_name
from control_plane.adapters.runtime.compose.files import Kit
from control_plane.adapters.runtime.compose.images import OURS, Choice, choose
from control_plane.adapters.runtime.compose.project import compose_service
from control_plane.adapters.runtime.compose.render import environment, health_test, routes_json
from control_plane.domain.errors import Conflict, NotAvailableYet, Problem, StorageFailed
from control_plane.domain.ids import Hex
from control_plane.domain.network import Chain, Keys, Network
from control_plane.domain.plan import ChainPlan, Plan
from control_plane.domain.ports.node import Listen, NodePaths, NodeSpec
from control_plane.domain.settlement import posts_batches

FILE: Final = "compose.yaml"
_FILES: Final = "files"
_SECRETS: Final = "secrets"
_HEALTH: Final = 9600
_HUB: Final = 9601
_IN_NODE: Final = NodePaths(
    genesis=Path("/caldera/genesis.json"),
    data=Path("/data"),
    cache=Path("/tmp/cache"),  # noqa: S108 - the container's own
    jwt=Path("/caldera/jwt.hex"),
    settings=Path("/caldera/settings.toml"),
)


@dataclass(slots=True)
class _Stack:
    """What is written, by path below the directory."""

    plan: Plan
    keys: Keys
    contracts: Mapping[str, Hex]
    swarm: bool
    ports: Mapping[str, tuple[int, int]]
    """Of each chain's node: JSON-RPC, Engine API."""
    files: dict[str, bytes] = field(default_factory=dict)
    secrets: dict[str, bytes] = field(default_factory=dict)

    def has_engine_api(self, chain: ChainPlan) -> bool:
        return chain.engine != "anvil"


def export_stack(
    plan: Plan,
    kit: Kit,
    provision: FileProvision,
    target: Path,
    *,
    swarm: bool = False,
    has: Callable[[str], bool] = lambda _: True,
) -> list[Path]:
    """Write the stack of `plan` into `target`, which must be empty or not there; the files.

    `has` tells whether an image is here: one that is not is named as its project publishes it, ours
    always as it is built. Raises Conflict, StorageFailed, NotAvailableYet (native services).
    """
    _refuse(plan, target)
    with tempfile.TemporaryDirectory(prefix="caldera-stack-") as scratch:
        stack = asyncio.run(_collect(plan, provision, Path(scratch) / plan.name, swarm))
    stack.files["gate"] = Path(gate_process.__file__).read_bytes()
    for chain in plan.chains:
        settings = kit.engines[chain.engine].settings
        if settings:
            stack.files[f"settings-{chain.name}"] = settings.encode()
    _render(stack, kit, has)
    return _write(stack, target)


def _refuse(plan: Plan, target: Path) -> None:
    for at, chain in enumerate(plan.rollups):
        if chain.is_external:
            why = f"{chain.name} is somebody else's chain"
            raise Conflict("Can't export that", why, f"`caldera rollup rm {chain.name}` first.")
        if chain.services == "native":
            why = "an exported stack with native services is not available yet"
            raise NotAvailableYet(
                "Can't export that", why, "", (Problem(f"rollups[{at}].services", why, "caldera"),)
            )
        if posts_batches(chain):
            why = "an exported stack has no batchers yet"
            raise NotAvailableYet(
                "Can't export that", why, "", (Problem(f"rollups[{at}].da", why, "leave it out"),)
            )
    try:
        taken = target.exists() and any(target.iterdir())
    except OSError as error:
        raise StorageFailed("The stack can't be written", f"{target}: {error.strerror}") from error
    if taken:
        raise Conflict(
            f"{target} is not empty",
            "a stack has keys of its own, which are never written over",
            "Name another directory, or remove that one.",
        )


async def _collect(plan: Plan, provision: FileProvision, scratch: Path, swarm: bool) -> _Stack:
    """Keys, contracts and genesis, made as for a devnet of the daemon's."""
    root = scratch
    keys = await provision.keys(root, plan.metalayer.guardians.count)
    born = await provision.contracts(root)
    stack = _Stack(plan, keys, born.contracts, swarm, _draw_ports(plan.chains))
    for chain in plan.chains:
        own = root / "nodes" / chain.name
        spec = NodeSpec(plan.name, chain, plan, own, own / "genesis.json", restore=False)
        await provision.genesis(spec, keys)
        stack.files[f"genesis-{chain.name}"] = spec.genesis.read_bytes()
        if stack.has_engine_api(chain):
            stack.secrets[f"jwt-{chain.name}"] = secrets.token_hex(32).encode()
    master = bytes.fromhex((root / "secrets").read_text().strip())
    stack.secrets["token"] = secrets.token_hex(32).encode()
    stack.secrets["master"] = master.hex().encode()
    for service in ("relayer", *(guardian_name(g.index) for g in keys.guardians)):
        stack.secrets[service] = role_secret(master, service).hex().encode()
    stack.files["devnet"] = _description(stack)
    stack.files["routes"] = routes_json(_routes(stack)).encode()
    return stack


def _draw_ports(chains: Sequence[ChainPlan]) -> dict[str, tuple[int, int]]:
    """A web page that finds a container's address must still guess among 40,000 ports."""
    drawn = secrets.SystemRandom().sample(range(20_000, 60_000), 2 * len(chains))
    return {c.name: (drawn[2 * i], drawn[2 * i + 1]) for i, c in enumerate(chains)}


def _description(stack: _Stack) -> bytes:
    plan = stack.plan
    chains = tuple(_chain(stack, chain) for chain in plan.chains)
    network = Network(plan.name, secrets.token_bytes(32), bytes(32), plan, chains, stack.contracts)
    guardians = stack.keys.guardians
    urls = [Address(compose_name(guardian_name(g.index)), _HEALTH) for g in guardians]
    return describe(
        network,
        guardian_entries(guardians, urls),
        hub=f"tcp://{compose_name('aggregator')}:{_HUB}",
        database="sqlite:////data/caldera.db",
        secrets="/run/secrets",
        token="/run/secrets/token",  # noqa: S106 - a path
        known_network=False,
    )


def _chain(stack: _Stack, chain: ChainPlan) -> Chain:
    host, (port, engine) = compose_service(chain.name), stack.ports[chain.name]
    sealed = stack.has_engine_api(chain)
    return Chain(
        chain,
        f"http://{host}:{port}",
        f"ws://{host}:{port}",
        f"http://{host}:{engine}" if sealed else None,
        Path("/data") / chain.name if sealed else None,
    )


def _routes(stack: _Stack) -> list[dict[str, Any]]:
    return [
        {
            "port": chain.port,
            "target": [compose_service(chain.name), stack.ports[chain.name][0]],
            "origins": [*stack.plan.origins],
        }
        for chain in stack.plan.chains
    ]


# ---------------------------------------------------------------------- text


def _render(stack: _Stack, kit: Kit, has: Callable[[str], bool]) -> None:
    """The Compose file and its README."""
    plan = stack.plan
    ours = kit.images[OURS].local
    nodes = [_node(stack, kit, chain, has) for chain in plan.chains]
    sealed = [str(chain.name) for chain in plan.chains if stack.has_engine_api(chain)]
    agents = _agents(stack)
    volumes = [n["volume"] for n in nodes if n["volume"]]
    volumes += ["chains", *dict.fromkeys(a["volume"] for a in agents if a["volume"] != "chains")]
    facts = {
        "name": plan.name,
        "swarm": stack.swarm,
        "ours": ours,
        "ports": [chain.port for chain in plan.chains],
        "nodes": nodes,
        "sealed": sealed,
        "jwts": [f"jwt-{name}" for name in sealed],
        "agents": agents,
        "configs": _listed(stack.files, _FILES),
        "secrets": _listed(stack.secrets, _SECRETS),
        "volumes": [volume for volume in volumes if volume],
        "chains": plan.chains,
        "contracts": stack.contracts,
        "mnemonic": plan.accounts.mnemonic,
        "images": sorted({ours, *(node["image"] for node in nodes)}),
        "save_interval": f"{plan.save_interval:g}",
        "restart": _restart(stack.swarm),
    }
    templates = environment(kit.templates)
    for name, template in ((FILE, "stack.yaml.j2"), ("README.md", "stack.md.j2")):
        stack.files[f"/{name}"] = templates.get_template(template).render(facts).encode()


def _node(stack: _Stack, kit: Kit, chain: ChainPlan, has: Callable[[str], bool]) -> dict[str, Any]:
    engine, image = kit.engines[chain.engine], kit.images[chain.engine]
    chosen: Choice = choose(image, stack.plan.engine(chain.engine).image, has)
    port, engine_port = stack.ports[chain.name]
    sealed = stack.has_engine_api(chain)
    own = Path("/caldera")
    spec = NodeSpec(stack.plan.name, chain, stack.plan, own, _IN_NODE.genesis, restore=False)
    listen = Listen("0.0.0.0", port, engine_port if sealed else None)  # noqa: S104 - its own
    return {
        "chain": chain.name,
        "chain_id": chain.chain_id,
        "engine": chain.engine,
        "service": compose_service(chain.name),
        "image": chosen.name,
        "program": image.program,
        "arguments": engine.arguments(spec, listen, _IN_NODE),
        "volume": f"data-{chain.name}" if sealed else None,
        "settings": bool(engine.settings),
        "jwt": sealed,
        "cpus": chain.limits.cpus,
        "memory": chain.limits.memory,
        "health": health_test(chosen.health, port),
    }


def _agents(stack: _Stack) -> list[dict[str, Any]]:
    """Every agent but `bootstrap`, each with no more than it needs."""

    def agent(service: str, arguments: Sequence[str], volume: str, **more: str) -> dict[str, Any]:
        keys = [service] if service in stack.secrets else []
        if keys:
            more["CALDERA_KEY_FILE"] = f"/run/secrets/{service}"
        return {
            "compose": compose_name(service),
            "arguments": arguments,
            "environment": more,
            "volume": volume,
            "secrets": ["token", *keys],
        }

    found = [
        agent(
            f"{c.name}/sequencer", ("sequencer", "--chain", c.name), "chains", CALDERA_STATE="/data"
        )
        for c in stack.plan.chains
    ]
    found.append(agent("indexer", ("indexer",), "state"))
    for guardian in stack.keys.guardians:
        name = guardian_name(guardian.index)
        command = ("guardian", "--index", str(guardian.index))
        found.append(agent(name, command, name, CALDERA_JOURNAL="/data/journal.db"))
    hub = f"0.0.0.0:{_HUB}"
    found.append(agent("aggregator", ("aggregator",), "state", CALDERA_SERVE_HUB=hub))
    found.append(agent("relayer", ("relayer",), "state"))
    return found


def _restart(swarm: bool) -> Callable[..., str]:
    """Lines that tell when a service is started again, and what it may take."""

    def lines(when: str, cpus: float | None = None, memory: int | None = None) -> str:
        if not swarm:
            found = [f"restart: {'unless-stopped' if when == 'any' else 'on-failure'}"]
            found += [f"cpus: {cpus}"] if cpus else []
            found += [f"mem_limit: {memory}"] if memory else []
            return "\n".join(f"    {line}" for line in found)
        policy = "any" if when == "any" else "on-failure"
        # names lead to containers themselves: each service is one, and a virtual address needs the
        # kernel's IPVS, which also forgets connections that are silent for long
        found = ["deploy:", "  endpoint_mode: dnsrr"]
        found += [f"  restart_policy: {{condition: {policy}, delay: 1s}}"]
        limits = {"cpus": f'"{cpus}"' if cpus else None, "memory": memory}
        given = ", ".join(f"{key}: {value}" for key, value in limits.items() if value)
        found += [f"  resources: {{limits: {{{given}}}}}"] if given else []
        return "\n".join(f"    {line}" for line in found)

    return lines


def _listed(files: Mapping[str, bytes], directory: str) -> list[dict[str, str]]:
    return [{"name": name, "path": f"./{directory}/{name}"} for name in sorted(files)]


# ---------------------------------------------------------------------- files


def _write(stack: _Stack, target: Path) -> list[Path]:
    """Compose mounts files as they are, so the containers' user must read them: their directories
    are closed instead. Swarm takes secrets over, so those files are closed themselves.
    """
    written = []
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        for directory in (_FILES, _SECRETS):
            (target / directory).mkdir(mode=0o700)
        for name, content in stack.files.items():
            path = target / name[1:] if name.startswith("/") else target / _FILES / name
            path.write_bytes(content)
            path.chmod(0o644)
            written.append(path)
        for name, content in stack.secrets.items():
            path = target / _SECRETS / name
            path.touch(mode=0o600)
            path.write_bytes(content + b"\n")
            path.chmod(0o600 if stack.swarm else 0o644)
            written.append(path)
    except OSError as error:
        raise StorageFailed(
            "The stack can't be written",
            f"{error.filename or target}: {error.strerror}",
            "Name another directory with --out.",
        ) from error
    return written
