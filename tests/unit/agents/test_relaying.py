"""Which epoch proves a message, what goes into a batch, and what is said of failures."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from eth_abi import encode  # type: ignore[attr-defined]
from eth_abi.abi import decode as abi_decode

from control_plane.domain.abi_formats import GROUP_TYPE, ITEM_TYPE, PROCESS_GROUPS
from control_plane.domain.aggregate import Aggregate
from control_plane.domain.formats import Leaf
from control_plane.domain.hashing import keccak256
from control_plane.domain.ids import Domain
from control_plane.domain.merkle import MessageTree
from control_plane.domain.ports.store import Database
from control_plane.domain.records import MessageRecord
from control_plane.domain.rpc import RpcError
from control_plane.services.metalayer.attempts import Trial, explain, read_outcome
from control_plane.services.metalayer.coverage import CertifiedEpoch, Coverage, Trees
from control_plane.services.metalayer.gas import (
    GasTable,
    Need,
    RouterCall,
    handle_calldata,
    most_for_one,
    router_call,
    unpaid,
)
from control_plane.services.metalayer.outbox import MOST_ITEMS, Outbox, Ready, pack
from tests.unit.agents.messages import CONTRACTS, delivery_log, message_id, raw_message, record

ROUTER = CONTRACTS["metalayerRouter"]
MODULE = CONTRACTS["aggregateRootIsm"]
NEED = Need(150_000, 200_000, MODULE)


def trees_of(messages: Sequence[MessageRecord]) -> Trees:
    trees = Trees(cast(Database, None), "unit")
    trees._trees[901] = MessageTree(bytes.fromhex(m.id[2:]) for m in messages)
    return trees


def epoch(number: int, tree: MessageTree, count: int) -> CertifiedEpoch:
    leaf = Leaf(Domain(901), number, bytes(32), bytes(32), tree.root(count), count)
    other = Leaf(Domain(902), number, bytes(32), bytes(32), MessageTree().root(), 0)
    return CertifiedEpoch(number, Aggregate.of([leaf, other]), b"\0" * 64)


def world(count: int = 10) -> tuple[list[MessageRecord], MessageTree, Coverage]:
    messages = [record(number) for number in range(count)]
    trees = trees_of(messages)
    return messages, trees.of(901), Coverage(trees)


# ---------------------------------------------------------------- coverage


def test_an_epoch_that_the_destination_knows_is_preferred() -> None:
    messages, tree, coverage = world()
    for number, count in ((3, 4), (5, 8)):
        coverage.add(epoch(number, tree, count))
    choice = coverage.choose(901, {3})
    found = [choice.epoch_for(m.tree_index) for m in messages]
    assert [e and e.number for e in found] == [3, 3, 3, 3, 5, 5, 5, 5, None, None]


def test_proofs_lead_to_the_aggregate_root() -> None:
    messages, tree, coverage = world()
    certified = epoch(3, tree, 7)
    coverage.add(certified)
    choice = coverage.choose(901, set())
    leaf = certified.aggregate.leaf(Domain(901))
    assert leaf is not None
    proof = certified.aggregate.prove(3, tree, 6, leaf)
    assert choice.metadata(certified, 6, 901) == proof.encode()
    assert proof.aggregate_root(bytes.fromhex(messages[6].id[2:])) == certified.aggregate.root


def test_an_epoch_over_another_tree_proves_nothing() -> None:
    """After a reorg the leaf speaks of messages that are gone."""
    _, _, coverage = world()
    other = MessageTree([keccak256(b"%d" % number) for number in range(10)])
    coverage.add(epoch(3, other, 5))
    assert coverage.choose(901, {3}).epoch_for(0) is None


def test_an_epoch_ahead_of_the_indexer_proves_nothing_yet() -> None:
    _, tree, coverage = world(3)
    longer = MessageTree(tree.leaf(index) for index in range(3))
    longer.append(keccak256(b"not indexed yet"))
    coverage.add(epoch(3, longer, 4))
    assert coverage.choose(901, ()).epoch_for(0) is None


async def test_trees_pass_over_what_they_have() -> None:
    messages = [record(number) for number in range(4)]
    trees = trees_of(messages[:2])
    await trees.append(901, messages[1:])
    assert len(trees.of(901)) == 4


# ---------------------------------------------------------------- batches


def ready(count: int, coverage: Coverage, messages: Sequence[MessageRecord]) -> list[Ready]:
    outbox = Outbox(GasTable(ROUTER).kind_of)
    outbox.put(messages[:count])
    return outbox.ready(coverage, (), 0.0)


def test_certificates_ride_with_the_first_batch_that_needs_them() -> None:
    messages, tree, coverage = world(3 * MOST_ITEMS)
    coverage.add(epoch(3, tree, 3 * MOST_ITEMS))
    entries = [(entry, NEED) for entry in ready(3 * MOST_ITEMS, coverage, messages)]
    batches = list(pack(entries, (), 10**9))
    assert [len(batch.ready) for batch in batches] == [MOST_ITEMS] * 3
    assert [len(batch.certificates) for batch in batches] == [1, 0, 0]
    known = list(pack(entries, {3}, 10**9))
    assert [len(batch.certificates) for batch in known] == [0, 0, 0]


def test_batches_are_bounded_by_gas() -> None:
    messages, tree, coverage = world()
    coverage.add(epoch(3, tree, 10))
    entries = [(entry, NEED) for entry in ready(10, coverage, messages)]
    batches = list(pack(entries, (), 700_000))
    assert [len(batch.ready) for batch in batches] == [3, 3, 3, 1]
    huge = [(entries[0][0], Need(10**8, 10**8)), *entries[1:]]
    assert len(next(iter(pack(huge, (), 700_000))).ready) == 1


def test_messages_of_one_module_epoch_and_limit_share_a_proof() -> None:
    messages, tree, coverage = world()
    coverage.add(epoch(3, tree, 10))
    needs = [NEED] * 6 + [Need(1, 400_000, MODULE)] * 2 + [Need(1, 200_000, "0x" + "55" * 20)] * 2
    entries = list(zip(reversed(ready(10, coverage, messages)), needs, strict=True))
    (batch,) = pack(entries, {3}, 10**9, MODULE)
    data = batch.calldata()
    groups, items = abi_decode(
        [f"{GROUP_TYPE}[]", f"{ITEM_TYPE}[]"], _without_certificates(data[4:])
    )
    assert data[:4] == PROCESS_GROUPS
    assert [(group[1], len(group[3])) for group in groups] == [(200_000, 6), (400_000, 2)]
    assert [keccak256(m).hex() for m in groups[0][3]] == [m.id[2:] for m in messages[4:]]
    assert len(items) == 2
    (plain,) = pack(entries, {3}, 10**9)
    assert plain.calldata()[:4] != PROCESS_GROUPS


def test_modules_that_ask_the_shared_one_share_too_but_not_across_finality_nor_with_reads() -> None:
    messages, tree, coverage = world()
    coverage.add(epoch(3, tree, 10))
    entries = ready(10, coverage, messages)
    asking = "0x" + "66" * 20
    for entry in entries[:3]:
        entry.waiting.record = replace(entry.waiting.record, finality=1)
    entries[4].waiting.record = replace(entries[4].waiting.record, reads=1)
    sharing = [entry for entry in entries if not entry.waiting.record.reads]
    pairs = [(entry, Need(1, 200_000, asking)) for entry in sharing]
    (batch,) = pack(pairs, {3}, 10**9, MODULE, frozenset({asking}))
    groups, items = abi_decode(
        [f"{GROUP_TYPE}[]", f"{ITEM_TYPE}[]"], _without_certificates(batch.calldata()[4:])
    )
    assert sorted(len(group[3]) for group in groups) == [3, 6]
    assert items == ()
    (alone,) = pack(pairs, {3}, 10**9, MODULE)
    assert alone.calldata()[:4] != PROCESS_GROUPS


def _without_certificates(arguments: bytes) -> bytes:
    """The two arrays alone: offsets count from the first argument's word."""
    offsets = [int.from_bytes(arguments[at : at + 32]) - 32 for at in (32, 64)]
    return b"".join(offset.to_bytes(32) for offset in offsets) + arguments[96:]


def test_messages_that_no_block_holds_are_known_beforehand() -> None:
    assert most_for_one(1000, 30_000_000) < 26_500_000
    assert most_for_one(1000, 500_000) == 0
    for limit in (100_000, 5_000_000, most_for_one(600, 30_000_000)):
        need = Need.of(limit + 100_000, RouterCall(limit, "", "", bytes(200)))
        assert limit * (64 / 63) ** 4 + 100_000 < need.limit
        assert need.limit * 64 // 63 + 1_000_000 < 30_000_000


def test_what_is_under_way_or_not_due_is_left_alone() -> None:
    messages, tree, coverage = world(4)
    coverage.add(epoch(3, tree, 4))
    outbox = Outbox(GasTable(ROUTER).kind_of)
    outbox.put([messages[0], replace(messages[1], attempts=1, next_attempt_at=50.0), messages[2]])
    busy = outbox.get(messages[0].id)
    assert busy is not None
    busy.busy = True
    assert [entry.id for entry in outbox.ready(coverage, (), 10.0)] == [messages[2].id]
    assert outbox.next_due(10.0) == 50.0
    outbox.replace([messages[0], messages[3]])
    assert outbox.get(messages[0].id) is busy
    assert [entry.id for entry in outbox.ready(coverage, (), 60.0)] == [messages[3].id]


# ---------------------------------------------------------------- gas


def routed(data: bytes, gas_limit: int) -> MessageRecord:
    types = [
        "uint8", "uint8", "uint256", "bytes32", "bytes32", "(uint32,address,bytes)[]", "bytes",
    ]  # fmt: skip
    body = encode(types, [1, 0, gas_limit, b"\x33" * 32, b"\x44" * 32, [], data])
    return record(0, body=body, to=ROUTER)


def test_router_messages_are_understood() -> None:
    call = router_call(routed(b"payload", 90_000), ROUTER)
    assert call == RouterCall(90_000, "0x" + "33" * 32, "0x" + "44" * 32, b"payload")
    assert router_call(record(0), ROUTER) is None
    assert router_call(record(0, body=b"short", to=ROUTER), ROUTER) is None


def test_the_recipients_call_is_encoded_as_the_abi_says() -> None:
    call = RouterCall(1, "0x" + "33" * 32, "0x" + "44" * 32, b"x" * 40)
    types = ["uint32", "bytes32", "bytes", "(uint32,address,bytes)[]", "bytes[]"]
    assert handle_calldata(901, call)[4:] == encode(types, [901, b"\x33" * 32, b"x" * 40, [], []])


def test_a_router_message_is_given_its_whole_limit() -> None:
    table = GasTable(ROUTER)
    message = routed(b"payload", 1_000_000)
    need = table.learn(message, 180_000, MODULE)
    assert 1_000_000 + 180_000 < need.limit < 1_400_000
    assert need.module == MODULE
    assert table.get(table.kind_of(routed(b"another", 1_000_000))) == need
    assert table.get(table.kind_of(routed(b"payload", 2_000_000))) is None
    table.forget(message)
    assert table.is_bad(table.kind_of(message))


def test_unpaid_gas_is_told_with_both_numbers() -> None:
    assert unpaid(replace(record(0), gas_paid=90_000), 150_000) is None
    assert unpaid(record(0), 75_000) is None
    assert unpaid(record(0), 150_000) == (
        "gas unpaid: 0 of about 75000 is paid, 75000 missing; "
        "`caldera message pay` brings the rest to the gas paymaster"
    )


# ---------------------------------------------------------------- outcomes and reasons


def test_a_batchs_logs_tell_what_became_of_each_message() -> None:
    failed = "0x" + "fa" * 32
    log = {
        "address": CONTRACTS["batchProcessor"],
        "topics": ["0x" + keccak256(b"MessageFailed(bytes32,bytes)").hex(), failed],
        "data": "0x" + encode(["bytes"], [b"\x01\x02\x03\x04"]).hex(),
    }
    foreign = delivery_log("0x" + "ff" * 32) | {"address": "0x" + "99" * 20}
    done = message_id(raw_message(0))
    outcome = read_outcome([delivery_log(done), foreign, log], CONTRACTS)
    assert outcome.processed == {done}
    assert outcome.failed == {failed: "0x01020304"}


class Estimator:
    """A node that only estimates gas."""

    def __init__(self, answer: int | None) -> None:
        self._answer = answer

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        assert method == "eth_estimateGas"
        if self._answer is None:
            raise RpcError("eth_estimateGas was refused")
        return hex(self._answer)

    async def batch(self, calls: Any, timeout: float | None = None) -> list[Any]:
        raise AssertionError


async def reason(
    message: MessageRecord, revert: bytes, *, used: int = 0, estimate: int | None = None
) -> str:
    trial = Trial(used, "0x" + revert.hex())
    node = Estimator(estimate)
    return await explain(node, lambda data: f"<{data}>", message, trial, 1_000_000, CONTRACTS)


def recipient_reverted(data: bytes) -> bytes:
    return keccak256(b"RecipientReverted(bytes)")[:4] + encode(["bytes"], [data])


async def test_reasons_name_recipient_and_amounts() -> None:
    plain, by_router = record(0), routed(b"payload", 90_000)
    to, inner = "0x" + "11" * 20, "0x" + "44" * 20
    assert await reason(plain, b"\x01\x02\x03\x04") == "<0x01020304>"
    assert await reason(plain, b"") == f"recipient {to} reverted without a reason"
    ran_out = await reason(plain, b"", used=990_000)
    assert ran_out == f"recipient {to} ran out of gas, with 1000000 given"
    assert await reason(by_router, recipient_reverted(b"\xaa\xbb\xcc\xdd")) == (
        f"recipient {inner} reverted: <0xaabbccdd>"
    )
    too_little = await reason(by_router, recipient_reverted(b""), estimate=200_000)
    assert too_little.startswith(f"recipient {inner} ran out of gas: it needs about 17")
    assert too_little.endswith("the sender's limit is 90000")
    assert await reason(by_router, recipient_reverted(b"")) == (
        f"recipient {inner} reverted without a reason"
    )
