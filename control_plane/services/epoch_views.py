"""Epochs as wire models, from records."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from control_plane.domain.plan import Plan
from control_plane.domain.records import EpochRecord
from control_plane.domain.shards import shard_names
from control_plane.schemas.epoch import EpochView, LeafView, ReadsView, ShardView
from control_plane.services.status import moment


def epoch_view(record: EpochRecord, plan: Plan, *, certificate: bool) -> EpochView:
    """With its certificate, shards and reads, or without."""
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
