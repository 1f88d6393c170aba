"""What guardians refuse to sign, asked directly, against real chains."""

from dataclasses import replace

import pytest

from control_plane.agents.guardian import Guardian
from control_plane.domain.aggregate import Aggregate
from control_plane.domain.formats import EpochHeader, Finality, Leaf
from control_plane.domain.ids import Domain
from control_plane.domain.ports.metalayer import Refusal
from tests.integration.metalayer.lab import Lab
from tests.integration.metalayer.recorded import leaf_of

pytestmark = pytest.mark.integration

FAR = 10_000
"""An epoch number that the running aggregator does not reach."""


@pytest.fixture
async def guardian(lab: Lab) -> Guardian:
    await lab.supervisor.hold("aggregator")
    tx = await lab.dispatch("op", "arb", b"so that a tree is not empty")
    await lab.message_id("op", tx)
    agents = lab.supervisor._agents
    found = agents["guardian-0"].agent
    assert isinstance(found, Guardian)
    return found


def header(leaves: list[Leaf], epoch: int = FAR, **changes: object) -> EpochHeader:
    plain = EpochHeader(1, epoch, 1_700_000_000, bytes(32), Aggregate.of(leaves).root)
    return replace(plain, **changes)  # type: ignore[arg-type]


async def test_a_true_leaf_is_signed_and_verifies(lab: Lab, guardian: Guardian) -> None:
    from control_plane.domain import bls

    leaves = [await leaf_of(lab, "op"), await leaf_of(lab, "arb")]
    proposed = header(leaves)
    answer = await guardian.check_and_sign(proposed, leaves, None)
    assert isinstance(answer, bytes)
    key = bls.SecretKey(lab.keys.guardians[0].bls_seed).key
    assert bls.verify(key, proposed.hash(lab.network.network_id), answer)
    # the same header may be asked for again by nobody: its number is used up
    again = await guardian.check_and_sign(replace(proposed, timestamp=1), leaves, None)
    assert again == Refusal(f"epoch {FAR} is not above {FAR}, which was voted on")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"message_count": 7}, "the leaf counts 7 messages, the chain 1"),
        ({"message_root": b"\x01" * 32}, "the leaf's message root is not the chain's"),
        ({"state_root": b"\x02" * 32}, "the leaf's state root is not that of block"),
        ({"block_hash": b"\x03" * 32}, "its node does not know block"),
        ({"block_number": 1}, "the leaf says block 1, its header"),
        ({"finality": Finality.FINALIZED}, "is not final"),
        ({"domain": Domain(77)}, "domain 77 is no chain of this devnet"),
    ],
)
async def test_a_false_leaf_is_refused(
    lab: Lab, guardian: Guardian, change: dict[str, object], reason: str
) -> None:
    leaf = replace(await leaf_of(lab, "op"), **change)  # type: ignore[arg-type]
    answer = await guardian.check_and_sign(header([leaf]), [leaf], None)
    assert isinstance(answer, Refusal)
    assert reason in answer.reason


async def test_a_leaf_of_another_chain_is_refused(lab: Lab, guardian: Guardian) -> None:
    leaf = replace(await leaf_of(lab, "op"), domain=lab.network.chain("arb").domain)
    answer = await guardian.check_and_sign(header([leaf]), [leaf], None)
    assert isinstance(answer, Refusal)
    assert "arb: its node does not know block" in answer.reason


async def test_false_headers_are_refused(lab: Lab, guardian: Guardian) -> None:
    leaves = [await leaf_of(lab, "op")]
    parent = header(leaves, FAR + 5)
    cases = {
        "guardian set 2 is not the current one, 1": (header(leaves, set_id=2), None),
        "its root is not that of its leaves in their shards": (
            header(leaves, aggregate_root=Aggregate.of(leaves, {leaves[0].domain: 7}).root),
            None,
        ),
        "its parent is another epoch": (header(leaves), parent),
        "is not above": (header(leaves, epoch=0), None),
    }
    for reason, (proposed, of) in cases.items():
        answer = await guardian.check_and_sign(proposed, leaves, of)
        assert isinstance(answer, Refusal)
        assert reason in answer.reason


async def test_no_second_header_of_an_epoch_after_a_restart(lab: Lab, guardian: Guardian) -> None:
    leaves = [await leaf_of(lab, "op")]
    assert isinstance(await guardian.check_and_sign(header(leaves), leaves, None), bytes)
    await lab.supervisor.hold("guardian-0")
    stopped = await guardian.check_and_sign(header(leaves), leaves, None)
    assert stopped == Refusal("guardian-0 is stopped")
    lab.supervisor.release("guardian-0")
    await guardian.ready.wait()
    other = header(leaves, timestamp=2)
    assert isinstance(await guardian.check_and_sign(other, leaves, None), Refusal)
    guardian._highest_vote = 0  # as if its memory had failed: the journal still knows
    answer = await guardian.check_and_sign(other, leaves, None)
    assert answer == Refusal(f"it signed another header of epoch {FAR} before")
