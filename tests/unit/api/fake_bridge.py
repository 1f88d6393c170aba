"""A bridge over which one deposit and one withdrawal went, which both arrived."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from control_plane.domain.errors import NotFound
from control_plane.schemas.bridge import (
    BridgeStep,
    ContinueWithdrawal,
    DepositView,
    MakeDeposit,
    MakeWithdrawal,
    WithdrawalView,
)

DEPOSIT, WITHDRAWAL = ("0x" + digits * 32 for digits in ("d0", "e0"))
_USER = "0x" + "11" * 20
_MOVED: dict[str, Any] = {
    "rollup": "op",
    "token": "ETH",
    "symbol": "ETH",
    "amount": "1.5",
    "sender": _USER,
    "to": _USER,
}
_STEPS = ("initiated", "posted", "proposed", "proven", "final", "finalized")


def _steps(*names: str) -> tuple[BridgeStep, ...]:
    return tuple(BridgeStep(name=name, done=True, chain="l1") for name in names)


@dataclass
class FakeBridge:
    exists: Callable[[str], Awaitable[Any]]
    """Raises NotFound for a devnet that is none."""

    async def deposit(self, name: str, request: MakeDeposit) -> DepositView:
        return await self.deposit_of(name, DEPOSIT)

    async def deposit_of(self, name: str, id_: str) -> DepositView:
        await self.exists(name)
        if id_ != DEPOSIT:
            raise NotFound(f"No deposit {id_}")
        steps = _steps("sent", "credited")
        return DepositView(
            **_MOVED, id=DEPOSIT, state="credited", rollup_tx=WITHDRAWAL, steps=steps
        )

    async def list_deposits(self, name: str, rollup: str | None, limit: int) -> list[DepositView]:
        return [await self.deposit_of(name, DEPOSIT)]

    async def withdraw(self, name: str, request: MakeWithdrawal) -> WithdrawalView:
        return await self.withdrawal(name, WITHDRAWAL)

    async def withdrawal(self, name: str, id_: str) -> WithdrawalView:
        await self.exists(name)
        if id_ != WITHDRAWAL:
            raise NotFound(f"No withdrawal {id_}")
        return WithdrawalView(
            **_MOVED,
            id=WITHDRAWAL,
            state="finalized",
            withdrawal_hash=DEPOSIT,
            output=3,
            steps=_steps(*_STEPS),
        )

    async def proceed(self, name: str, id_: str, request: ContinueWithdrawal) -> WithdrawalView:
        return await self.withdrawal(name, id_)

    async def list_withdrawals(
        self,
        name: str,
        rollup: str | None,
        limit: int,
    ) -> list[WithdrawalView]:
        return [await self.withdrawal(name, WITHDRAWAL)]
