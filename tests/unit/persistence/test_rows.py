"""Records and tables agree: rows become records by position."""

from dataclasses import fields
from typing import Any

import pytest

from control_plane.adapters.persistence import models
from control_plane.adapters.persistence.types import dump_json
from control_plane.domain import records


@pytest.mark.parametrize(
    ("model", "record"),
    [
        (models.Devnet, records.DevnetRecord),
        (models.Step, records.StepRecord),
        (models.Service, records.ServiceRecord),
        (models.Event, records.EventRecord),
        (models.Message, records.MessageRecord),
        (models.Epoch, records.EpochRecord),
        (models.Cursor, records.CursorRecord),
        (models.GuardianSet, records.GuardianSetRecord),
        (models.Guardian, records.GuardianRecord),
        (models.Fault, records.FaultRecord),
        (models.Offence, records.OffenceRecord),
        (models.Idempotency, records.IdempotencyRecord),
    ],
)
def test_columns_have_the_fields_names_and_order(
    model: type[models.Base], record: type[Any]
) -> None:
    assert [c.name for c in model.__table__.columns] == [f.name for f in fields(record)]


def test_every_table_has_a_devnet_or_is_known_not_to() -> None:
    without = {t.name for t in models.Base.metadata.sorted_tables if "devnet" not in t.c}
    assert without == {"devnets", "idempotency_keys"}


def test_json_carries_amounts_in_wei_and_tuples() -> None:
    stake = 10**30
    assert dump_json({"stake": stake, "ports": (1, 2)}) == f'{{"stake":{stake},"ports":[1,2]}}'
    with pytest.raises(TypeError, match="bytes does not belong"):
        dump_json({"key": b"\x00"})
