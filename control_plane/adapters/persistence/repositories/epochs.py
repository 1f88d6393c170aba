"""Epochs, and the journals of the guardians that sign them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, exists, func, select

from control_plane.adapters.persistence.rows import Rows
from control_plane.adapters.persistence.steady import SteadyConnection
from control_plane.adapters.persistence.tables import (
    EPOCHS,
    MESSAGES,
    SET_VOTES,
    VERDICTS,
    VOTES,
)
from control_plane.domain.records import EpochRecord


class EpochRows:
    """Implements ``ports.store.Epochs``."""

    def __init__(self, connection: SteadyConnection) -> None:
        self._rows = Rows(connection, EPOCHS, EpochRecord)

    async def get(self, devnet: str, epoch: int) -> EpochRecord | None:
        columns = self._rows.columns
        return await self._rows.one(columns.devnet == devnet, columns.epoch == epoch)

    async def put(self, record: EpochRecord) -> None:
        await self._rows.upsert([record])

    async def latest(self, devnet: str, *, certified: bool) -> EpochRecord | None:
        columns = self._rows.columns
        query = self._rows.query(columns.devnet == devnet)
        if certified:
            query = query.where(columns.certificate.is_not(None))
        return await self._rows.first(query.order_by(columns.epoch.desc()).limit(1))

    async def list(
        self, devnet: str, *, limit: int = 50, before: int | None = None
    ) -> Sequence[EpochRecord]:
        columns = self._rows.columns
        query = self._rows.query(columns.devnet == devnet)
        if before is not None:
            query = query.where(columns.epoch < before)
        return await self._rows.all(query.order_by(columns.epoch.desc()).limit(limit))

    async def prune(self, devnet: str, before: int) -> None:
        columns, messages = self._rows.columns, MESSAGES.c
        referred = exists().where(messages.devnet == devnet, messages.epoch == columns.epoch)
        await self._rows.delete(columns.devnet == devnet, columns.epoch < before, ~referred)
        votes = VOTES.c
        await self._rows.connection.execute(
            delete(VOTES).where(votes.devnet == devnet, votes.epoch < before)
        )


@dataclass(frozen=True, slots=True)
class _Vote:
    devnet: str
    guardian: int
    epoch: int
    header_hash: str


@dataclass(frozen=True, slots=True)
class _SetVote:
    devnet: str
    guardian: int
    set_id: int
    commitment: str


@dataclass(frozen=True, slots=True)
class _Verdict:
    devnet: str
    guardian: int
    question: str
    digest: str


class VoteRows:
    """Implements ``ports.store.Votes``."""

    def __init__(self, connection: SteadyConnection) -> None:
        self._rows = Rows(connection, VOTES, _Vote)
        self._sets = Rows(connection, SET_VOTES, _SetVote)
        self._verdicts = Rows(connection, VERDICTS, _Verdict)

    async def record(self, devnet: str, guardian: int, epoch: int, header_hash: str) -> bool:
        vote = _Vote(devnet, guardian, epoch, header_hash)
        # The key decides, not a look before: two writers can't both sign.
        if await self._rows.insert_new(vote):
            return True
        columns = self._rows.columns
        return vote == await self._rows.one(
            columns.devnet == devnet, columns.guardian == guardian, columns.epoch == epoch
        )

    async def record_set(self, devnet: str, guardian: int, set_id: int, commitment: str) -> bool:
        vote = _SetVote(devnet, guardian, set_id, commitment)
        if await self._sets.insert_new(vote):
            return True
        columns = self._sets.columns
        return vote == await self._sets.one(
            columns.devnet == devnet, columns.guardian == guardian, columns.set_id == set_id
        )

    async def record_verdict(self, devnet: str, guardian: int, question: str, digest: str) -> bool:
        verdict = _Verdict(devnet, guardian, question, digest)
        if await self._verdicts.insert_new(verdict):
            return True
        columns = self._verdicts.columns
        return verdict == await self._verdicts.one(
            columns.devnet == devnet, columns.guardian == guardian, columns.question == question
        )

    async def highest_epoch(self, devnet: str) -> int:
        columns = self._rows.columns
        query = select(func.max(columns.epoch)).where(columns.devnet == devnet)
        return (await self._rows.connection.execute(query)).scalar() or 0
