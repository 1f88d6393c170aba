"""Guardians come and go while messages are on their way: sets are handed over and carried to
every chain, and certification goes on."""

import asyncio
from typing import Any

import pytest

from control_plane.agents.guardian import Guardian
from control_plane.domain import staking
from control_plane.domain.calls import Call, execute_batch
from control_plane.domain.hashing import keccak256
from control_plane.domain.network import GuardianKeys
from control_plane.domain.ports.node import Account
from control_plane.domain.records import GuardianRecord
from control_plane.services.metalayer.registry import installed_id
from tests.integration.metalayer.conftest import MakeLab, rotation_means
from tests.integration.metalayer.lab import DEVNET, STAKE, Lab, account, until

pytestmark = pytest.mark.integration


async def _pay(lab: Lab, payer: Account, to: str, data: bytes, gas: int = 800_000) -> None:
    async with rotation_means(lab, []).pay_from(lab.network.chains[0], payer) as sender:
        receipt = await (await sender.send(lab.network.contracts[to], data, gas=gas)).receipt()
    assert receipt["status"] == "0x1"


async def _join(lab: Lab, number: int, stake: int = STAKE) -> Guardian:
    """A new guardian whose process runs before it registers."""
    keys = GuardianKeys(number, account(10 + number), keccak256(b"seed %d" % number))
    async with lab.database.begin() as unit:
        await unit.guardians.add(GuardianRecord(DEVNET, number, str(keys.account.address), 0.0))
    guardian = Guardian(lab.network, keys, lab.connect, lab.database, lab.hub)
    lab.guardians.append(guardian)
    await lab.supervisor.start([guardian])
    contracts = lab.network.contracts
    era = bytes.fromhex(contracts["era"][2:])
    grant = Call(era, staking.transfer(keys.account.address, stake))
    await _pay(lab, lab.keys.governor, "governanceExecutor", execute_batch([grant]))
    await lab.nodes["l1"].call("anvil_setBalance", keys.account.address, hex(10**20))
    registry = contracts["guardianRegistry"]
    await _pay(lab, keys.account, "era", staking.approve(registry, stake))
    call = staking.register(keys, lab.network.chains[0].plan.chain_id, registry, stake)
    await _pay(lab, keys.account, "guardianRegistry", call)
    return guardian


async def _leave(lab: Lab, number: int) -> None:
    payer = account(10 + number)
    await _pay(lab, payer, "guardianRegistry", staking.request_exit())


async def _set_everywhere(lab: Lab, set_id: int, chains: tuple[str, ...] = ()) -> None:
    names = chains or tuple(str(chain.name) for chain in lab.network.chains)

    async def there() -> bool:
        verifier = lab.network.contracts["rootVerifier"]
        found = [await installed_id(lab.nodes[n].rpc, verifier) for n in names]  # type: ignore[arg-type]
        return all(each == set_id for each in found)

    try:
        await until(there, f"set {set_id} on {names}")
    except AssertionError as error:
        raise AssertionError(f"{error}; {lab.supervisor.views()}") from None


async def _epoch_of(lab: Lab, set_id: int) -> dict[str, object]:
    async def there() -> dict[str, object] | None:
        async with lab.database.begin() as unit:
            found = await unit.epochs.latest(DEVNET, certified=True)
        return dict(found.header) if found and found.header["setId"] == set_id else None

    return await until(there, f"an epoch of set {set_id}")


def _told(lab: Lab, kind: str) -> list[dict[str, Any]]:
    return [dict(event.data) for event in lab.events if event.type == kind]


async def test_a_guardian_joins_and_one_leaves(lab: Lab) -> None:
    first = await lab.message_id("op", await lab.dispatch("op", "arb", b"before"))
    await _join(lab, 4)
    await _set_everywhere(lab, 2)
    assert (await _epoch_of(lab, 2))["setId"] == 2
    await lab.wait_delivered(first)
    second = await lab.message_id("op", await lab.dispatch("op", "arb", b"with five"))
    await lab.wait_delivered(second)

    await _leave(lab, 1)
    await _set_everywhere(lab, 3)
    await _epoch_of(lab, 3)
    third = await lab.message_id("arb", await lab.dispatch("arb", "op", b"with four again"))
    await lab.wait_delivered(third)
    rotated = _told(lab, "guardians.rotated")
    assert [(each["joined"], each["left"], each["by"]) for each in rotated] == [
        (["guardian-4"], [], "guardians"),
        ([], ["guardian-1"], "guardians"),
    ]
    assert {view.restarts for view in lab.supervisor.views()} == {0}


async def test_messages_in_a_burst_while_sets_change(lab: Lab) -> None:
    async def burst() -> list[str]:
        txs = []
        for number in range(60):
            origin, destination = ("op", "arb") if number % 2 else ("arb", "op")
            txs.append((origin, await lab.dispatch(origin, destination, b"%d" % number)))
            await asyncio.sleep(0.02)
        return [await lab.message_id(origin, tx) for origin, tx in txs]

    sending = asyncio.create_task(burst())
    await _join(lab, 4)
    await _leave(lab, 0)
    ids = await sending

    async def both() -> bool:
        left = [name for each in _told(lab, "guardians.rotated") for name in each["left"]]
        return left == ["guardian-0"]

    await until(both, "a set without guardian 0")
    await _set_everywhere(lab, _last(lab))
    for id_ in ids:
        await lab.wait_delivered(id_)
    assert {view.restarts for view in lab.supervisor.views()} == {0}


async def test_a_chain_that_missed_rotations_is_walked_there(make_lab: MakeLab) -> None:
    lab = await make_lab(("op", "arb"))
    await lab.save("arb")
    await lab.nodes["arb"].kill()
    await _join(lab, 4)
    await _set_everywhere(lab, 2, ("l1", "op"))
    await _leave(lab, 1)
    await _set_everywhere(lab, 3, ("l1", "op"))
    await lab.restore("arb")
    await _set_everywhere(lab, 3)

    async def carried() -> list[dict[str, Any]]:
        return [each for each in _told(lab, "guardians.carried") if each["chain"] == "arb"]

    assert await until(carried, "its event") == [{"chain": "arb", "set": 3, "from": 1}]
    message = await lab.message_id("op", await lab.dispatch("op", "arb", b"after all"))
    await lab.wait_delivered(message)


async def test_the_governor_installs_when_too_many_are_gone(lab: Lab) -> None:
    await lab.supervisor.hold("guardian-2")
    await lab.supervisor.hold("guardian-3")
    await _leave(lab, 2)
    await _leave(lab, 3)
    await _set_everywhere(lab, _last(lab))
    await _epoch_of(lab, _last(lab))
    assert _told(lab, "guardians.installed")
    message = await lab.message_id("op", await lab.dispatch("op", "arb", b"with two"))
    await lab.wait_delivered(message)


def _last(lab: Lab) -> int:
    rotated = _told(lab, "guardians.rotated")
    return int(rotated[-1]["set"]) if rotated else 2


async def test_nobody_hands_over_to_a_set_that_was_not_sealed(lab: Lab) -> None:
    from dataclasses import replace

    from control_plane.domain.ports.metalayer import Refusal
    from control_plane.services.metalayer.rounds import make_roster

    forged = replace(make_roster(2, lab.keys.guardians, STAKE).guardian_set, set_id=2)
    answers = [await guardian.sign_set(forged) for guardian in lab.guardians]
    assert answers == [Refusal("the registry sealed no such guardian set 2")] * 4
