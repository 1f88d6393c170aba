"""Records and tables agree: rows become records by position."""

from dataclasses import fields
from typing import Any

import pytest
from sqlalchemy import Table

from control_plane.adapters.persistence import tables
from control_plane.adapters.persistence.types import dump_json
from control_plane.domain import records


@pytest.mark.parametrize(
    ("table", "record"),
    [
        (tables.DEVNETS, records.DevnetRecord),
        (tables.STEPS, records.StepRecord),
        (tables.SERVICES, records.ServiceRecord),
        (tables.EVENTS, records.EventRecord),
        (tables.MESSAGES, records.MessageRecord),
        (tables.EPOCHS, records.EpochRecord),
        (tables.CURSORS, records.CursorRecord),
        (tables.GUARDIAN_SETS, records.GuardianSetRecord),
        (tables.GUARDIANS, records.GuardianRecord),
        (tables.FAULTS, records.FaultRecord),
        (tables.OFFENCES, records.OffenceRecord),
        (tables.IDEMPOTENCY_KEYS, records.IdempotencyRecord),
    ],
)
def test_columns_have_the_fields_names_and_order(table: Table, record: type[Any]) -> None:
    assert [c.name for c in table.columns] == [f.name for f in fields(record)]


def test_every_table_has_a_devnet_or_is_known_not_to() -> None:
    without = {t.name for t in tables.METADATA.sorted_tables if "devnet" not in t.c}
    assert without == {"devnets", "idempotency_keys"}


def test_json_carries_amounts_in_wei_and_tuples() -> None:
    stake = 10**30
    assert dump_json({"stake": stake, "ports": (1, 2)}) == f'{{"stake":{stake},"ports":[1,2]}}'
    with pytest.raises(TypeError, match="bytes does not belong"):
        dump_json({"key": b"\x00"})
