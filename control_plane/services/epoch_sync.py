"""What a light client has to check to get from one epoch to the newest, and whether it holds."""

from collections.abc import Sequence
from dataclasses import dataclass

from control_plane.domain.abi_formats import decode_certificate, decode_rotation
from control_plane.domain.errors import Conflict, NotFound
from control_plane.domain.formats import EpochHeader, GuardianSet, Member
from control_plane.domain.light_client import LightClient, NotFollowed
from control_plane.domain.ports.store import Database
from control_plane.domain.quorum import QuorumError
from control_plane.domain.records import EpochRecord, GuardianSetRecord
from control_plane.schemas.epoch import EpochSyncView

_MOST = 5000
"""Epochs that are looked at; more are not kept."""


@dataclass(frozen=True, slots=True)
class History:
    """What the database has of a devnet's epochs."""

    epochs: tuple[EpochRecord, ...]
    """Certified ones, from the newest to the one that is trusted."""
    sets: tuple[GuardianSetRecord, ...]
    """By id."""


async def read_history(database: Database, devnet: str, since: int | None) -> History:
    """All from epoch `since` on, the oldest that is kept when None. NotFound."""
    async with database.begin() as unit:
        found = await unit.epochs.list(devnet, limit=_MOST)
        sets = await unit.guardian_sets.list(devnet)
    certified = [record for record in found if record.certificate is not None]
    if not certified:
        raise NotFound(f"{devnet} has no certified epoch yet", "", "Is it ready? `caldera status`")
    oldest = certified[-1].epoch if since is None else since
    kept = tuple(record for record in certified if record.epoch >= oldest)
    if not kept or kept[-1].epoch != oldest:
        raise NotFound(
            f"No certified epoch {oldest} in {devnet}",
            f"those that are kept lie between {certified[-1].epoch} and {certified[0].epoch}",
            "`caldera epoch ls` lists them.",
        )
    return History(kept, tuple(sets))


def sync(network_id: bytes, history: History) -> EpochSyncView:
    """Follow from the oldest epoch of `history` to its newest as a light client would that trusts
    the oldest. Conflict names what does not hold. Takes about 5 ms for each signature."""
    newest, trusted = history.epochs[0], history.epochs[-1]
    header = EpochHeader.from_json(trusted.header)
    client = LightClient(network_id, _set_of(history.sets, header.set_id), header)
    try:
        client, changes = _follow_sets(client, history.sets, int(newest.header["setId"]))
        certificates = 0
        if newest.epoch > trusted.epoch:
            client = client.follow(decode_certificate(bytes.fromhex(_text(newest)[2:])))
            certificates = 1
        below = [EpochHeader.from_json(record.header) for record in history.epochs[1:]]
        links = client.check_links(below)
    except (NotFollowed, QuorumError) as error:
        raise Conflict(
            "The epochs do not hold together",
            f"{type(error).__name__}: {error}",
            "Somebody changed the records, or the guardians misbehaved: see `caldera events`.",
        ) from error
    return EpochSyncView(
        since=trusted.epoch,
        newest=newest.epoch,
        header_hash="0x" + (client.header_hash or b"").hex(),
        aggregate_root=str(newest.header["aggregateRoot"]),
        set_id=client.guardian_set.set_id,
        certificates_checked=certificates,
        set_changes_checked=changes,
        headers_linked=links,
    )


def _text(record: EpochRecord) -> str:
    if record.certificate is None:
        raise ValueError(f"epoch {record.epoch} is not certified")
    return record.certificate


def _follow_sets(
    client: LightClient, sets: Sequence[GuardianSetRecord], last: int
) -> tuple[LightClient, int]:
    """Over all sets up to `last`; how many changes were checked."""
    count = 0
    for record in sets:
        if not client.guardian_set.set_id < record.set_id <= last:
            continue
        if record.rotation is None:
            raise NotFollowed(
                f"guardian set {record.set_id} was installed by the governor's word: whoever "
                "trusts the guardians alone begins anew behind it"
            )
        client = client.take_over(*decode_rotation(bytes.fromhex(record.rotation[2:])))
        count += 1
    return client, count


def _set_of(sets: Sequence[GuardianSetRecord], set_id: int) -> GuardianSet:
    for record in sets:
        if record.set_id == set_id:
            return GuardianSet.of(set_id, [Member.from_json(member) for member in record.members])
    raise NotFound(f"Guardian set {set_id} is not known", "", "`caldera guardian ls`")
