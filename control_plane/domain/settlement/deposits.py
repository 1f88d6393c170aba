"""Deposits of rollups that settle: who takes them, and what becomes of one that can't be executed.

Anvil's pool refuses deposits that the OP Stack would include as failed ones. In their place stands
what is left of such a deposit, so that the same comes of it: its mint, and its sender's nonce.
"""

from dataclasses import replace
from typing import Final

from control_plane.domain.op_stack import Deposit, Fees
from control_plane.domain.plan import ChainPlan
from control_plane.domain.settlement import settles

LEAST_GAS: Final = 21_000
"""Of a deposit that the pool takes; too little to create a contract."""
MOST_INIT_CODE: Final = 49_152
"""Bytes (EIP-3860)."""
FREE: Final = Fees(base_fee_scalar=0, blob_base_fee_scalar=0)
"""What the L1's attributes say on Anvil: data cost nothing on the rollup."""


def has_portal(chain: ChainPlan) -> bool:
    """Whether our sequencer takes `chain`'s deposits from a portal of ours on the L1."""
    return settles(chain) or (chain.engine == "op-geth" and chain.services == "caldera")


def is_refused(deposit: Deposit, balance: int) -> bool:
    """Whether no pool takes `deposit` while its sender has `balance` wei."""
    too_long = deposit.to is None and len(deposit.data) > MOST_INIT_CODE
    return too_long or deposit.gas < LEAST_GAS or deposit.value > balance + deposit.mint


def bare(deposit: Deposit) -> Deposit:
    """What is left of a refused deposit: a creation without the gas for one, which fails at once,
    keeps the mint and raises the nonce."""
    return replace(deposit, to=None, value=0, gas=LEAST_GAS, data=b"")
