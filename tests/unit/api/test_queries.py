"""Messages, epochs, guardians and contracts out of a real database."""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from control_plane.adapters.persistence.database import SqlDatabase, open_database
from control_plane.domain.errors import InvalidInput, NotFound
from control_plane.domain.ids import Hex
from control_plane.domain.network import GuardianKeys, Keys
from control_plane.domain.plan_json import plan_to_json
from control_plane.domain.planner import make_plan
from control_plane.domain.ports.node import Account
from control_plane.domain.records import DevnetRecord, EpochRecord, MessageRecord
from control_plane.domain.states import Desired, DevnetState, MessageState, ServiceState
from control_plane.schemas.spec import MetalayerSpec, RollupSpec, Spec
from control_plane.services.accounts_view import AccountsOf
from control_plane.services.queries import MessageFilter, Queries
from control_plane.services.supervisor import AgentView
from control_plane.services.unknown import not_found

ACCOUNT = Account(Hex("0x" + "11" * 20), b"\x01" * 32)
WORD = "0x" + "ab" * 32
SPEC = Spec(
    version=1,
    name="shop",
    rollups=(RollupSpec(name="op"), RollupSpec(name="zk", domain=77)),
    metalayer=MetalayerSpec(guardians=2),
)


class OneDevnet:
    async def record(self, name: str) -> DevnetRecord:
        if name != "shop":
            raise not_found("devnet", name, ["shop"])
        plan = plan_to_json(make_plan(SPEC))
        spec = SPEC.model_dump(mode="json")
        return DevnetRecord("shop", WORD, spec, plan, DevnetState.READY, Desired.RUNNING, 0.0, "0")

    def agents(self, name: str) -> Sequence[AgentView]:
        return [AgentView("guardian-1", ServiceState.READY, None, 0)]


def message(number: int, origin: int, destination: int, state: MessageState) -> MessageRecord:
    return MessageRecord(
        devnet="shop",
        id=f"0x{number:064x}",
        origin=origin,
        destination=destination,
        nonce=number,
        sender=WORD,
        recipient=WORD,
        raw="0x" + "00" * 77 + "beef",
        tree_index=number,
        origin_tx=WORD,
        origin_block=2,
        origin_block_hash=WORD,
        dispatched_at=1000.0 + number,
        state=state,
        delivered_at=1000.5 + number if state is MessageState.DELIVERED else None,
    )


def epoch(number: int, *, signers: tuple[int, ...]) -> EpochRecord:
    leaf = {
        "domain": 77,
        "blockNumber": 1,
        "blockHash": WORD,
        "stateRoot": WORD,
        "messageRoot": WORD,
        "messageCount": 0,
        "finality": 0,
    }
    header = {
        "setId": 1,
        "epoch": number,
        "timestamp": 1000,
        "parentHash": WORD,
        "aggregateRoot": WORD,
    }
    certified = bool(signers)
    return EpochRecord(
        devnet="shop",
        epoch=number,
        header=header,
        header_hash=WORD,
        leaves=(leaf,),
        created_at=1000.0,
        certificate="0x00" if certified else None,
        certified_at=1001.0 if certified else None,
        signers=signers,
    )


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqlDatabase]:
    made = await open_database(f"sqlite:///{tmp_path / 'caldera.db'}")
    async with made.begin() as unit:
        await unit.devnets.add(await OneDevnet().record("shop"))
        await unit.messages.put_many(
            [
                message(1, 901, 77, MessageState.DELIVERED),
                message(2, 77, 901, MessageState.FAILING),
                message(3, 999, 901, MessageState.DISPATCHED),
            ]
        )
        await unit.epochs.put(epoch(1, signers=(0, 1)))
        await unit.epochs.put(epoch(2, signers=(1,)))
        await unit.epochs.put(epoch(3, signers=()))
    yield made
    await made.close()


@pytest.fixture
def queries(database: SqlDatabase, tmp_path: Path) -> Queries:
    artifacts = tmp_path / "artifacts"
    artifacts.mkdir()
    (artifacts / "Mailbox.json").write_text(json.dumps({"abi": [{"type": "receive"}]}))

    async def keys(_: str, count: int) -> Keys:
        guardians = tuple(GuardianKeys(i, ACCOUNT, bytes([i]) * 32) for i in range(count))
        return Keys(ACCOUNT, ACCOUNT, ACCOUNT, ACCOUNT, guardians)

    return Queries(
        devnets=OneDevnet(),
        database=database,
        keys=keys,
        born=lambda _: {"mailbox": Hex("0x" + "22" * 20), "era": Hex("0x" + "33" * 20)},
        accounts_of=AccountsOf(lambda _, count: [ACCOUNT] * count),
        artifacts=artifacts,
    )


async def test_messages_by_state_and_by_chain_of_either_name(queries: Queries) -> None:
    every = await queries.messages("shop", MessageFilter())
    assert [view.nonce for view in every] == [3, 2, 1]
    assert every[2].body == "0xbeef"
    assert every[2].latency_ms == 500.0
    for origin in ("zk", "77"):
        found = await queries.messages("shop", MessageFilter(origin=origin))
        assert [view.nonce for view in found] == [2]
    removed = await queries.messages("shop", MessageFilter(origin="999"))
    assert [view.nonce for view in removed] == [3]
    failing = await queries.messages("shop", MessageFilter(state=MessageState.FAILING))
    assert [view.nonce for view in failing] == [2]
    with pytest.raises(InvalidInput, match="zz"):
        await queries.messages("shop", MessageFilter(destination="zz"))
    with pytest.raises(NotFound):
        await queries.messages("shp", MessageFilter())


async def test_epochs_name_their_chains_and_show_one_certificate(queries: Queries) -> None:
    listed = await queries.epochs("shop", limit=2, before=None)
    assert [(view.epoch, view.certified, view.certificate) for view in listed] == [
        (3, False, None),
        (2, True, None),
    ]
    latest = await queries.epoch("shop", "latest")
    assert (latest.epoch, latest.certificate, latest.leaves[0].chain) == (2, "0x00", "zk")
    with pytest.raises(NotFound):
        await queries.epoch("shop", 4)


async def test_guardians_tell_when_they_last_signed(queries: Queries) -> None:
    first, second = await queries.guardians("shop")
    assert (first.state, first.last_signed_epoch, first.share) == ("stopped", 1, 0.5)
    assert (second.state, second.last_signed_epoch, second.stake) == ("ready", 2, "100000")
    assert first.bls_key is not None
    assert len(first.bls_key) == 2 + 256
    assert (await queries.guardian("shop", "guardian-1")).index == 1
    with pytest.raises(NotFound):
        await queries.guardian("shop", "2")


async def test_contracts_say_where_they_are(queries: Queries) -> None:
    era, mailbox = await queries.contracts("shop", abi=True)
    assert (era.chains, era.abi) == (("l1",), None)
    assert (mailbox.name, mailbox.chains) == ("Mailbox", ("l1", "op", "zk"))
    assert mailbox.abi == [{"type": "receive"}]
