"""Guardians that come and go, without a chain."""

from collections.abc import Awaitable, Callable
from typing import Any

from control_plane.schemas.guardian import (
    AddGuardian,
    ChangeStake,
    GuardianView,
    RewardsView,
    RewardView,
    SlashGuardian,
    StakeView,
)
from control_plane.services.unknown import not_found

ADDRESS = "0x" + "11" * 20


class FakeGuardians:
    """One guardian of each devnet, and one that joins."""

    def __init__(self, there: Callable[[str], Awaitable[Any]]) -> None:
        self._there = there
        self.staked = "1"

    async def add(self, name: str, request: AddGuardian) -> GuardianView:
        await self._there(name)
        return GuardianView(
            index=1,
            name="guardian-1",
            seat=1 if request.wait else None,
            address=ADDRESS,
            stake=request.stake or "1",
            share=0.5,
            state="ready",
        )

    async def remove(self, name: str, which: str, *, wait: bool) -> StakeView:
        return await self._view(name, which, staked="0", unbonding="1", next_set=False)

    async def unjail(self, name: str, which: str, *, wait: bool) -> StakeView:
        return await self.stake(name, which)

    async def slash(self, name: str, which: str, request: SlashGuardian) -> StakeView:
        return await self._view(name, which, staked=str(100 - request.share))

    async def stake(self, name: str, which: str) -> StakeView:
        return await self._view(name, which, staked=self.staked)

    async def increase(self, name: str, which: str, request: ChangeStake) -> StakeView:
        return await self._view(name, which, staked=f"1{request.amount}")

    async def decrease(self, name: str, which: str, request: ChangeStake) -> StakeView:
        return await self._view(name, which, staked="1", unbonding=request.amount)

    async def withdraw(self, name: str, which: str) -> StakeView:
        return await self.stake(name, which)

    async def _view(
        self, name: str, which: str, *, staked: str, unbonding: str = "0", next_set: bool = True
    ) -> StakeView:
        await self._there(name)
        if which not in {"0", "guardian-0"}:
            raise not_found("guardian", which, ["guardian-0"])
        return StakeView(
            name="guardian-0",
            address=ADDRESS,
            staked=staked,
            unbonding=unbonding,
            withdrawable_at=None,
            jailed_until=None,
            in_next_set=next_set,
        )


class FakeRewards:
    """A tenth of a coin for one guardian."""

    def __init__(self, there: Callable[[str], Awaitable[Any]]) -> None:
        self._there = there

    async def show(self, name: str) -> RewardsView:
        await self._there(name)
        mine = RewardView(name="guardian-0", earned="0.1", due="0.1")
        return RewardsView(rate=0.1, pot="0", guardians=(mine,))

    async def report(self, name: str) -> RewardsView:
        return await self.show(name)

    async def pay(self, name: str) -> RewardsView:
        return await self.show(name)
