"""What a rollup that settles executes beside Ethereum's rules: deposits, and where fees go.

Sources: OP Stack specifications, "Deposits" (Execution), "Predeploys" (fee vaults); what Anvil does
with them was measured (1.7.1, ``--network optimism --hardfork isthmus``). A deposit that can't be
executed keeps its mint, raises its sender's nonce and uses all of its gas.
"""

from dataclasses import dataclass
from typing import Any, Final

from eth.abc import ComputationAPI
from eth.vm.forks.cancun.state import CancunState
from eth.vm.forks.spurious_dragon._utils import collect_touched_accounts
from eth_typing import Address

from control_plane.domain.op_stack import L1_BLOCK, Deposit

BASE_FEE_VAULT: Final = bytes.fromhex("4200000000000000000000000000000000000019")
_L1_FEE_VAULT: Final = bytes.fromhex("420000000000000000000000000000000000001a")
_OPERATOR_FEE_VAULT: Final = bytes.fromhex("420000000000000000000000000000000000001b")
VAULTS: Final = frozenset({BASE_FEE_VAULT, _L1_FEE_VAULT, _OPERATOR_FEE_VAULT})
"""Touched by every transaction that is no deposit. Fees for data and operator are 0, for the L1
attributes say so; the tip goes to the coinbase."""
FEE_SLOTS: Final = frozenset((L1_BLOCK, slot) for slot in (1, 3, 5, 7, 8))
"""Of the L1's attributes, which Anvil reads in every block before the first transaction that is no
deposit; what it has read it keeps, zeros too."""
_TRANSACTION_GAS: Final = 21_000
_CREATION_GAS: Final = 32_000
_WORD_GAS: Final = 2
_TOKEN_GAS, _FLOOR_GAS = 4, 10
_TOKENS: Final = 4
"""In a byte that is not zero (EIP-7623)."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a deposit did."""

    computation: ComputationAPI | None
    """None: it could not be executed."""
    gas_used: int
    nonce: int
    """Of its sender, afterwards: Anvil's receipts have that one, the specification the one
    before."""


@dataclass(frozen=True, slots=True)
class Order:
    """A deposit as py-evm takes transactions: it costs nothing, and nobody signed it."""

    sender: Address
    to: Address
    value: int
    data: bytes
    gas: int
    type_id: int = 0x7E
    gas_price: int = 0
    max_fee_per_gas: int = 0
    max_priority_fee_per_gas: int = 0
    access_list: tuple[Any, ...] = ()

    @classmethod
    def of(cls, deposit: Deposit) -> "Order":
        to = Address(deposit.to or b"")
        return cls(Address(deposit.sender), to, deposit.value, deposit.data, deposit.gas)

    @property
    def tokens(self) -> int:
        """Of the data (EIP-7623)."""
        zeros = self.data.count(0)
        return zeros + _TOKENS * (len(self.data) - zeros)

    @property
    def intrinsic_gas(self) -> int:
        """Without a creation's words (EIP-3860), which py-evm takes as it begins to create."""
        return _TRANSACTION_GAS + _TOKEN_GAS * self.tokens + (0 if self.to else _CREATION_GAS)

    @property
    def least_gas(self) -> int:
        """Below it nothing is executed."""
        words = 0 if self.to else _WORD_GAS * ((len(self.data) + 31) // 32)
        return max(self.intrinsic_gas + words, _TRANSACTION_GAS + _FLOOR_GAS * self.tokens)


def apply_deposit(state: CancunState, deposit: Deposit) -> Done:
    """Run a deposit on `state`."""
    order = Order.of(deposit)
    state.delta_balance(order.sender, deposit.mint)
    if order.gas < order.least_gas or state.get_balance(order.sender) < order.value:
        state.increment_nonce(order.sender)
        return Done(None, order.gas, state.get_nonce(order.sender))
    executor: Any = state.get_transaction_executor()
    computation = executor.build_computation(executor.build_evm_message(order), order)
    spent = order.gas - computation.get_gas_remaining()
    refund = executor.calculate_gas_refund(computation, spent)
    floor = executor.calc_data_floor_gas(order, spent, refund)
    for account in computation.get_accounts_for_deletion():
        state.delete_account(account)
    for account in collect_touched_accounts(computation):
        if state.account_exists(account) and state.account_is_empty(account):
            state.delete_account(account)
    state.clear_transient_storage()
    return Done(computation, spent - refund + floor, state.get_nonce(order.sender))
