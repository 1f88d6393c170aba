"""A control plane that runs nothing: devnets are specs in memory, planned by the real planner."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

from control_plane.api.deps import Services
from control_plane.daemon_files import Listening
from control_plane.domain.errors import Conflict
from control_plane.domain.ports.store import Database
from control_plane.schemas.offence import OffenceView
from control_plane.schemas.system import DaemonView
from control_plane.schemas.using import FaucetRequest, FaucetResult, FaucetTransfer
from control_plane.services.events import EventLog
from control_plane.services.specs import template_view, template_views
from control_plane.settings import Settings
from tests.unit.api.fake_apps import FakeApps
from tests.unit.api.fake_bridge import FakeBridge
from tests.unit.api.fake_chaos import FakeChaos
from tests.unit.api.fake_devnets import FakeDevnets, FakeJoin
from tests.unit.api.fake_guardians import FakeGuardians, FakeRewards
from tests.unit.api.fake_messages import FakeMessages, FakeProofs
from tests.unit.api.fake_queries import FakeQueries
from tests.unit.api.fake_settlement import (
    FakeDisputes,
    FakeOutputs,
    FakeRules,
    fake_genesis,
    fake_keepers,
)
from tests.unit.api.memory import MemoryDatabase
from tests.unit.api.values import ADDRESS, BORN, HASH


@dataclass
class FakeRunning:
    services: Services
    events: EventLog
    closed: bool = False

    async def close(self) -> None:
        await self.events.close()
        self.closed = True


async def fake_checkpoint(devnets: FakeDevnets, name: str, key: str) -> bytes | None:
    await devnets.status(name)
    return b"{}" if key == "validator-0/op/announcement.json" else None


async def fake_faucet(devnets: FakeDevnets, name: str, request: FaucetRequest) -> FaucetResult:
    await devnets.status(name)
    given = FaucetTransfer(chain="l1", tx=HASH, balance=request.amount)
    return FaucetResult(
        address=request.address, token=request.token, amount=request.amount, transfers=(given,)
    )


async def fake_offences(devnets: FakeDevnets, name: str) -> Sequence[OffenceView]:
    await devnets.status(name)
    return [
        OffenceView(
            id=HASH, guardian="guardian-2", address=ADDRESS, kind="false-leaf", epoch=7,
            state="slashed", found_at=BORN, slashed_at=BORN, amount="25", reward="2", tx=HASH,
            reporter=ADDRESS,
        )
    ]  # fmt: skip


def fake_running(home: Path) -> FakeRunning:
    """A fresh fake; `home` is where logs of agents would be."""
    database = cast(Database, MemoryDatabase())
    events = EventLog(database)
    devnets = FakeDevnets(events)
    messages, chaos = FakeMessages(devnets), FakeChaos(devnets)
    services = Services(
        devnets=devnets,
        join=FakeJoin(devnets),
        queries=FakeQueries(devnets),
        events=events,
        templates=lambda: template_views(devnets.templates),
        template=lambda name: template_view(devnets.templates, name),
        agent_logs=lambda devnet, service: home / devnet / f"{service}.log",
        faucet=partial(fake_faucet, devnets),
        apps=FakeApps(devnets.status),
        send=messages.send,
        trace=messages.trace,
        retry=messages.trace,
        pay=messages.pay,
        proofs=FakeProofs(messages),
        genesis=fake_genesis,
        bridge=FakeBridge(devnets.status),
        outputs=FakeOutputs(),
        disputes=FakeDisputes(),
        keepers=fake_keepers,
        rules=FakeRules(),
        chaos=lambda: chaos,
        guardians=FakeGuardians(devnets.status),
        rewards=FakeRewards(devnets.status),
        offences=partial(fake_offences, devnets),
        checkpoint=partial(fake_checkpoint, devnets),
        about=FakeAbout(home),
        database=database,
    )
    return FakeRunning(services, events)


@dataclass
class FakeAbout:
    """A daemon in the foreground."""

    home: Path

    async def __call__(self) -> DaemonView:
        return DaemonView(
            version="0", pid=1, home=str(self.home), started_at=BORN, socket="s", devnets=0
        )

    async def end(self) -> None:
        raise Conflict("The daemon was started by hand")


async def build_fake(settings: Settings, _: Listening) -> FakeRunning:
    """As ``bootstrap.build``."""
    return fake_running(settings.home)
