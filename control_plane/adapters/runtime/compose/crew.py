"""A devnet's agents as containers of its Compose project (docs/agents.md).

Their file ``agents.yaml`` stands beside the nodes' ``compose.yaml`` and is read together with it:
one project, one network, and what takes the project down takes them along.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from control_plane.adapters.alone.description import DIRECTORY, FILE
from control_plane.adapters.alone.token import write_secret
from control_plane.adapters.runtime.compose.cli import compose
from control_plane.adapters.runtime.compose.failures import NetworkTaken, PortTaken, as_error
from control_plane.adapters.runtime.compose.images import OURS, Choice, Has, Image, choose
from control_plane.adapters.runtime.compose.project import Project
from control_plane.domain.errors import StorageFailed
from control_plane.domain.network import Keys, Network
from control_plane.domain.whole import to_its_end

TEMPLATE: Final = "agents.yaml.j2"
AGENTS: Final = "agents.yaml"
_UP_DEADLINE: Final = 600.0
"""Images may have to be pulled."""
_DOWN_DEADLINE: Final = 30.0
_QUIET: Final = 0.04
"""Seconds within which what is asked for is done by one call."""
_PORT: Final = 9600
_STATE: Final = "/var/lib/caldera"
_KEY: Final = "/run/secrets/key"
_WITH_DATABASE: Final = frozenset({"indexer", "aggregator", "relayer"})

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AgentService:
    """One agent, as the template needs it."""

    service: str
    """``op/sequencer``, ``guardian-2``."""
    compose: str
    """Its name in the Compose file."""
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    hidden: tuple[str, ...]
    """Empty directories in memory; where the host's are not to be seen."""
    mounts: tuple[Json, ...]


class ComposeCrew:
    """Implements ``ports.agent.Crew`` for one devnet."""

    def __init__(
        self,
        templates: Path,
        images: Mapping[str, Image],
        has: Has,
        project: Project,
        network: Network,
        keys: Keys,
        database_url: str,
    ) -> None:
        self._templates = templates
        self._image = images[OURS]
        self._has = has
        self._project = project
        self._network = network
        self._keys = keys
        self._database_url = database_url
        self._start = _Together(self._up)
        self._stop = _Together(self._remove)

    @property
    def file(self) -> Path:
        """Where the agents' services are."""
        return self._project.root / AGENTS

    def services(self) -> list[str]:
        """Names of all agents, in the order of status."""
        return [
            *(f"{chain.name}/sequencer" for chain in self._network.chains),
            "indexer",
            *(guardian_name(guardian.index) for guardian in self._keys.guardians),
            "aggregator",
            "relayer",
        ]

    async def start(self, service: str) -> None:
        """See the port."""
        await self._start(service)

    async def stop(self, service: str) -> None:
        """See the port."""
        await self._stop(service)

    async def _up(self, services: Sequence[str]) -> None:
        await to_its_end(asyncio.to_thread(self._write))  # no file after the devnet's end
        names = [compose_name(service) for service in services]
        await self._compose("up", "-d", "--no-deps", *names, deadline=_UP_DEADLINE)

    async def _remove(self, services: Sequence[str]) -> None:
        if not await asyncio.to_thread(self.file.exists):
            return
        names = [compose_name(service) for service in services]
        await self._compose("rm", "-s", "-f", *names, deadline=_DOWN_DEADLINE)

    async def _compose(self, *arguments: str, deadline: float) -> None:
        try:
            await compose(self._project, *arguments, deadline=deadline, also=(self.file,))
        except (PortTaken, NetworkTaken) as error:
            raise as_error(error) from error

    # ------------------------------------------------------------------ files

    def _write(self) -> None:
        """The Compose file and each role's key. MissingDependency, StorageFailed."""
        chosen = choose(self._image, None, self._has)
        for guardian in self._keys.guardians:
            write_secret(self._key(guardian_name(guardian.index)), guardian.bls_seed)
        write_secret(self._key("relayer"), self._keys.relayer.key)
        text = self._render(chosen)
        draft = self.file.with_name(f".{AGENTS}-{os.getpid()}")
        try:
            journals = [self._journal(guardian_name(g.index)) for g in self._keys.guardians]
            for directory in (self._logs, *journals):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.touch(mode=0o600)
            draft.write_text(text)
            draft.replace(self.file)
        except OSError as error:
            raise StorageFailed("The agents' files can't be written", str(error)) from error

    def _render(self, chosen: Choice) -> str:
        from control_plane.adapters.runtime.compose.render import environment

        return (
            environment(self._templates)
            .get_template(TEMPLATE)
            .render(
                name=self._project.devnet,
                image=chosen,
                program=(*self._image.program, "-P", "-m", "control_plane.agent_main"),
                health=(
                    *("CMD", *self._image.program, "-P", "-m", "control_plane.health_probe"),
                    str(_PORT),
                ),
                user=f"{os.getuid()}:{os.getgid()}",
                agents=[self._service(service) for service in self.services()],
                labels=self._project.labels,
            )
        )

    @property
    def _logs(self) -> Path:
        """Where the user finds what agents say."""
        return self._project.root / "logs"

    def _key(self, service: str) -> Path:
        return self._project.private / "keys" / service

    def _journal(self, service: str) -> Path:
        return self._project.private / "journals" / service

    # ------------------------------------------------------------------ one service

    def _service(self, service: str) -> AgentService:
        agents = self._project.root / DIRECTORY
        environment = {
            "HOME": "/tmp",  # noqa: S108 - the container's own
            "CALDERA_CONFIG": str(agents / FILE),
            "CALDERA_LISTEN": f"127.0.0.1:{_PORT}",
        }
        hidden = ["/tmp:mode=1777,size=64m"]  # noqa: S108
        mounts = [_mount(agents), _mount(self._logs)]
        chain, _, role = service.rpartition("/")
        arguments = [role]
        if role == "sequencer":
            arguments += ["--chain", chain]
            mounts += self._of_node(chain)
        elif role in _WITH_DATABASE:
            mounts += self._database(environment, hidden)
        if role.startswith("guardian"):
            arguments = ["guardian", "--index", role.partition("-")[2]]
            environment["CALDERA_JOURNAL"] = f"{_STATE}/journal.db"
            mounts.append(_mount(self._journal(service), _STATE))
        if role == "relayer" or role.startswith("guardian"):
            environment["CALDERA_KEY_FILE"] = _KEY
            mounts.append(_mount(self._key(service), _KEY, read_only=True))
        return AgentService(
            service,
            compose_name(service),
            tuple(arguments),
            environment,
            tuple(hidden),
            tuple(mounts),
        )

    def _of_node(self, name: str) -> list[Json]:
        """What a sequencer needs of its node's files: the secret of its Engine API and the journal
        of payloads, on engines that have one."""
        chain = self._network.chain(name)
        return [_mount(chain.directory)] if chain.engine_url and chain.directory else []

    def _database(self, environment: dict[str, str], hidden: list[str]) -> list[Json]:
        """The database's directory, with nothing else of ours in it to be seen."""
        path = Path(self._database_url.removeprefix("sqlite:///"))
        if not self._database_url.startswith("sqlite:"):
            environment["CALDERA_DATABASE_URL"] = self._database_url
            return []
        devnets = self._project.root.parent
        mounts = [_mount(path.parent)]
        if devnets.is_relative_to(path.parent):
            hidden.append(f"{devnets}:mode=0755,size=1m")
            mounts += [
                _mount(Path(os.devnull), str(socket), read_only=True)
                for socket in path.parent.glob("*.sock")
            ]
        return mounts


def compose_name(service: str) -> str:
    """``op/sequencer`` → ``agent-op-sequencer``; no node's service begins so."""
    return f"agent-{service.replace('/', '-')}"


def guardian_name(index: int) -> str:
    """The service's name."""
    return f"guardian-{index}"


def _mount(source: Path, target: str | None = None, *, read_only: bool = False) -> Json:
    """A file or directory of the host, by default where it is there."""
    return {
        "type": "bind",
        "source": str(source),
        "target": target or str(source),
        "read_only": read_only,
        "bind": {"create_host_path": False},
    }


class _Together:
    """Calls that come close together are one; each caller waits for it and has its error."""

    def __init__(self, act: Callable[[Sequence[str]], Awaitable[None]]) -> None:
        self._act = act
        self._names: list[str] = []
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, name: str) -> None:
        self._names.append(name)
        if self._task is None:
            self._task = asyncio.create_task(self._go(), name="containers of agents")
        await asyncio.shield(self._task)

    async def _go(self) -> None:
        await asyncio.sleep(_QUIET)
        names, self._names, self._task = self._names, [], None
        await self._act(names)
