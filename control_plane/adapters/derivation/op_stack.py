"""What a rollup that settles executes beside Ethereum's rules: deposits, and where fees go.

Sources: OP Stack specifications, "Deposits" (Execution), "Predeploys" (fee vaults); what Anvil does
with them was measured (1.7.1, ``--network optimism --hardfork isthmus``). A deposit that can't be
executed keeps its mint, raises its sender's nonce and uses all of its gas.
"""

from dataclasses import dataclass
from typing import Any, Final

from eth.abc import ComputationAPI
from eth.vm.forks.cancun.state import CancunState
from eth.vm.forks.shanghai.constants import MAX_INITCODE_SIZE
from eth.vm.forks.spurious_dragon._utils import collect_touched_accounts
from eth_typing import Address

from control_plane.domain.op_stack import L1_BLOCK, Deposit

BASE_FEE_VAULT: Final = bytes.fromhex("4200000000000000000000000000000000000019")
L1_FEE_VAULT: Final = bytes.fromhex("420000000000000000000000000000000000001a")
OPERATOR_FEE_VAULT: Final = bytes.fromhex("420000000000000000000000000000000000001b")
VAULTS: Final = frozenset({BASE_FEE_VAULT, L1_FEE_VAULT, OPERATOR_FEE_VAULT})
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
    def intrinsic_gas(self) -> int:
        """Without a creation's words (EIP-3860), which py-evm takes as it begins to create."""
        creation = 0 if self.to else _CREATION_GAS
        return _TRANSACTION_GAS + _TOKEN_GAS * _tokens(self.data) + creation

    @property
    def least_gas(self) -> int:
        """Below it nothing is executed."""
        return least_gas(self.data, self.intrinsic_gas, creates=not self.to)


def least_gas(data: bytes, intrinsic: int, *, creates: bool) -> int:
    """Below it a transaction can't be executed; `intrinsic`: see :meth:`Order.intrinsic_gas`."""
    words = _WORD_GAS * ((len(data) + 31) // 32) if creates else 0
    return max(intrinsic + words, _TRANSACTION_GAS + _FLOOR_GAS * _tokens(data))


def _tokens(data: bytes) -> int:
    """EIP-7623."""
    zeros = data.count(0)
    return zeros + _TOKENS * (len(data) - zeros)


def apply_deposit(state: CancunState, deposit: Deposit) -> Done:
    """Run a deposit on `state`."""
    order = Order.of(deposit)
    state.delta_balance(order.sender, deposit.mint)
    if not _is_executable(state, order):
        state.increment_nonce(order.sender)
        return Done(None, order.gas)
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
    return Done(computation, spent - refund + floor)


def _is_executable(state: CancunState, order: Order) -> bool:
    is_long = not order.to and len(order.data) > MAX_INITCODE_SIZE
    has_gas = order.gas >= order.least_gas
    return has_gas and not is_long and state.get_balance(order.sender) >= order.value
