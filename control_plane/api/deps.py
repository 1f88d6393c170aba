"""What the API needs of the services, as protocols, and how a route gets at it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

from fastapi import Depends, Request
from fastapi import Path as PathParameter

from control_plane.api.asgi import OVER_SOCKET
from control_plane.domain.errors import NotFound
from control_plane.domain.ports.store import Database
from control_plane.domain.records import EventRecord
from control_plane.schemas.names import NAME_PATTERN

if TYPE_CHECKING:
    from control_plane.schemas.app import AppView, DeployApp
    from control_plane.schemas.bridge import (
        ContinueWithdrawal,
        DepositView,
        MakeDeposit,
        MakeWithdrawal,
        WithdrawalView,
    )
    from control_plane.schemas.chaos import FaultKindView, FaultView, StartFault
    from control_plane.schemas.devnet import (
        CreateDevnet,
        DevnetStatus,
        DevnetSummary,
        JoinedRollup,
        JoinRollup,
        RollupStatus,
    )
    from control_plane.schemas.dispute import DisputesView
    from control_plane.schemas.epoch import EpochSyncView, EpochView
    from control_plane.schemas.guardian import (
        AddGuardian,
        ChangeStake,
        GuardianSetView,
        GuardianView,
        RewardsView,
        SlashGuardian,
        StakeView,
    )
    from control_plane.schemas.keeper import DataAvailabilityView
    from control_plane.schemas.message import (
        MessagePaid,
        MessageSent,
        MessageView,
        PayMessage,
        SendMessage,
        TraceView,
    )
    from control_plane.schemas.offence import OffenceView
    from control_plane.schemas.output import OutputsView
    from control_plane.schemas.plan import PlanView, TemplateView, ValidateResult
    from control_plane.schemas.proof import MessageProofView, StorageProofView
    from control_plane.schemas.rules import RulesView
    from control_plane.schemas.service import ServiceView
    from control_plane.schemas.system import DaemonView
    from control_plane.schemas.using import AccountsView, ContractView, FaucetRequest, FaucetResult
    from control_plane.services.queries import MessageFilter


class Devnets(Protocol):
    """Devnets and what belongs to them. Every method raises NotFound for an unknown name."""

    async def list(self) -> Sequence[DevnetSummary]: ...
    async def status(self, name: str) -> DevnetStatus: ...
    async def plan_of(self, name: str) -> PlanView: ...
    async def plan(self, request: CreateDevnet) -> PlanView: ...
    async def validate(self, request: CreateDevnet) -> ValidateResult: ...
    async def rollups(self, name: str) -> Sequence[RollupStatus]: ...
    async def rollup(self, name: str, rollup: str) -> RollupStatus: ...
    async def services(self, name: str) -> Sequence[ServiceView]: ...
    async def service(self, name: str, service: str) -> ServiceView: ...
    async def create(self, request: CreateDevnet) -> DevnetStatus: ...
    async def patch(self, name: str, overrides: tuple[str, ...], *, wait: bool) -> DevnetStatus: ...
    async def extend(self, name: str, ttl: float) -> DevnetStatus: ...
    async def delete(self, name: str, *, wait: bool) -> DevnetSummary: ...
    async def stop(self, name: str, *, wait: bool) -> DevnetStatus: ...
    async def start(self, name: str, *, wait: bool) -> DevnetStatus: ...
    async def restart(self, name: str, *, wait: bool) -> DevnetStatus: ...
    async def add_rollup(
        self, name: str, rollup: Mapping[str, Any], *, wait: bool
    ) -> tuple[DevnetStatus, str]: ...
    async def remove_rollup(self, name: str, rollup: str, *, wait: bool) -> DevnetStatus: ...
    async def is_external(self, name: str, service: str) -> bool: ...
    async def act_on_service(
        self, name: str, service: str, action: str, *, wait: bool
    ) -> ServiceView: ...


class Join(Protocol):
    async def __call__(self, name: str, rollup: str, request: JoinRollup) -> JoinedRollup:
        """Let somebody else's chain join a devnet."""
        ...


class Queries(Protocol):
    async def messages(self, name: str, wanted: MessageFilter) -> Sequence[MessageView]: ...
    async def epochs(self, name: str, *, limit: int, before: int | None) -> Sequence[EpochView]: ...
    async def epoch(self, name: str, number: int | Literal["latest"]) -> EpochView: ...
    async def guardian_sets(self, name: str) -> Sequence[GuardianSetView]: ...
    async def guardians(self, name: str) -> Sequence[GuardianView]: ...
    async def guardian(self, name: str, which: str) -> GuardianView: ...
    async def contracts(self, name: str, *, abi: bool) -> Sequence[ContractView]: ...
    async def accounts(self, name: str, *, secrets: bool) -> AccountsView: ...


class Events(Protocol):
    async def since(
        self, devnet: str | None, after_id: int = 0, limit: int = 1000
    ) -> Sequence[EventRecord]: ...
    async def before_last(self, devnet: str | None, count: int) -> int: ...
    def follow(self, devnet: str | None, after_id: int = 0) -> AsyncIterator[EventRecord]: ...


class AgentLogs(Protocol):
    def __call__(self, devnet: str, service: str) -> Path:
        """An agent's log file."""
        ...


class Faucet(Protocol):
    async def __call__(self, name: str, request: FaucetRequest) -> FaucetResult: ...


class Apps(Protocol):
    async def plan(self, name: str, request: DeployApp) -> AppView: ...
    async def deploy(self, name: str, request: DeployApp) -> AppView: ...
    async def list(self, name: str) -> Sequence[AppView]: ...
    async def get(self, name: str, app: str) -> AppView: ...


class Send(Protocol):
    async def __call__(self, name: str, request: SendMessage) -> MessageSent: ...


class Trace(Protocol):
    async def __call__(self, name: str, message_id: str) -> TraceView:
        """By the whole id or an unambiguous beginning of it."""
        ...


class Retry(Protocol):
    async def __call__(self, name: str, message_id: str) -> TraceView:
        """Its trace, with the attempt asked for. Conflict when it can't be delivered any more."""
        ...


class Pay(Protocol):
    async def __call__(self, name: str, message_id: str, request: PayMessage) -> MessagePaid:
        """Pays for a message's gas. Conflict when it is not on its way, or nothing is missing."""
        ...


class Bridge(Protocol):
    async def deposit(self, name: str, request: MakeDeposit) -> DepositView: ...
    async def deposit_of(self, name: str, id_: str) -> DepositView:
        """By its transaction on the L1."""
        ...

    async def list_deposits(
        self, name: str, rollup: str | None, limit: int
    ) -> Sequence[DepositView]: ...
    async def withdraw(self, name: str, request: MakeWithdrawal) -> WithdrawalView: ...
    async def withdrawal(self, name: str, id_: str) -> WithdrawalView:
        """By its transaction on the rollup."""
        ...

    async def proceed(self, name: str, id_: str, request: ContinueWithdrawal) -> WithdrawalView: ...
    async def list_withdrawals(
        self, name: str, rollup: str | None, limit: int
    ) -> Sequence[WithdrawalView]: ...


class Genesis(Protocol):
    async def __call__(self, devnet: str, chain: str) -> bytes:
        """A chain's ``genesis.json``."""
        ...


class Keepers(Protocol):
    async def __call__(self, devnet: str, rollup: str) -> DataAvailabilityView:
        """Who keeps the data of a rollup that is there. Conflict before its first start."""
        ...


class Outputs(Protocol):
    async def list(
        self, name: str, rollup: str, *, limit: int, before: int | None = None
    ) -> OutputsView:
        """Newest first, of a rollup that is there. Conflict: it has none, or is not up."""
        ...


class Disputes(Protocol):
    async def list(
        self,
        name: str,
        rollup: str | None,
        *,
        limit: int,
        before: int | None = None,
        only_open: bool = False,
    ) -> DisputesView:
        """Newest first, of a rollup that is there or of all. Conflict: it has none, or is not
        up."""
        ...


class Rules(Protocol):
    async def rules(self, devnet: str, rollup: str) -> RulesView:
        """Those by which a rollup that is there switches by itself; none: it does not."""
        ...


class Proofs(Protocol):
    async def message(self, name: str, message_id: str) -> MessageProofView:
        """By the whole id or an unambiguous beginning of it."""
        ...

    async def storage(
        self, name: str, rollup: str, address: str, slots: Sequence[str]
    ) -> StorageProofView: ...
    async def epochs(self, name: str, since: int | None) -> EpochSyncView: ...


class Offences(Protocol):
    async def __call__(self, name: str) -> Sequence[OffenceView]: ...


class Chaos(Protocol):
    def kinds(self) -> Sequence[FaultKindView]: ...
    async def list(self, name: str, *, over: bool) -> Sequence[FaultView]: ...
    async def get(self, name: str, id_: str) -> FaultView: ...
    async def start(self, name: str, request: StartFault) -> FaultView: ...
    async def heal(self, name: str, id_: str) -> FaultView: ...
    async def heal_all(self, name: str) -> Sequence[FaultView]: ...


class Guardians(Protocol):
    async def add(self, name: str, request: AddGuardian) -> GuardianView: ...
    async def remove(self, name: str, which: str, *, wait: bool) -> StakeView: ...
    async def unjail(self, name: str, which: str, *, wait: bool) -> StakeView: ...
    async def slash(self, name: str, which: str, request: SlashGuardian) -> StakeView: ...
    async def stake(self, name: str, which: str) -> StakeView: ...
    async def increase(self, name: str, which: str, request: ChangeStake) -> StakeView: ...
    async def decrease(self, name: str, which: str, request: ChangeStake) -> StakeView: ...
    async def withdraw(self, name: str, which: str) -> StakeView: ...


class Rewards(Protocol):
    async def show(self, name: str) -> RewardsView: ...
    async def report(self, name: str) -> RewardsView: ...
    async def pay(self, name: str) -> RewardsView: ...


class About(Protocol):
    async def __call__(self) -> DaemonView: ...
    async def end(self) -> None:
        """End the daemon. Conflict when it looks after a devnet, or nobody's command started it."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that routes call."""

    devnets: Devnets
    join: Join
    queries: Queries
    events: Events
    templates: Callable[[], Sequence[TemplateView]]
    template: Callable[[str], TemplateView]
    agent_logs: AgentLogs
    faucet: Faucet
    apps: Apps
    send: Send
    trace: Trace
    retry: Retry
    pay: Pay
    proofs: Proofs
    genesis: Genesis
    bridge: Bridge
    outputs: Outputs
    disputes: Disputes
    keepers: Keepers
    rules: Rules
    chaos: Callable[[], Chaos]
    guardians: Guardians
    rewards: Rewards
    offences: Offences
    checkpoint: Callable[[str, str], Awaitable[bytes | None]]
    """A file of a devnet's validators, by its path; None when there is none. NotFound."""
    about: About
    database: Database


def get_services(request: Request) -> Services:
    """The services that the app was made with."""
    services: Services = request.app.state.services
    return services


def is_over_socket(request: Request) -> bool:
    """Whether the request came over the Unix socket; private keys are given out there only."""
    return request.scope.get(OVER_SOCKET) is True


def devnet_name(
    name: Annotated[
        str,
        PathParameter(
            description="Name of a devnet.",
            max_length=100,
            examples=["default"],
            json_schema_extra={"pattern": NAME_PATTERN},
        ),
    ],
) -> str:
    """A name from the path. One that can't exist is not found, as any other that does not."""
    if not name.isprintable():
        raise NotFound(f"No devnet called {name!r}")
    return name


Devnet = Annotated[str, Depends(devnet_name)]
Wired = Annotated[Services, Depends(get_services)]
OverSocket = Annotated[bool, Depends(is_over_socket)]


class Running(Protocol):
    """The control plane at work, as ``bootstrap.build`` makes it."""

    @property
    def services(self) -> Services: ...

    async def close(self) -> None:
        """Stop the agents, save every chain, let go of the nodes, close the database."""
        ...
