"""The watcher on real chains: what no single guardian of an honest quorum would show."""

import time
from dataclasses import replace
from typing import Any

import pytest

from control_plane.adapters.evm.sealing import anvil_seal
from control_plane.domain.abi_formats import encode_certificate
from control_plane.domain.aggregate import Aggregate
from control_plane.domain.bls import SecretKey
from control_plane.domain.calls import encode_call
from control_plane.domain.formats import NO_PARENT, Certificate, EpochHeader, Finality, Leaf
from control_plane.domain.hub import EpochCertified, Votes, Wanted
from control_plane.domain.quorum import Tally
from control_plane.domain.records import EpochRecord, OffenceRecord
from control_plane.making import make_watcher
from control_plane.services.metalayer.rounds import make_roster
from tests.integration.metalayer.lab import DEVNET, STAKE, Lab, account, until
from tests.integration.metalayer.recorded import leaf_of

pytestmark = pytest.mark.integration


@pytest.fixture
async def watched(lab: Lab) -> Lab:
    """A lab with a watcher that has begun its work."""
    keys = replace(lab.keys, watcher=account(77))
    assert keys.watcher is not None
    await lab.nodes["l1"].call("anvil_setBalance", keys.watcher.address, hex(10**20))
    roster = make_roster(1, lab.keys.guardians, STAKE)
    (watcher,) = make_watcher(lab.network, keys, roster, lab.database, lab.hub, lab.connect)
    await lab.supervisor.start([watcher])
    await lab.supervisor.wait_ready(5)
    lab.hub.tell(Wanted("the watcher begins with the next certificate"))
    return lab


def certified(lab: Lab, leaf: Leaf, signers: tuple[int, ...], epoch: int = 5_000) -> EpochRecord:
    """An epoch over that leaf alone, signed by those guardians."""
    aggregate = Aggregate.of([leaf])
    header = EpochHeader(1, epoch, int(time.time()), NO_PARENT, aggregate.root)
    tally = Tally(make_roster(1, lab.keys.guardians, STAKE), header.hash(lab.network.network_id))
    for index in signers:
        tally.add(index, SecretKey(lab.keys.guardians[index].bls_seed).sign(tally.digest))
    certificate = encode_certificate(Certificate(header, tally.proof()))
    return EpochRecord(
        devnet=DEVNET,
        epoch=epoch,
        header=header.to_json(),
        header_hash="0x" + tally.digest.hex(),
        leaves=aggregate.to_json(),
        created_at=time.time(),
        certificate="0x" + certificate.hex(),
        certified_at=time.time(),
        signers=signers,
    )


async def offences(lab: Lab) -> list[OffenceRecord]:
    async with lab.database.begin() as unit:
        return list(await unit.offences.list(DEVNET))


async def slashed(lab: Lab, count: int, news: Any) -> list[OffenceRecord]:
    """So many slashings, `news` told again and again: of certified epochs some are looked at."""

    async def there() -> list[OffenceRecord] | None:
        lab.hub.tell(news)
        found = [one for one in await offences(lab) if one.tx is not None]
        return found if len(found) >= count else None

    return await until(there, f"{count} slashings; {await offences(lab)}", timeout=30)


async def test_a_quorum_that_lies_is_slashed_whole(watched: Lab) -> None:
    true = await leaf_of(watched, "op")
    lie = replace(true, message_count=true.message_count + 1)
    record = certified(watched, lie, (0, 1, 3))
    found = await slashed(watched, 3, EpochCertified(record))
    accounts = {watched.keys.guardians[index].account.address.lower() for index in (0, 1, 3)}
    assert {one.guardian for one in found} == accounts
    assert {one.kind for one in found} == {"false-leaf"}
    assert {one.amount for one in found} == {STAKE // 4}


async def test_a_leaf_that_a_final_output_contradicts(watched: Lab) -> None:
    """`IFinalOutputs` is answered by a contract that names another block."""
    true = replace(await leaf_of(watched, "op"), finality=Finality.FINALIZED)
    record = certified(watched, true, (0, 1, 2))
    await answer_final_outputs(watched, b"\x07" * 32, true.state_root)
    found = await slashed(watched, 3, EpochCertified(record))
    assert {one.kind for one in found} == {"not-final"}
    assert {one.amount for one in found} == {STAKE // 4}


async def answer_final_outputs(lab: Lab, block_hash: bytes, state_root: bytes) -> None:
    """Have the L1's slasher ask a contract that says this of every block."""
    node, contracts = lab.nodes["l1"], lab.network.contracts
    outputs = "0x" + "f1" * 20
    code = (
        "6001600052" + f"7f{block_hash.hex()}602052" + f"7f{state_root.hex()}604052" + "60606000f3"
    )
    await node.call("anvil_setCode", outputs, "0x" + code)
    owner = contracts["governanceExecutor"]
    await node.call("anvil_impersonateAccount", owner)
    await node.call("anvil_setBalance", owner, hex(10**18))
    data = encode_call("setFinalOutputs(address)", bytes.fromhex(outputs[2:]))
    request = {
        "from": owner,
        "to": contracts["slasher"],
        "data": "0x" + data.hex(),
        "gas": hex(10**6),
    }
    tx = await node.call("eth_sendTransaction", request)
    assert (await lab.receipt("l1", tx))["status"] == "0x1"


async def test_what_is_true_or_unknown_accuses_nobody(watched: Lab) -> None:
    """A true leaf of a block that a reorg took; a leaf of a block that never was; a signature
    that is none."""
    node = watched.nodes["op"]
    assert node.rpc is not None
    await anvil_seal(node.rpc)()
    gone = await leaf_of(watched, "op")
    await node.call("anvil_rollback", 1)
    await node.call("evm_increaseTime", 1_000)
    await anvil_seal(node.rpc)()
    assert (await leaf_of(watched, "op")).block_hash != gone.block_hash

    guardian = watched.keys.guardians[2]
    key, who = SecretKey(guardian.bls_seed), str(guardian.account.address).lower()
    for number, leaf in enumerate((gone, replace(gone, block_hash=b"\x09" * 32))):
        aggregate = Aggregate.of([leaf])
        header = EpochHeader(1, 6_000 + number, int(time.time()), NO_PARENT, aggregate.root)
        signature = key.sign(header.hash(watched.network.network_id))
        watched.hub.tell(
            Votes(header.to_json(), aggregate.to_json(), ((who, "0x" + signature.hex()),))
        )
        other = replace(header, timestamp=header.timestamp + 1)  # with the signature of the first
        watched.hub.tell(
            Votes(other.to_json(), aggregate.to_json(), ((who, "0x" + signature.hex()),))
        )
    lie = replace(await leaf_of(watched, "op"), message_count=99)
    found = await slashed(watched, 3, EpochCertified(certified(watched, lie, (0, 1, 3))))
    assert who not in {one.guardian for one in found}
    assert len(await offences(watched)) == 3
