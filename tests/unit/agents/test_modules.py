"""Proofs for recipients with a module of their own, by a chain and validators that are fakes."""

from collections.abc import Sequence
from typing import Any

import pytest

from control_plane.domain.hyperlane import Checkpoint, SignedCheckpoint, metadata, set_arguments
from control_plane.domain.records import MessageRecord
from control_plane.domain.rpc import RpcError
from control_plane.services.metalayer import moves
from control_plane.services.metalayer.modules import Modules
from control_plane.services.metalayer.outbox import Waiting
from tests.unit.agents.messages import CONTRACTS, DEVNET, seen

PLAIN, GUARDED, BROKEN = ("0x" + byte * 20 for byte in ("11", "12", "13"))
DEFAULT, MULTISIG = ("0x" + byte * 20 for byte in ("21", "22"))
VALIDATORS = tuple("0x" + f"{i:02x}" * 20 for i in (0x31, 0x32, 0x33, 0x34))
OF_RECIPIENT = {PLAIN: DEFAULT, GUARDED: MULTISIG}


class Chain:
    """Answers what modules are asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        raise NotImplementedError

    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], timeout: float | None = None
    ) -> list[Any]:
        return [self._answer(params[0]["to"], params[0]["data"]) for _, params in calls]

    def _answer(self, to: str, data: str) -> Any:
        self.asked.append(to)
        if to == CONTRACTS["mailbox"]:
            module = OF_RECIPIENT.get("0x" + data[-40:])
            return "0x" + module[2:].rjust(64, "0") if module else RpcError("reverted")
        if to == DEFAULT:
            return "0x" + "00" * 32 if len(data) == 10 else RpcError("reverted")
        if len(data) == 10:
            return "0x" + "5".rjust(64, "0")
        return "0x" + set_arguments([bytes.fromhex(v[2:]) for v in VALIDATORS]).hex()


class Shelf:
    def __init__(self) -> None:
        self.signed: dict[str, SignedCheckpoint] = {}

    async def find(self, validator: str, origin: int, index: int) -> SignedCheckpoint | None:
        assert (origin, index) == (901, 0)
        return self.signed.get(validator)


def waiting(recipient: str) -> Waiting:
    record = moves.dispatched(DEVNET, seen(0, to=recipient), None, None, 1.0)
    return Waiting(record, "kind", 0.0)


def signature(
    record: MessageRecord, signer: int, *, root: bytes = b"\x01" * 32
) -> SignedCheckpoint:
    checkpoint = Checkpoint(b"\x0a" * 20, 901, root, 0, bytes.fromhex(record.id[2:]))
    return SignedCheckpoint(checkpoint, bytes([signer]) * 65)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture
def modules(chain: Chain, shelf: Shelf) -> Modules:
    return Modules(chain, CONTRACTS["mailbox"], shelf)


async def test_others_want_meta_proofs(modules: Modules, chain: Chain) -> None:
    entries = [waiting(PLAIN), waiting(BROKEN)]
    assert await modules.prove(entries) == {}
    assert [entry.proof for entry in entries] == [None, None]
    asked = len(chain.asked)
    await modules.prove(entries)
    assert len(chain.asked) == asked, "what is known is not asked again"
    entries[0].suspect = True
    await modules.prove(entries)
    assert len(chain.asked) == asked + 1, "unless it failed"


async def test_a_quorum_in_the_order_of_the_set(modules: Modules, shelf: Shelf) -> None:
    entry = waiting(GUARDED)
    reasons = await modules.prove([entry])
    (reason,) = reasons.values()
    assert reason.startswith("its checkpoint has 0 of 3 signatures; none by 0x31")
    assert modules.waiting == {entry.record.id}

    signed = [signature(entry.record, i) for i in range(4)]
    for at in (3, 0, 1):
        shelf.signed[VALIDATORS[at]] = signed[at]
    assert await modules.prove([entry]) == {}
    assert entry.proof == metadata([signed[0], signed[1], signed[3]])
    assert modules.waiting == set()
    shelf.signed[VALIDATORS[2]] = signed[2]
    await modules.prove([entry])
    assert entry.proof == metadata(signed[:3]), "no more than the threshold"


async def test_a_liar_does_not_spoil_a_quorum(modules: Modules, shelf: Shelf) -> None:
    entry = waiting(GUARDED)
    signed = [signature(entry.record, i) for i in range(4)]
    shelf.signed = dict(zip(VALIDATORS, signed, strict=True))
    shelf.signed[VALIDATORS[0]] = signature(entry.record, 0, root=b"\x02" * 32)
    assert await modules.prove([entry]) == {}
    assert entry.proof == metadata(signed[1:])


async def test_after_a_reorg_the_reason_says_so(modules: Modules, shelf: Shelf) -> None:
    entry = waiting(GUARDED)
    before = moves.dispatched(DEVNET, seen(7, to=GUARDED), None, None, 1.0)
    for at in (0, 1):
        shelf.signed[VALIDATORS[at]] = signature(before, at)
    shelf.signed[VALIDATORS[2]] = signature(entry.record, 2)
    (reason,) = (await modules.prove([entry])).values()
    assert reason == (
        "its checkpoint has 1 of 3 signatures; 2 validators signed another message in its place, "
        f"before a reorg; none by {VALIDATORS[3]}"
    )
