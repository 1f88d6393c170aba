"""Answers about a devnet's messages, epochs, guardians and contracts, as wire models.

Everything comes from the database and the devnet's files; no node is asked.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from control_plane.domain.errors import InvalidInput, Problem
from control_plane.domain.ids import Hex
from control_plane.domain.network import Keys
from control_plane.domain.plan import Plan
from control_plane.domain.plan_json import plan_from_json
from control_plane.domain.ports.store import Database
from control_plane.domain.records import DevnetRecord, MessageRecord
from control_plane.domain.spec_external import NOT_BROUGHT
from control_plane.domain.states import MessageState
from control_plane.domain.suggest import hint
from control_plane.schemas.epoch import EpochView
from control_plane.schemas.guardian import GuardianSetView, GuardianView
from control_plane.schemas.message import MessageView
from control_plane.schemas.using import AccountsView, ContractView
from control_plane.services.accounts_view import AccountsOf
from control_plane.services.epoch_views import epoch_view
from control_plane.services.guardian_views import (
    Bench,
    bls_key,
    guardian_view,
    lost_by,
    set_view,
    stranger_view,
)
from control_plane.services.status import L1_ONLY, moment
from control_plane.services.supervisor import AgentView
from control_plane.services.units import whole
from control_plane.services.unknown import not_found

_MESSAGE_HEAD: Final = 77
"""Bytes of a message before its body (docs/formats.md)."""
_EPOCHS_LOOKED_AT: Final = 100


class Devnets(Protocol):
    """What is asked of the control plane here."""

    async def record(self, name: str) -> DevnetRecord: ...
    def agents(self, name: str) -> Sequence[AgentView]:
        """The agents that this process runs for a devnet."""
        ...


@dataclass(frozen=True, slots=True)
class MessageFilter:
    state: MessageState | None = None
    origin: str | None = None
    """Name of a chain, or its domain."""
    destination: str | None = None
    limit: int = 100
    before: float | None = None
    """Unix seconds: older ones only."""


@dataclass(frozen=True, slots=True)
class Queries:
    """Questions about one devnet at a time; each raises NotFound for a name that is none."""

    devnets: Devnets
    database: Database
    keys: Callable[[str, int], Awaitable[Keys]]
    """Service keys of a devnet, by its name and number of guardians."""
    born: Callable[[str], Mapping[str, Hex]]
    """Contract addresses of a devnet, empty before it has any."""
    accounts_of: AccountsOf
    artifacts: Path
    """Directory of the contracts' ABIs."""

    # ------------------------------------------------------------------ messages

    async def messages(self, name: str, wanted: MessageFilter) -> list[MessageView]:
        """Newest first."""
        plan = await self._plan(name)
        async with self.database.begin() as unit:
            records = await unit.messages.list(
                name,
                states=None if wanted.state is None else [wanted.state],
                origin=_domain(plan, wanted.origin, "origin"),
                destination=_domain(plan, wanted.destination, "destination"),
                limit=wanted.limit,
                before=wanted.before,
            )
        return [message_view(record) for record in records]

    # ------------------------------------------------------------------ epochs

    async def epochs(self, name: str, *, limit: int, before: int | None) -> list[EpochView]:
        """Newest first, without certificates."""
        plan = await self._plan(name)
        async with self.database.begin() as unit:
            records = await unit.epochs.list(name, limit=limit, before=before)
        return [epoch_view(record, plan, certificate=False) for record in records]

    async def epoch(self, name: str, number: int | Literal["latest"]) -> EpochView:
        """One epoch with its certificate; ``latest`` is the last certified one."""
        plan = await self._plan(name)
        async with self.database.begin() as unit:
            latest = await unit.epochs.latest(name, certified=True)
            record = latest if number == "latest" else await unit.epochs.get(name, number)
        if record is None:
            raise not_found("epoch", str(number), [str(latest.epoch)] if latest else [])
        return epoch_view(record, plan, certificate=True)

    # ------------------------------------------------------------------ guardians

    async def guardians(self, name: str) -> list[GuardianView]:
        """Every guardian that serves, by number, then those of the set that are somebody else's."""
        plan = await self._plan(name)
        async with self.database.begin() as unit:
            epochs = await unit.epochs.list(name, limit=_EPOCHS_LOOKED_AT)
            sets = await unit.guardian_sets.list(name)
            joined = await unit.guardians.list(name)
            lost = lost_by(await unit.offences.list(name))
        count = max([plan.metalayer.guardians.count, *(r.number + 1 for r in joined)])
        keys = await self.keys(name, count)
        bench = Bench.of(plan, sets, joined, epochs)
        agents = {view.name: view for view in self.devnets.agents(name)}
        ours = [g for g in keys.guardians if bench.is_shown(g.index)]
        bls_keys = await asyncio.to_thread(lambda: [bls_key(g.bls_seed) for g in ours])
        views = [
            guardian_view(guardian, key, bench, agents.get(f"guardian-{guardian.index}"))
            for guardian, key in zip(ours, bls_keys, strict=True)
        ] + [stranger_view(member, bench) for member in bench.strangers]
        return [
            view.model_copy(update={"slashed": whole(lost.get(view.address.lower(), 0))})
            for view in views
        ]

    async def guardian_sets(self, name: str) -> list[GuardianSetView]:
        """Every set that was handed over to, oldest first."""
        await self._plan(name)
        async with self.database.begin() as unit:
            records = await unit.guardian_sets.list(name)
        return [set_view(record) for record in records]

    async def guardian(self, name: str, which: str) -> GuardianView:
        """One guardian, by its index or its service's name."""
        views = await self.guardians(name)
        for view in views:
            if which in {str(view.index), view.name}:
                return view
        raise not_found("guardian", which, [view.name for view in views])

    # ------------------------------------------------------------------ contracts and accounts

    async def contracts(self, name: str, *, abi: bool) -> list[ContractView]:
        """Contracts and where they are, by key; none before the first start."""
        plan = await self._plan(name)
        addresses = self.born(name)
        chains = tuple(chain.name for chain in plan.chains)
        ours = tuple(chain.name for chain in plan.chains if not chain.is_external)
        names = await asyncio.to_thread(_contract_names, self.artifacts)
        views = []
        for key, address in sorted(addresses.items()):
            contract = names.get(key.lower(), key)
            found = await asyncio.to_thread(_abi, self.artifacts, contract) if abi else None
            everywhere = ours if key in NOT_BROUGHT else chains
            where = chains[:1] if key in L1_ONLY else everywhere
            views.append(
                ContractView(name=contract, key=key, address=address, chains=where, abi=found)
            )
        return views

    async def accounts(self, name: str, *, secrets: bool) -> AccountsView:
        """The listed accounts; keys and mnemonic with `secrets` only."""
        plan = await self._plan(name)
        return await asyncio.to_thread(self.accounts_of, plan.accounts, secrets=secrets)

    async def _plan(self, name: str) -> Plan:
        return plan_from_json((await self.devnets.record(name)).plan)


def message_view(record: MessageRecord) -> MessageView:
    """A message's record as it goes over the wire."""
    delivered = record.delivered_at
    return MessageView.model_validate(
        {
            "id": record.id,
            "state": record.state.value,
            "reason": record.reason,
            "origin": record.origin,
            "destination": record.destination,
            "nonce": record.nonce,
            "sender": record.sender,
            "recipient": record.recipient,
            "body": "0x" + record.raw.removeprefix("0x")[2 * _MESSAGE_HEAD :],
            "tx": record.origin_tx,
            "block": record.origin_block,
            "dispatched_at": datetime.fromtimestamp(record.dispatched_at, UTC),
            "attempts": record.attempts,
            "next_attempt_at": moment(record.next_attempt_at),
            "epoch": record.epoch,
            "delivered_tx": record.delivered_tx,
            "delivered_at": moment(delivered),
            "latency_ms": None
            if delivered is None
            else round((delivered - record.dispatched_at) * 1000, 1),
            "finality": "finalized" if record.finality else "instant",
            "reads": record.reads,
            "reorged_after_delivery": record.reorged_after_delivery,
        }
    )


def _domain(plan: Plan, text: str | None, parameter: str) -> int | None:
    """The domain of a chain given by name or domain; InvalidInput if there is none."""
    if text is None:
        return None
    for chain in plan.chains:
        if text in {chain.name, str(chain.domain)}:
            return chain.domain
    if text.isascii() and text.isdigit() and len(text) <= 10:
        return int(text)  # a rollup that was removed has left messages
    tip = hint(text, [chain.name for chain in plan.chains], "chains")
    raise InvalidInput(
        f"No chain called {text!r}", "", tip, (Problem(parameter, "is no chain's name", tip),)
    )


@lru_cache(maxsize=8)
def _contract_names(artifacts: Path) -> dict[str, str]:
    """Contract names by their lower-case form: ``metalayerrouter`` → ``MetalayerRouter``."""
    return {path.stem.lower(): path.stem for path in artifacts.glob("*.json")}


@lru_cache(maxsize=256)
def _abi(artifacts: Path, contract: str) -> list[dict[str, Any]] | None:
    path = artifacts / f"{contract}.json"
    if not path.is_file():
        return None
    abi = json.loads(path.read_text()).get("abi")
    return abi if isinstance(abi, list) else None
