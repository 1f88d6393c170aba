"""Whatever goes wrong: every message of a block that is still there is delivered once or has a
reason, FINALIZED ones only from blocks that stay, and nothing that nobody dispatched.

    make test-faults [MESSAGES=10000] [SEED=…]      as many schedules as it takes
"""

import itertools
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from eth_abi import decode  # type: ignore[attr-defined]

from control_plane.domain.hashing import keccak256
from control_plane.domain.states import MessageState
from tests.integration.metalayer.conftest import running_lab
from tests.integration.metalayer.lab import DEVNET, Lab, make_plan, until
from tests.integration.metalayer.schedules import Schedule, Trouble, last_words, make_schedule
from tests.integration.metalayer.test_relayer import second_relayer

pytestmark = pytest.mark.integration

MESSAGES = int(os.environ.get("CALDERA_FAULT_MESSAGES", "360"))
SEED = int(os.environ.get("CALDERA_FAULT_SEED", "20260717"))
IN_A_SCHEDULE = 120
SECONDS = 3.0
FAULTS = 8
CHAINS = ("op", "arb", "l1")
_SETTLED = 60.0

_DISPATCH = "0x" + keccak256(b"Dispatch(address,uint32,bytes32,bytes)").hex()
_PROCESS_ID = "0x" + keccak256(b"ProcessId(bytes32)").hex()
_RECEIVED = "0x" + keccak256(b"Received(uint32,bytes32,address,uint256,bytes)").hex()


@dataclass
class Truth:
    """What the chains themselves say at the end."""

    dispatched: dict[str, int]
    """Destination of each message in a block that is still there, by id."""
    processed: Counter[tuple[int, str]]
    """By destination and id."""
    bodies: list[bytes]
    """What recipients got."""


async def _truth(lab: Lab) -> Truth:
    truth = Truth({}, Counter(), [])
    for chain in lab.network.chains:
        node = lab.nodes[str(chain.name)]
        everything = {"fromBlock": "0x0", "topics": [[_DISPATCH, _PROCESS_ID, _RECEIVED]]}
        for log in await node.call("eth_getLogs", everything):
            topic, data = log["topics"][0], bytes.fromhex(log["data"][2:])
            if topic == _DISPATCH:
                id_ = "0x" + keccak256(decode(["bytes"], data)[0]).hex()
                truth.dispatched[id_] = int(log["topics"][2], 16)
            elif topic == _PROCESS_ID:
                truth.processed[chain.domain, log["topics"][1]] += 1
            else:
                truth.bodies.append(decode(["uint256", "bytes"], data)[1])
    return truth


async def _unsettled(lab: Lab) -> list[str]:
    """Messages that are still there and neither delivered nor failing for a reason of their own,
    and those that were delivered and are not there, as long as nobody says so."""
    truth = await _truth(lab)
    async with lab.database.begin() as unit:
        records = {m.id: m for m in await unit.messages.list(DEVNET, limit=100_000)}
    domains = {chain.domain for chain in lab.network.chains}
    found = []
    for id_, domain in truth.dispatched.items():
        record = records.get(id_)
        state = record.state if record else None
        done = state is MessageState.DELIVERED and truth.processed[domain, id_]
        if domain in domains and state is not MessageState.FAILING and not done:
            found.append(f"{id_}, processed {truth.processed[domain, id_]} times, is {record}")
    for _, id_ in truth.processed:
        record = records.get(id_)
        if id_ not in truth.dispatched and (not record or record.state is not MessageState.REORGED):
            found.append(f"{id_}, whose origin block went, is {record}")
    return found


async def _check(lab: Lab, schedule: Schedule) -> None:
    truth = await _truth(lab)
    async with lab.database.begin() as unit:
        records = {m.id: m for m in await unit.messages.list(DEVNET, limit=100_000)}
    for id_, domain in truth.dispatched.items():
        times = truth.processed[domain, id_]
        assert times == 1 or (times == 0 and records[id_].reason), (id_, times, records[id_])
    for (domain, id_), times in truth.processed.items():
        record = records[id_]  # nobody could have known of it otherwise
        assert times == 1
        assert record.destination == domain
        gone = id_ not in truth.dispatched
        assert gone == (record.state is MessageState.REORGED), record
        if gone:
            assert "reorged after delivery" in (record.reason or "")
            assert schedule.nodes_die or not record.finality, record
    sent = {sending.body for sending in schedule.sendings}
    assert sent.issuperset(truth.bodies)
    assert len(truth.bodies) == len(set(truth.bodies))


def _schedules() -> list[Schedule]:
    count = -(-MESSAGES // IN_A_SCHEDULE)
    seeds = itertools.count(SEED)
    return [
        make_schedule(next(seeds), CHAINS, IN_A_SCHEDULE, seconds=SECONDS, faults=FAULTS)
        for _ in range(count)
    ]


@pytest.mark.parametrize("schedule", _schedules(), ids=lambda schedule: f"seed-{schedule.seed}")
async def test_messages_survive_a_schedule_of_faults(schedule: Schedule, tmp_path: Path) -> None:
    print(schedule)
    async with running_lab(make_plan(), tmp_path) as lab:
        if schedule.seed % 2:
            await second_relayer(lab)
        await Trouble(lab).run(schedule)

        async def settled() -> bool:
            return not await _unsettled(lab)

        try:
            await until(settled, "every message to settle", timeout=_SETTLED)
            await _check(lab, schedule)
        except AssertionError as error:
            left = "\n".join((await _unsettled(lab))[:5])
            words = f"{error}\n{schedule}\n{left}\n{await last_words(lab)}"
            raise AssertionError(words) from error


def test_a_seed_makes_the_same_schedule() -> None:
    made = [make_schedule(7, CHAINS, 20, seconds=2, faults=5) for _ in range(2)]
    assert made[0] == made[1]
    assert made[0] != make_schedule(8, CHAINS, 20, seconds=2, faults=5)
