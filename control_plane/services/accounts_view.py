"""The accounts of a devnet, as users are shown them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from control_plane.domain.plan import AccountsPlan
from control_plane.domain.ports.node import Account
from control_plane.schemas.using import AccountsView, AccountView
from control_plane.services.units import whole

DeriveAccounts = Callable[[str, int], Sequence[Account]]
"""The first accounts of a BIP-39 mnemonic on ``m/44'/60'/0'/0/{index}``."""


@dataclass(frozen=True, slots=True)
class AccountsOf:
    """Views of a plan's accounts."""

    derive: DeriveAccounts

    def __call__(self, plan: AccountsPlan, *, secrets: bool) -> AccountsView:
        """The listed accounts; their keys and mnemonic with `secrets` only, which is what a
        request over the Unix socket gets. Service keys are no part of it."""
        return AccountsView(
            mnemonic=plan.mnemonic if secrets else None,
            balance=whole(plan.balance),
            accounts=tuple(
                AccountView(
                    address=account.address,
                    private_key="0x" + account.key.hex() if secrets else None,
                )
                for account in self.derive(plan.mnemonic, plan.count)
            ),
        )
