"""What the API asks: a desk for each matter, opened when somebody first comes with it."""

import asyncio
import functools
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, cast

from control_plane.adapters.alone.attest import EitherAttester
from control_plane.adapters.evm.accounts import derive_accounts
from control_plane.adapters.evm.keys import load_keys
from control_plane.adapters.evm.revert import decode_error
from control_plane.adapters.evm.rpc import connect
from control_plane.adapters.evm.sender import TransactionSender, one_sender
from control_plane.adapters.evm.signer import sign_call
from control_plane.adapters.machine import read_facts
from control_plane.adapters.persistence.database import SqlDatabase
from control_plane.adapters.provision import born_contracts
from control_plane.adapters.templates import TemplateFiles
from control_plane.api.deps import Services
from control_plane.crew import Crews
from control_plane.daemon_files import Listening
from control_plane.domain.ids import Hex
from control_plane.domain.network import Chain, Keys
from control_plane.domain.plan_json import plan_from_json
from control_plane.domain.ports.node import Account
from control_plane.domain.seams import SeamBook
from control_plane.on_demand import OnDemand
from control_plane.planning import plan_for_machine
from control_plane.resources import artifacts_dir, templates_dir
from control_plane.schemas.devnet import JoinedRollup, JoinRollup
from control_plane.schemas.system import DaemonView
from control_plane.services.agent_log import agent_log_path
from control_plane.services.control import ControlPlane
from control_plane.services.devnet_files import DevnetFiles
from control_plane.services.devnets import Devnets
from control_plane.services.events import EventLog
from control_plane.services.settlement.genesis import GenesisFiles
from control_plane.settings import Settings

if TYPE_CHECKING:
    from control_plane.domain.ports.chaos import Breaker
    from control_plane.schemas.keeper import DataAvailabilityView
    from control_plane.schemas.message import MessagePaid, PayMessage
    from control_plane.services.apps.desk import AppDesk
    from control_plane.services.bridge.desk import BridgeDesk
    from control_plane.services.chaos import Chaos
    from control_plane.services.faucet import Faucet
    from control_plane.services.guardians import GuardianDesk
    from control_plane.services.offences import Offences
    from control_plane.services.proofs import Proofs
    from control_plane.services.queries import Queries
    from control_plane.services.retry import RetryMessage
    from control_plane.services.rewards import Rewards
    from control_plane.services.send_message import SendMessages
    from control_plane.services.settlement.disputes import Disputes
    from control_plane.services.settlement.outputs import Outputs
    from control_plane.services.switching.ruling import Ruling
    from control_plane.services.trace import Tracer


def open_desks(
    desks: "Desks", settings: Settings, events: EventLog, chaos: "ChaosOnDemand", here: Listening
) -> Services:
    """Everything that the API asks."""
    templates = TemplateFiles(templates_dir())
    interval = settings.save_interval
    devnets = Devnets(
        desks.control,
        desks.database,
        templates,
        plan_for_machine,
        read_facts,
        desks.born,
        {} if interval is None else {"save_interval": interval},
    )
    return Services(
        devnets=devnets,
        queries=desks.queries,
        events=events,
        templates=lambda: _specs().template_views(templates),
        template=lambda name: _specs().template_view(templates, name),
        agent_logs=functools.partial(agent_log_path, desks.home),
        faucet=cast("Faucet", OnDemand(desks.faucet)),
        apps=cast("AppDesk", OnDemand(functools.partial(desks.apps, events))),
        join=functools.partial(desks.join, devnets),
        send=cast("SendMessages", OnDemand(desks.send)),
        trace=cast("Tracer", OnDemand(desks.tracer)),
        retry=cast("RetryMessage", OnDemand(desks.retry)),
        pay=desks.pay,
        proofs=cast("Proofs", OnDemand(desks.proofs)),
        genesis=GenesisFiles(desks.home),
        bridge=cast("BridgeDesk", OnDemand(desks.bridge)),
        outputs=cast("Outputs", OnDemand(desks.outputs)),
        disputes=cast("Disputes", OnDemand(desks.disputes)),
        keepers=desks.keepers,
        rules=desks.rules,
        chaos=chaos,
        offences=cast("Offences", OnDemand(desks.offences)),
        guardians=cast("GuardianDesk", OnDemand(desks.guardians)),
        rewards=cast("Rewards", OnDemand(desks.rewards)),
        checkpoint=desks.checkpoint,
        about=_About(here, desks.control),
        database=desks.database,
    )


@dataclass(frozen=True)
class Desks:
    """Makes each desk; imports what it needs then, for most devnets need few."""

    home: Path
    control: ControlPlane
    database: SqlDatabase
    crews: Crews
    rules: "Ruling"

    def born(self, name: str) -> Mapping[str, Hex]:
        """The contracts with which the devnet `name` was born."""
        return born_contracts(DevnetFiles(self.home, name).root)

    async def keys_of(self, name: str, guardians: int) -> Keys:
        """The devnet's own keys."""
        return load_keys(DevnetFiles(self.home, name).root, guardians)

    @functools.cached_property
    def queries(self) -> "Queries":
        return cast("Queries", OnDemand(self._queries))

    def _queries(self) -> "Queries":
        from control_plane.services.accounts_view import AccountsOf
        from control_plane.services.queries import Queries

        return Queries(
            devnets=self.control,
            database=self.database,
            keys=self.keys_of,
            born=self.born,
            accounts_of=AccountsOf(derive_accounts),
            artifacts=artifacts_dir(),
        )

    def outputs(self) -> "Outputs":
        from control_plane.services.settlement.outputs import Outputs

        return Outputs(self.control, connect)

    def disputes(self) -> "Disputes":
        from control_plane.services.settlement.disputes import Disputes

        return Disputes(self.control, connect)

    def faucet(self) -> "Faucet":
        from control_plane.services.faucet import Faucet

        return Faucet(self.control, connect, _pay_from)

    def apps(self, events: EventLog) -> "AppDesk":
        from control_plane.adapters.app_records import AppFiles
        from control_plane.services.apps.deploying import Tools
        from control_plane.services.apps.desk import AppDesk

        records = AppFiles(lambda name: DevnetFiles(self.home, name).root)
        tools = Tools(connect, sign_call, decode_error, records, events.publish)
        return AppDesk(self.control, derive_accounts, tools)

    def send(self) -> "SendMessages":
        from control_plane.services.send_message import SendMessages

        return SendMessages(
            self.control, self.database, connect, derive_accounts, sign_call, decode_error
        )

    def tracer(self) -> "Tracer":
        from control_plane.services.trace import Tracer

        return Tracer(self.control, self.database)

    def retry(self) -> "RetryMessage":
        from control_plane.services.retry import RetryMessage

        return RetryMessage(self.control, self.database)

    def bridge(self) -> "BridgeDesk":
        from control_plane.services.bridge.desk import BridgeDesk

        return BridgeDesk(self.control, connect, derive_accounts, _pay_from, decode_error)

    def proofs(self) -> "Proofs":
        from control_plane.services.proofs import Proofs

        return Proofs(self.control, self.database, connect)

    def offences(self) -> "Offences":
        from control_plane.services.offences import Offences

        return Offences(self.control, self.database, self.keys_of)

    def guardians(self) -> "GuardianDesk":
        from control_plane.services.guardians import GuardianDesk

        return GuardianDesk(
            self.control, self.database, connect, _pay_from, decode_error, self.queries
        )

    def rewards(self) -> "Rewards":
        from control_plane.services.rewards import Rewards

        def signers(name: str) -> Sequence[EitherAttester]:
            return self.crews[name].signers if name in self.crews else ()

        return Rewards(self.control, self.database, connect, _pay_from, decode_error, signers)

    async def join(
        self, devnets: Devnets, name: str, rollup: str, request: JoinRollup
    ) -> JoinedRollup:
        """See the API's ``Join``."""
        from control_plane.adapters.evm.joining import Joiner
        from control_plane.services.joining import Joining

        files = functools.partial(DevnetFiles, self.home)
        joining = Joining(self.control, devnets, self.database, Joiner(), files)
        return await joining(name, rollup, request)

    async def pay(self, name: str, message_id: str, request: "PayMessage") -> "MessagePaid":
        """See the API's ``Pay``."""
        from control_plane.services.pay_message import PayForMessage

        paying = PayForMessage(self.control, self.database, connect, _pay_from)
        return await paying(name, message_id, request)

    async def keepers(self, devnet: str, rollup: str) -> "DataAvailabilityView":
        """See the API's ``Keepers``."""
        from control_plane.adapters.da.places import ever_keepers
        from control_plane.schemas.keeper import DataAvailabilityView, KeeperView

        record = await self.control.record(devnet)
        plans = plan_from_json(record.plan).rollups
        chain = next(chain for chain in plans if chain.name == rollup)
        root = DevnetFiles(self.home, record.name).root
        found = await asyncio.to_thread(ever_keepers, root, chain)
        views = tuple(KeeperView.model_validate(keeper.to_json()) for keeper in found)
        return DataAvailabilityView(da=chain.da, keepers=views)

    async def checkpoint(self, name: str, key: str) -> bytes | None:
        """What a validator stored under `key`."""
        from control_plane.adapters.checkpoints import stored_object

        record = await self.control.record(name)
        return await asyncio.to_thread(stored_object, DevnetFiles(self.home, record.name).root, key)


class ChaosOnDemand:
    """What breaks things on purpose, imported when somebody first asks for it."""

    def __init__(
        self, control: ControlPlane, database: SqlDatabase, events: EventLog, seams: SeamBook
    ) -> None:
        self._control = control
        self._database = database
        self._events = events
        self._seams = seams
        self._made: Chaos | None = None

    def __call__(self) -> "Chaos":
        if self._made is None:
            from control_plane.services.chaos import Chaos

            self._made = Chaos(self._control, self._database, self._events, self._seams, _breaker)
        return self._made

    async def resume_if_any(self) -> None:
        """Begin again what was broken when an earlier daemon ended."""
        async with self._database.begin() as unit:
            faults = await unit.faults.list() if await unit.devnets.list() else ()
        if any(fault.ended_at is None for fault in faults):
            self().resume()

    async def close(self) -> None:
        """Stop looking after faults; they stay active."""
        if self._made is not None:
            await self._made.close()


@dataclass(frozen=True, slots=True)
class _About:
    """Implements the API's ``About``."""

    here: Listening
    control: ControlPlane

    async def end(self) -> None:
        await self.control.end_if_idle()

    async def __call__(self) -> DaemonView:
        return DaemonView(
            version=self.here.version,
            pid=self.here.pid,
            home=self.here.home,
            started_at=datetime.fromisoformat(self.here.started_at),
            socket=self.here.socket,
            port=self.here.port,
            devnets=len(await self.control.records()),
        )


def _breaker() -> "Breaker":
    from control_plane.adapters.chaos.breaking import ChaosBreaker

    return ChaosBreaker()


def _pay_from(chain: Chain, account: Account) -> AbstractAsyncContextManager[TransactionSender]:
    block_time = chain.plan.block_time
    return one_sender(connect, chain.ws_url, account, chain.plan.chain_id, block_time=block_time)


def _specs() -> ModuleType:
    from control_plane.services import specs

    return specs
