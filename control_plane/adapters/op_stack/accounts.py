"""The accounts that a rollup's own services send with, on L1."""

import hashlib
from dataclasses import dataclass

from control_plane.adapters.evm.keys import derive
from control_plane.adapters.evm.signer import account
from control_plane.domain.network import Keys
from control_plane.domain.ports.node import Account


@dataclass(frozen=True, slots=True)
class NativeAccounts:
    """One for each service, so that no nonce is shared."""

    deployer: Account
    batcher: Account
    proposer: Account
    challenger: Account

    @property
    def every(self) -> tuple[Account, ...]:
        return self.deployer, self.batcher, self.proposer, self.challenger


def native_accounts(keys: Keys, chain_id: int) -> NativeAccounts:
    """The accounts of rollup `chain_id`, derived from the devnet's governor's key."""

    def of(service: str) -> Account:
        secret = derive(keys.governor.key, f"op-stack/{chain_id}/{service}")
        return account(hashlib.sha256(secret).digest())

    return NativeAccounts(of("deployer"), of("batcher"), of("proposer"), of("challenger"))
