"""One agent of a devnet in a process of its own, without the daemon (docs/agents.md)."""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from control_plane import making
from control_plane.adapters.alone.address import Address
from control_plane.adapters.alone.attest import RemoteAttester
from control_plane.adapters.alone.description import Description, read_description
from control_plane.adapters.alone.http import AgentApp, Handle, Health, serving
from control_plane.adapters.alone.hub import SharedHub
from control_plane.adapters.alone.keeping import Keeper
from control_plane.adapters.alone.lease import lease
from control_plane.adapters.alone.token import read_secret
from control_plane.adapters.evm.keys import keys_of, role_secret
from control_plane.adapters.evm.signer import account
from control_plane.agents.sequencer_alone import Keeping, Yielding
from control_plane.domain.bls import SecretKey
from control_plane.domain.errors import (
    CalderaError,
    InvalidInput,
    NotFound,
    StorageFailed,
    TemporaryFailure,
)
from control_plane.domain.hub import Hub, Published, Standing
from control_plane.domain.network import GuardianKeys, Network
from control_plane.domain.ports.agent import Agent, Publish
from control_plane.domain.ports.node import Account
from control_plane.domain.states import ServiceState
from control_plane.first_blocks import ask_network_id, make_first_blocks
from control_plane.services.supervisor import Supervisor

_NUMBERED: Final = frozenset({"guardian", "validator"})
_TELLERS: Final = frozenset({"indexer", "aggregator"})
_LOOK: Final = 0.2
"""Seconds between two looks at how the agent is."""
_JOIN: Final = 1.0
"""Seconds that the hub gets before the agent starts; a later connection makes it look again."""
_PAUSE: Final = 0.25

T = TypeVar("T")

if TYPE_CHECKING:
    from control_plane.adapters.persistence.database import SqlDatabase

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for."""

    role: str
    config: Path
    chain: str | None = None
    index: int | None = None
    key_file: Path | None = None
    token_file: Path | None = None
    database_url: str | None = None
    journal: Path | None = None
    state: Path | None = None
    rpc: Mapping[str, str] = field(default_factory=dict)
    listen: str | None = None
    serve_hub: str | None = None
    health_file: Path | None = None

    @property
    def service(self) -> str:
        """The service's name, ``op/sequencer``, ``guardian-2``."""
        if self.role == "sequencer":
            return f"{self.chain}/sequencer"
        return f"{self.role}-{self.index}" if self.role in _NUMBERED else self.role


async def run(wanted: Wanted, stop: asyncio.Event) -> None:
    """Do the role's work until `stop` is set; `bootstrap` ends by itself.

    A description that changes meanwhile is read again. Raises NotFound (also when the devnet is
    gone), InvalidInput, Conflict (the role runs elsewhere), StorageFailed.
    """
    while not stop.is_set():
        described = read_description(wanted.config).looking_through(wanted.rpc)
        with _right_to(wanted, described):
            if wanted.role == "bootstrap":
                keys = keys_of(_secret(wanted, described), len(described.guardians))
                await make_first_blocks(described, keys, wanted.state)
                return
            await _Process(wanted, described).run(stop)


@contextlib.contextmanager
def _right_to(wanted: Wanted, described: Description) -> Any:
    """Hold the role's lease. Where the directory can't be written, in a container, whoever
    started the containers sees to it that there is one of each."""
    if not os.access(described.directory, os.W_OK):
        yield
        return
    with lease(described.directory, wanted.service, f"caldera agent {wanted.role}"):
        yield


def _secret(wanted: Wanted, described: Description) -> bytes:
    """The role's own secret. StorageFailed."""
    if wanted.key_file is not None:
        return read_secret(wanted.key_file)
    if described.secrets is None:
        raise StorageFailed(
            f"{wanted.service} has no key", "the description names none", "Name a --key-file."
        )
    if described.secrets.is_dir():
        return read_secret(described.secrets / wanted.service)
    return role_secret(read_secret(described.secrets), wanted.service)


# ---------------------------------------------------------------------- a process with one agent


class _Process:
    """Everything around the agent: server, hub, database, health."""

    def __init__(self, wanted: Wanted, described: Description) -> None:
        self._wanted = wanted
        self._described = described
        self._token = read_secret(wanted.token_file or described.token)
        self._hub = Hub()
        self._shared = SharedHub(
            self._hub,
            described.hub,
            self._token,
            wanted.service,
            teller=wanted.role in _TELLERS,
            serve_at=Address.parse(wanted.serve_hub) if wanted.serve_hub else None,
        )
        self._agents = Supervisor(devnet=described.devnet)
        self._routes: dict[str, Handle] = {}
        self._waits_for: str | None = "starting"
        """What the agent is not made without."""

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set, or the description is another one."""
        async with AsyncExitStack() as stack:
            for at in self._addresses():
                app = AgentApp(self.health, lambda: self._token, self._routes)
                await stack.enter_async_context(serving(app, at))
            hub = await stack.enter_async_context(_beside(self._shared.run(), "hub"))
            look = await stack.enter_async_context(_beside(self._look_after(), "health"))
            work = await stack.enter_async_context(_beside(self._work(stack), "agent"))
            end = await stack.enter_async_context(_beside(stop.wait(), "end"))
            stack.push_async_callback(self._agents.stop)
            done, _ = await asyncio.wait(
                {hub, look, work, end}, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()

    def _addresses(self) -> list[Address]:
        """Where to serve: what was asked for, and a guardian's own address when that is a file."""
        wanted = [Address.parse(self._wanted.listen)] if self._wanted.listen else []
        if self._wanted.role == "guardian":
            url = self._described.guardian(self._index).url
            wanted += [url] if url.path is not None or not wanted else []
        return wanted

    @property
    def _index(self) -> int:
        if self._wanted.index is None:
            raise InvalidInput(f"Which {self._wanted.role}?", "", "Name it: --index 0")
        return self._wanted.index

    # ------------------------------------------------------------------ health

    def health(self) -> Health:
        """How the agent is."""
        views = self._agents.views()
        problem = self._waits_for or self._shared.problem or (views[0].problem if views else None)
        ready = bool(views) and views[0].state is ServiceState.READY
        return Health(self._wanted.service, ready and self._shared.joined.is_set(), problem)

    async def _look_after(self) -> None:
        """Tell how the agent is whenever that changes; end when the description does."""
        stamp = _stamp(self._wanted.config)
        file = self._wanted.health_file
        try:
            while _stamp(self._wanted.config) == stamp:
                health = self.health()
                standing = Standing(health.service, True, health.ready, health.problem)
                self._shared.stand(standing)
                if file is not None:
                    _mark(file, health)
                await asyncio.sleep(_LOOK)
        finally:
            if file is not None:
                file.unlink(missing_ok=True)

    # ------------------------------------------------------------------ the agent

    async def _work(self, stack: AsyncExitStack) -> None:
        """Make the agent as soon as what it needs is there, and keep it running."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_JOIN):
                await self._shared.joined.wait()
        network = self._described.network(await self._network_id())
        agent = await self._make(network, stack)
        self._waits_for = None
        await self._agents.start([agent])
        await asyncio.Event().wait()

    async def _network_id(self) -> bytes:
        """What all that is signed commits to; asked of the L1 where it is not described."""
        if self._described.network_id is not None:
            return self._described.network_id
        return await self._insist(lambda: ask_network_id(self._described))

    async def _insist(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try until it succeeds; health tells why not."""
        while True:
            try:
                return await attempt()
            except TemporaryFailure as error:
                self._waits_for = str(error)
                await asyncio.sleep(_PAUSE)

    async def _make(self, network: Network, stack: AsyncExitStack) -> Agent:
        role = self._wanted.role
        if role == "sequencer":
            return self._make_sequencer(network)
        if role == "guardian":
            return await self._make_guardian(network, stack)
        database = await self._open(self._database_url(), stack)
        publish = _publisher(database, network.devnet, self._hub)
        if role == "indexer":
            return making.make_indexer(network, database, self._hub, publish)
        if role == "aggregator":
            return self._make_aggregator(network, database, publish)
        key = account(_secret(self._wanted, self._described))
        root = self._described.directory.parent
        if role == "validator":
            return making.make_validator(
                network, self._validator(network), key, root, self._hub, publish
            )
        checkpoints = making.find_checkpoints(network, root)
        return making.make_relayer(
            network, key, database, self._hub, publish, checkpoints=checkpoints
        )

    def _validator(self, network: Network) -> int:
        """Its index. NotFound when the devnet has no such validator."""
        there = network.plan.metalayer.validators
        if self._index >= there:
            raise NotFound(f"No validator {self._index}", f"{network.devnet} has {there}")
        return self._index

    def _make_sequencer(self, network: Network) -> Agent:
        chain = self._described.chain(self._wanted.chain or "")
        if self._wanted.state is None or chain.plan.engine != "anvil":
            sealer = making.make_sequencer(chain, network=network, hub=self._hub)
            return Yielding(sealer, chain, self._hub)
        keeper = Keeper(self._described.plan, chain, self._wanted.state)
        sealer = making.make_sequencer(chain, keeper.connect, network=network, hub=self._hub)
        sequencer = Yielding(sealer, chain, self._hub)
        return Keeping(sequencer, keeper, self._described.plan.save_interval)

    async def _make_guardian(self, network: Network, stack: AsyncExitStack) -> Agent:
        entry = self._described.guardian(self._index)
        seed = _secret(self._wanted, self._described)
        if SecretKey(seed).key != entry.key:
            raise InvalidInput(
                f"The key is not guardian {entry.index}'s",
                "its public key is not the one of the guardian set",
                "Name the right --key-file or --index.",
            )
        journal = await self._open(self._journal_url(), stack)
        await self._seed_journal(journal, entry.index)
        keys = GuardianKeys(entry.index, Account(entry.address, b""), seed)
        guardian = making.make_guardian(network, keys, journal, self._hub)
        self._routes.update(making.guardian_routes(guardian))
        return guardian

    def _journal_url(self) -> str:
        name = f"{self._wanted.service}.db"
        return f"sqlite:///{self._wanted.journal or self._described.directory / name}"

    async def _seed_journal(self, journal: "SqlDatabase", index: int) -> None:
        """What this guardian signed in the daemon it must not sign again: where its journal there
        can be read, this one begins above it."""
        url = self._wanted.database_url or self._described.database
        if url is None:
            return
        devnet = self._described.devnet
        try:
            floor = await _highest_vote(url, devnet)
        except CalderaError as error:
            log.info("no journal of the daemon's: %s", error)
            return
        async with journal.begin() as unit:
            if await unit.votes.highest_epoch(devnet) < floor:
                await unit.votes.record(devnet, index, floor, "elsewhere")

    def _make_aggregator(
        self, network: Network, database: "SqlDatabase", publish: Publish
    ) -> Agent:
        attesters = [
            RemoteAttester(guardian.index, guardian.url, lambda: self._token)
            for guardian in self._described.guardians
        ]
        return making.make_aggregator(
            network, self._described.roster(), attesters, database, self._hub, publish
        )

    def _database_url(self) -> str:
        url = self._wanted.database_url or self._described.database
        if url is None:
            raise InvalidInput(
                f"{self._wanted.service} needs the devnet's database",
                "its description names none",
                "Set CALDERA_DATABASE_URL.",
            )
        return url

    async def _open(self, url: str, stack: AsyncExitStack) -> "SqlDatabase":
        database = await self._insist(lambda: _open_database(url))
        stack.push_async_callback(database.close)
        return database


async def _open_database(url: str) -> "SqlDatabase":
    """Imported by those that have a database: sequencers start in half the time without."""
    from control_plane.adapters.persistence.database import open_database

    return await open_database(url)


async def _highest_vote(url: str, devnet: str) -> int:
    """Of any guardian, in a database that is there. StorageFailed, TemporaryFailure."""
    path = url.removeprefix("sqlite:///")
    if path != url and not os.access(path, os.W_OK):
        raise StorageFailed("There is no such database here", path)
    database = await _open_database(url)
    try:
        async with database.begin() as unit:
            return await unit.votes.highest_epoch(devnet)
    finally:
        await database.close()


def _stamp(path: Path) -> tuple[int, int]:
    """What differs when the file is another one. NotFound when it is gone."""
    try:
        found = path.stat()
    except OSError as error:
        raise NotFound(
            "The devnet is gone", f"{path}: {error.strerror}", "Was it taken down?"
        ) from error
    return found.st_ino, found.st_mtime_ns


def _mark(file: Path, health: Health) -> None:
    if health.ready:
        file.touch()
    else:
        file.unlink(missing_ok=True)


@asynccontextmanager
async def _beside(work: Any, name: str) -> AsyncIterator["asyncio.Task[Any]"]:
    """A task that is gone at the end."""
    task = asyncio.ensure_future(work)
    task.set_name(name)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _publisher(database: "SqlDatabase", devnet: str, hub: Hub) -> Publish:
    async def publish(
        type: str, data: Mapping[str, Any] | None = None, *, service: str | None = None
    ) -> None:
        async with database.begin() as unit:
            found = await unit.events.append(devnet, time.time(), type, service, dict(data or {}))
        hub.tell(Published(found.id))

    return publish
