"""What guardians are or were slashed for, as users see it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from control_plane.domain.network import Keys
from control_plane.domain.plan_json import plan_from_json
from control_plane.domain.ports.store import Database
from control_plane.domain.records import DevnetRecord, OffenceRecord
from control_plane.schemas.offence import OffenceView
from control_plane.services.status import moment


class Devnets(Protocol):
    async def record(self, name: str) -> DevnetRecord:
        """NotFound for a name that is none."""
        ...


@dataclass(frozen=True, slots=True)
class Offences:
    """Implements the API's ``Offences``."""

    devnets: Devnets
    database: Database
    keys: Callable[[str, int], Awaitable[Keys]]
    """Service keys of a devnet, by its name and number of guardians."""

    async def __call__(self, name: str) -> Sequence[OffenceView]:
        """Oldest first."""
        plan = plan_from_json((await self.devnets.record(name)).plan)
        async with self.database.begin() as unit:
            records = await unit.offences.list(name)
            joined = await unit.guardians.list(name)
        if not records:
            return []
        keys = await self.keys(name, plan.metalayer.guardians.count)
        names = {g.account.address.lower(): f"guardian-{g.index}" for g in keys.guardians}
        names |= {one.address.lower(): f"guardian-{one.number}" for one in joined}
        return [_view(record, names) for record in records]


def _view(record: OffenceRecord, names: Mapping[str, str]) -> OffenceView:
    refused = "refused" if record.problem else "found"
    return OffenceView.model_validate(
        {
            "id": record.id,
            "guardian": names.get(record.guardian, record.guardian),
            "address": record.guardian,
            "kind": record.kind,
            "epoch": record.epoch,
            "state": "slashed" if record.tx else refused,
            "found_at": datetime.fromtimestamp(record.found_at, UTC),
            "slashed_at": moment(record.slashed_at),
            "amount": None if record.amount is None else str(record.amount),
            "reward": None if record.reward is None else str(record.reward),
            "reporter": record.reporter,
            "tx": record.tx,
            "problem": record.problem,
        }
    )
