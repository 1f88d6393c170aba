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
from typing import Any, Final, Literal, Protocol, Self

from control_plane.domain.errors import InvalidInput, Problem
from control_plane.domain.ids import Hex
from control_plane.domain.network import GuardianKeys, Keys
from control_plane.domain.plan import Plan
from control_plane.domain.plan_json import plan_from_json
from control_plane.domain.ports.store import Database
from control_plane.domain.records import (
    DevnetRecord,
    EpochRecord,
    GuardianRecord,
    GuardianSetRecord,
    MessageRecord,
    OffenceRecord,
)
from control_plane.domain.shards import shard_names
from control_plane.domain.spec_external import NOT_BROUGHT
from control_plane.domain.states import MessageState, ServiceState
from control_plane.domain.suggest import hint
from control_plane.schemas.devnet import AccountsView, ContractView
from control_plane.schemas.epoch import EpochView, LeafView, ReadsView, ShardView
from control_plane.schemas.guardian import GuardianSetView, GuardianView
from control_plane.schemas.message import MessageView
from control_plane.services.accounts_view import AccountsOf
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
        return [_epoch_view(record, plan, certificate=False) for record in records]

    async def epoch(self, name: str, number: int | Literal["latest"]) -> EpochView:
        """One epoch with its certificate; ``latest`` is the last certified one."""
        plan = await self._plan(name)
        async with self.database.begin() as unit:
            latest = await unit.epochs.latest(name, certified=True)
            record = latest if number == "latest" else await unit.epochs.get(name, number)
        if record is None:
            raise not_found("epoch", str(number), [str(latest.epoch)] if latest else [])
        return _epoch_view(record, plan, certificate=True)

    # ------------------------------------------------------------------ guardians

    async def guardians(self, name: str) -> list[GuardianView]:
        """Every guardian that serves, by number, then those of the set that are somebody else's."""
        plan = await self._plan(name)
        async with self.database.begin() as unit:
            epochs = await unit.epochs.list(name, limit=_EPOCHS_LOOKED_AT)
            sets = await unit.guardian_sets.list(name)
            joined = await unit.guardians.list(name)
            lost = _lost(await unit.offences.list(name))
        count = max([plan.metalayer.guardians.count, *(r.number + 1 for r in joined)])
        keys = await self.keys(name, count)
        bench = Bench.of(plan, sets, joined, epochs)
        agents = {view.name: view for view in self.devnets.agents(name)}
        ours = [g for g in keys.guardians if bench.is_shown(g.index)]
        bls_keys = await asyncio.to_thread(lambda: [bls_key(g.bls_seed) for g in ours])
        views = [
            _guardian_view(guardian, key, bench, agents.get(f"guardian-{guardian.index}"))
            for guardian, key in zip(ours, bls_keys, strict=True)
        ] + [_stranger_view(member, bench) for member in bench.strangers]
        return [
            view.model_copy(update={"slashed": whole(lost.get(view.address.lower(), 0))})
            for view in views
        ]

    async def guardian_sets(self, name: str) -> list[GuardianSetView]:
        """Every set that was handed over to, oldest first."""
        await self._plan(name)
        async with self.database.begin() as unit:
            records = await unit.guardian_sets.list(name)
        return [_set_view(record) for record in records]

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


def _epoch_view(record: EpochRecord, plan: Plan, *, certificate: bool) -> EpochView:
    names = {chain.domain: chain.name for chain in plan.chains}
    header = record.header
    return EpochView(
        epoch=record.epoch,
        certified=record.certified_at is not None,
        set_id=header["setId"],
        timestamp=header["timestamp"],
        header_hash=record.header_hash,
        parent_hash=header["parentHash"],
        aggregate_root=header["aggregateRoot"],
        created_at=datetime.fromtimestamp(record.created_at, UTC),
        certified_at=moment(record.certified_at),
        signers=record.signers,
        absent=record.absent,
        leaves=tuple(_leaf_view(leaf, names) for leaf in record.leaves),
        shards=_shard_views(record, plan) if certificate else (),
        certificate=record.certificate if certificate else None,
        reads=tuple(
            ReadsView(message=read["messageId"], results=tuple(read["results"]))
            for read in record.reads
        )
        if certificate
        else (),
    )


def _shard_views(record: EpochRecord, plan: Plan) -> tuple[ShardView, ...]:
    from control_plane.domain.aggregate import Aggregate

    aggregate = Aggregate.from_json(record.leaves, record.reads)
    names = shard_names(plan.chains)
    return tuple(
        ShardView(
            id=shard,
            name=names.get(shard),
            root="0x" + aggregate.shard_root(shard).hex(),
            leaves=len(leaves),
        )
        for shard, leaves in aggregate.shards.items()
    )


def _leaf_view(leaf: Mapping[str, Any], names: Mapping[Any, str]) -> LeafView:
    return LeafView(
        chain=names.get(leaf["domain"]),
        domain=leaf["domain"],
        block_number=leaf["blockNumber"],
        block_hash=leaf["blockHash"],
        state_root=leaf["stateRoot"],
        message_root=leaf["messageRoot"],
        message_count=leaf["messageCount"],
        finality="finalized" if leaf["finality"] else "instant",
        shard=leaf.get("shard", 0),
    )


@dataclass(frozen=True, slots=True)
class Bench:
    """Who sits where in the sets of a devnet."""

    members: Sequence[Mapping[str, Any]]
    """Of the set in force."""
    seats: Mapping[int, Mapping[int, int]]
    """Seat by a guardian's number, by the id of the set."""
    seated: Mapping[int, Mapping[str, Any]]
    """Members of the set in force by their numbers."""
    left: frozenset[int]
    epochs: Sequence[EpochRecord]

    @classmethod
    def of(
        cls,
        plan: Plan,
        sets: Sequence[GuardianSetRecord],
        joined: Sequence[GuardianRecord],
        epochs: Sequence[EpochRecord],
    ) -> Self:
        """Before the first set is recorded, everybody sits where the number says."""
        seats = {
            record.set_id: {
                member["number"]: member["index"]
                for member in record.members
                if member.get("number") is not None
            }
            for record in sets
        }
        active = next((r.members for r in reversed(sets) if r.active_at is not None), None)
        if active is None:
            guardians = plan.metalayer.guardians
            active = tuple(
                {"number": number, "index": number, "stake": str(guardians.stake)}
                for number in range(guardians.count)
            )
        seated = {m["number"]: m for m in active if m.get("number") is not None}
        left = frozenset(r.number for r in joined if r.left_at is not None)
        return cls(active, seats, seated, left, epochs)

    def is_shown(self, number: int) -> bool:
        """Whether it serves: those that left are shown while the set in force has them."""
        return number in self.seated or number not in self.left

    @property
    def total(self) -> int:
        return sum(int(member["stake"]) for member in self.members)

    @property
    def strangers(self) -> Sequence[Mapping[str, Any]]:
        """Members whose keys are not ours."""
        return [member for member in self.members if member.get("number") is None]

    def last_signed(self, number: int) -> int | None:
        """The last epoch that a guardian signed."""
        for epoch in self.epochs:
            seats = self.seats.get(epoch.header["setId"])
            seat = number if seats is None else seats.get(number)
            if seat is not None and seat in epoch.signers:
                return epoch.epoch
        return None


def _guardian_view(
    guardian: GuardianKeys, key: str, bench: Bench, agent: AgentView | None
) -> GuardianView:
    number = guardian.index
    member = bench.seated.get(number)
    stake = int(member["stake"]) if member else 0
    return GuardianView(
        index=number,
        name=f"guardian-{number}",
        seat=member["index"] if member else None,
        address=guardian.account.address,
        bls_key=key,
        stake=whole(stake),
        share=stake / bench.total,
        state=(agent.state if agent else ServiceState.STOPPED).value,
        problem=agent.problem if agent else None,
        last_signed_epoch=bench.last_signed(number),
    )


def _lost(offences: Sequence[OffenceRecord]) -> dict[str, int]:
    """Wei of ERA that each guardian was slashed of, by its account."""
    lost: dict[str, int] = {}
    for one in offences:
        if one.tx is not None:
            lost[one.guardian] = lost.get(one.guardian, 0) + (one.amount or 0)
    return lost


def _stranger_view(member: Mapping[str, Any], bench: Bench) -> GuardianView:
    return GuardianView(
        index=None,
        name=member["guardian"],
        seat=member["index"],
        address=member["guardian"],
        bls_key=member["key"],
        stake=whole(int(member["stake"])),
        share=int(member["stake"]) / bench.total,
        state="elsewhere",
        problem="no process of this devnet signs for it",
        embedded=False,
    )


def _set_view(record: GuardianSetRecord) -> GuardianSetView:
    by = "guardians" if record.rotation else "governor"
    names = (
        m["guardian"] if m.get("number") is None else f"guardian-{m['number']}"
        for m in record.members
    )
    return GuardianSetView(
        set_id=record.set_id,
        outgoing=record.outgoing,
        by=by if record.outgoing else "founding",
        size=len(record.members),
        total_stake=whole(sum(int(member["stake"]) for member in record.members)),
        members=tuple(names),
        made_at=datetime.fromtimestamp(record.made_at, UTC),
        active_at=moment(record.active_at),
    )


@lru_cache(maxsize=1024)
def bls_key(seed: bytes) -> str:
    """The public BLS key of a guardian's seed, 0x-hex."""
    from control_plane.domain.bls import SecretKey

    return "0x" + SecretKey(seed).key.hex()


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
