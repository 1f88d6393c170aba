"""Epochs stand on each other: a light client gets to the newest by one certificate, chains skip."""

from dataclasses import replace

import pytest

from control_plane.domain.errors import Conflict, NotFound
from control_plane.services.epoch_sync import read_history, sync
from tests.integration.metalayer.lab import Lab, router_dispatch
from tests.integration.metalayer.test_rotation import _join as join
from tests.integration.metalayer.test_rotation import _set_everywhere as set_everywhere


async def latest_epoch(lab: Lab, chain: str) -> int:
    return int(await lab.view(chain, "rootVerifier", "latestEpoch()"), 16)


async def test_newest_epoch_is_believed_after_one_certificate(lab: Lab) -> None:
    for number in range(4):
        sent = await lab.dispatch("op", "l1", b"%d" % number)
        await lab.wait_delivered(await lab.message_id("op", sent))
    history = await read_history(lab.database, lab.network.devnet, None)
    assert len(history.epochs) >= 5

    view = sync(lab.network.network_id, history)
    assert view.certificates_checked == 1
    assert view.headers_linked == len(history.epochs) - 1
    assert (view.since, view.newest) == (history.epochs[-1].epoch, history.epochs[0].epoch)
    middle = history.epochs[2].epoch
    part = await read_history(lab.database, lab.network.devnet, middle)
    assert sync(lab.network.network_id, part).headers_linked >= 2
    with pytest.raises(NotFound):
        await read_history(lab.database, lab.network.devnet, 10**6)

    # arb heard of none of them, and takes the newest at once
    before = await latest_epoch(lab, "arb")
    assert before < view.newest
    sent = await lab.dispatch("op", "arb", b"at last")
    record = await lab.wait_delivered(await lab.message_id("op", sent))
    assert record.epoch is not None
    assert await latest_epoch(lab, "arb") == record.epoch
    assert record.epoch > before + 1


async def test_set_changes_are_followed_and_reads_made_anew(lab: Lab) -> None:
    """A message with reads, whose destination is away while the guardians change."""
    await lab.save("arb")
    await lab.nodes["arb"].kill()
    data = router_dispatch(
        lab.domain("arb"),
        lab.network.contracts["testRecipient"],
        b"x",
        reads=[(lab.domain("l1"), lab.network.contracts["era"], bytes.fromhex("18160ddd"))],
    )
    sent = await lab.send("op", lab.network.contracts["metalayerRouter"], data)
    message = await lab.message_id("op", sent)
    before = await lab.wait_for(message, lambda m: m.epoch is not None)
    await join(lab, 4)
    await set_everywhere(lab, 2, ("l1", "op"))
    await lab.wait_for(message, lambda m: m.epoch not in {None, before.epoch})

    await lab.restore("arb")
    await set_everywhere(lab, 2)
    await lab.wait_delivered(message, timeout=30)
    history = await read_history(lab.database, lab.network.devnet, None)
    view = sync(lab.network.network_id, history)
    assert (view.set_id, view.set_changes_checked, view.certificates_checked) == (2, 1, 1)


async def test_records_that_were_changed_do_not_hold_together(lab: Lab) -> None:
    for number in range(3):
        sent = await lab.dispatch("op", "arb", b"%d" % number)
        await lab.wait_delivered(await lab.message_id("op", sent))
    history = await read_history(lab.database, lab.network.devnet, None)
    header = {**history.epochs[1].header, "aggregateRoot": "0x" + "11" * 32}
    changed = replace(history.epochs[1], header=header)
    wrong = replace(history, epochs=(history.epochs[0], changed, *history.epochs[2:]))
    with pytest.raises(Conflict, match="NotLinked"):
        sync(lab.network.network_id, wrong)
    with pytest.raises(Conflict, match="InvalidSignature"):
        sync(b"\x01" * 32, history)
