"""Hyperlane's formats, by vectors that its own SDK made."""

import json
from pathlib import Path
from typing import Any

import pytest

from control_plane.adapters.evm.signer import account, sign_digest
from control_plane.domain.hyperlane import (
    Announcement,
    Checkpoint,
    SignedCheckpoint,
    Site,
    metadata,
    threshold,
)

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "hyperlane.json").read_text()
)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def checkpoint_of(vector: dict[str, Any]) -> Checkpoint:
    told = vector["checkpoint"]
    return Checkpoint(
        hook=_bytes(VECTORS["hook"]),
        domain=told["mailbox_domain"],
        root=_bytes(told["root"]),
        index=told["index"],
        message_id=_bytes(vector["id"]),
    )


@pytest.mark.parametrize(
    "vector", VECTORS["checkpoints"], ids=lambda v: f"index {v['checkpoint']['index']}"
)
def test_checkpoints_are_signed_as_the_sdk_does(vector: dict[str, Any]) -> None:
    digest = checkpoint_of(vector).digest
    made = [sign_digest(_bytes(key), digest) for key in VECTORS["keys"]]
    assert ["0x" + signature.hex() for signature in made] == vector["signatures"]


def test_announcements_are_signed_as_the_sdk_does() -> None:
    key = _bytes(VECTORS["keys"][0])
    for vector in VECTORS["announcements"]:
        announcement = Announcement(
            validator=_bytes(account(key).address),
            mailbox=_bytes(VECTORS["mailbox"]),
            domain=VECTORS["origin"],
            location=vector["storageLocation"],
        )
        signature = sign_digest(key, announcement.digest)
        assert "0x" + signature.hex() == vector["signature"]
        assert announcement.to_json(signature)["value"]["storage_location"] == announcement.location


def test_json_is_what_agents_store() -> None:
    vector = VECTORS["checkpoints"][2]
    checkpoint = checkpoint_of(vector)
    signed = SignedCheckpoint(checkpoint, _bytes(vector["signatures"][0]))
    value = signed.to_json()
    assert value["value"]["checkpoint"] == vector["checkpoint"] | {
        "merkle_tree_hook_address": vector["checkpoint"]["merkle_tree_hook_address"].lower()
    }
    assert value["value"]["message_id"] == vector["id"]
    assert SignedCheckpoint.from_json(json.loads(json.dumps(value))) == signed


@pytest.mark.parametrize(
    "spoil",
    [
        lambda value: value.pop("serialized_signature"),
        lambda value: value["value"].update(message_id="0x00"),
        lambda value: value["value"]["checkpoint"].update(index=None),
        lambda value: value.update(value=3),
    ],
)
def test_other_json_is_refused(spoil: Any) -> None:
    vector = VECTORS["checkpoints"][0]
    value = SignedCheckpoint(checkpoint_of(vector), _bytes(vector["signatures"][0])).to_json()
    spoil(value)
    with pytest.raises((ValueError, KeyError, TypeError)):
        SignedCheckpoint.from_json(value)


def test_metadata_is_one_checkpoint_and_its_signatures() -> None:
    first, second, _ = VECTORS["checkpoints"]
    signed = [
        SignedCheckpoint(checkpoint_of(first), _bytes(text)) for text in first["signatures"][:2]
    ]
    told = first["checkpoint"]
    assert metadata(signed) == (
        _bytes(told["merkle_tree_hook_address"])
        + _bytes(told["root"])
        + bytes(4)
        + _bytes(first["signatures"][0])
        + _bytes(first["signatures"][1])
    )
    other = SignedCheckpoint(checkpoint_of(second), _bytes(second["signatures"][0]))
    with pytest.raises(ValueError, match="different"):
        metadata([signed[0], other])


@pytest.mark.parametrize(
    ("validators", "needed"), [(1, 1), (2, 2), (3, 3), (4, 3), (7, 5), (16, 11)]
)
def test_threshold_is_more_than_two_thirds(validators: int, needed: int) -> None:
    assert threshold(validators) == needed
    assert 3 * needed > 2 * validators >= 3 * (needed - 1)


def test_addresses_depend_on_the_set_only_where_they_must() -> None:
    factory = "0x" + "11" * 20
    few, many = Site.of(factory, [b"\x01" * 20]), Site.of(factory, [b"\x01" * 20, b"\x02" * 20])
    assert few.module != many.module
    assert (few.factory, few.announce, few.recipient) == (
        many.factory,
        many.announce,
        many.recipient,
    )
    assert len({*few.contracts().values()}) == 5
