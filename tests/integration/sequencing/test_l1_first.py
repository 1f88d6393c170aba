"""A rollup's saved state has no deposit that its L1 lost, or could still lose, by a kill."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from control_plane.adapters.engine.anvil import AnvilEngine
from control_plane.agents import l1_following
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.ports.node import Rpc
from control_plane.domain.settlement.taken import ReadTaken
from control_plane.services.l1_first import rests_on_disk
from tests.integration.sequencing.lab import ACCOUNTS, running, until
from tests.integration.sequencing.test_deposits import COIN, Site

pytestmark = pytest.mark.integration


class NotSaved(Exception):
    """What the L1 has on disk is not enough."""


@dataclass
class Saving(Site):
    saved: int = -1
    """The L1's last saved block."""

    async def take(self) -> None:
        """The rollup takes a deposit of whose L1 block it tells only with its next block: it may
        spend coins that its sender does not have by then."""
        await self.credited(await self.deposit(1, mint=COIN, value=2 * COIN))

    async def save_l1(self) -> None:
        self.saved = (await AnvilEngine().save(self.lab.l1.spec, self.lab.l1.rpc)).block

    async def save(self, l1: Rpc | None) -> int:
        """Save the rollup, with a connection to its L1 or without; its height."""

        async def first(read: ReadTaken | None) -> None:
            assert read is not None
            if not await rests_on_disk(l1, await read(), self.saved):
                raise NotSaved

        return (await AnvilEngine().save(self.lab.l2.spec, self.lab.l2.rpc, first)).block


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Saving]:
    async with running(tmp_path, engine="anvil") as lab:
        portal = await lab.deploy_portal()
        await lab.sequence(lab.l2)
        site = Saving(lab, portal)
        await site.credited(await site.deposit())
        await site.save_l1()
        yield site


async def kill_l1(site: Saving) -> None:
    """It comes back without the deposit that the rollup took, and has a block more by then."""
    lab = site.lab
    async with lab.l1.agent.paused():  # type: ignore[union-attr]
        await lab.kill_node(lab.l1)
        with pytest.raises(NotSaved):
            await site.save(None)
        await lab.start_node(lab.l1)
    site.nonces.clear()
    await until(lambda: seals(site))


async def seals(site: Saving) -> bool:
    try:
        await site.lab.l1.agent.seal_now()  # type: ignore[union-attr]
    except TemporaryFailure:
        return False
    return True


async def test_what_is_on_the_l1s_disk_is_saved(site: Saving) -> None:
    await site.save(site.lab.l1.rpc)
    await site.save(None)
    await site.take()
    for l1 in (site.lab.l1.rpc, None):
        with pytest.raises(NotSaved):
            await site.save(l1)
    await site.save_l1()
    assert await site.save(site.lab.l1.rpc) == await site.lab.l2.height()


async def test_a_deposit_that_cannot_be_executed_is_known_by_what_is_left_of_it(
    site: Saving,
) -> None:
    await site.deposit(2, mint=COIN, value=10**40)
    await site.take()
    await site.save_l1()
    assert await site.save(site.lab.l1.rpc) == await site.lab.l2.height()


async def test_both_killed_one_after_the_other(site: Saving) -> None:
    """Whatever was lost, the rollup goes on to take deposits."""
    lab = site.lab
    await site.save(lab.l1.rpc)
    await site.take()
    async with lab.l2.agent.paused():  # type: ignore[union-attr]
        await kill_l1(site)
        with pytest.raises(TemporaryFailure, match="a deposit of a block after"):
            await site.save(lab.l1.rpc)
        await lab.kill_node(lab.l2)
        await lab.start_node(lab.l2)
    assert (await site.credited(await site.deposit(2)))["status"] == "0x1"


async def test_what_was_given_back_is_saved_without(site: Saving) -> None:
    lab = site.lab
    await site.take()
    async with lab.l2.agent.paused():  # type: ignore[union-attr]
        await kill_l1(site)

    async def given_back() -> bool:
        return any(type_ == "rollup.reorged" for type_, _ in lab.events)

    await until(given_back)
    async with lab.l2.agent.paused():  # type: ignore[union-attr]
        assert await site.save(lab.l1.rpc) == await lab.l2.height()
    assert await site.check() == 1, "the deposit from before is all there is"


async def test_who_cannot_follow_the_l1_says_so(
    site: Saving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(l1_following, "_PATIENCE", 0.5)
    lab = site.lab
    await lab.kill_node(lab.l1)

    async def told() -> bool:
        return "takes no deposits" in (lab.l2.agent.problem or "")  # type: ignore[union-attr]

    await until(told)
    await lab.l2.receipt(await lab.l2.send(ACCOUNTS[5], 0))
    assert await told(), "transactions are taken meanwhile, deposits are not"
    await lab.start_node(lab.l1)

    async def follows() -> bool:
        return not await told()

    await until(follows)
