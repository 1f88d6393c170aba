"""op-geth's EVM: the OP Stack's rules of Jovian.

Sources: the OP Stack's specifications ("Jovian", "Isthmus", "Fjord", "Deposits", "Precompiles") and
op-geth's ``core/state_transition.go``. Checked block by block against op-geth itself
(``tests/integration/derivation/test_op_geth.py``).
"""

from typing import Final

from eth._utils.state import code_is_delegation_designation
from eth.abc import SignedTransactionAPI
from eth.vm.forks.cancun.transaction_context import CancunTransactionContext
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.forks.shanghai.constants import MAX_INITCODE_SIZE
from eth.vm.message import Message
from eth_typing import Address

from control_plane.adapters.derivation.evm import HISTORY, Evm, RecordingState, called
from control_plane.adapters.derivation.l1_fees import (
    FREE,
    NO_SCALAR,
    Charges,
    charges_of,
    estimated_size,
    footprint_scalar,
)
from control_plane.adapters.derivation.op_stack import (
    BASE_FEE_VAULT,
    L1_FEE_VAULT,
    OPERATOR_FEE_VAULT,
    least_gas,
)
from control_plane.adapters.derivation.precompiles import JOVIAN_BOUNDS, op_stack_precompiles
from control_plane.domain.channels import ChannelBlock
from control_plane.domain.op_stack import L1_BLOCK, Deposit

_BEACON_ROOTS: Final = bytes.fromhex("000f3df6d732807ef1319fb7b8bb8522d0beac02")
"""EIP-4788's contract."""
_SYSTEM: Final = Address(bytes.fromhex("ff" * 19 + "fe"))
_SYSTEM_GAS: Final = 30_000_000
_KINDS: Final = frozenset({0, 1, 2, 4})
"""EIP-2718 types of signed transactions; blobs are for the L1."""


class _Computation(PragueComputation):
    _precompiles = op_stack_precompiles(JOVIAN_BOUNDS)


class _State(RecordingState):
    computation_class = _Computation


class OpGethEvm(Evm):
    """See the module."""

    state_class = _State
    takes_deposits = True
    tells_next_nonce = False
    _gas_left = 0
    """Of the block."""
    _scalar = NO_SCALAR
    _footprint = 0
    _charges: Charges | None = None
    """Of the block; None before its first transaction that is no deposit."""
    _due = 0
    """Wei for the L1's data, of the transaction that is run."""

    @property
    def blob_gas_used(self) -> int:
        """The DA footprint (Jovian)."""
        return self._footprint

    def begin(self, block: ChannelBlock, parent_hash: bytes) -> frozenset[tuple[bytes, int]]:
        """See :meth:`Evm.begin`."""
        self._gas_left, self._footprint, self._charges = block.gas_limit, 0, None
        self._scalar = footprint_scalar(block.transactions)
        return super().begin(block, parent_hash)

    def _run_system(self, block: ChannelBlock, parent_hash: bytes) -> frozenset[tuple[bytes, int]]:
        return self._call(_BEACON_ROOTS, block.parent_beacon_root) | self._call(
            HISTORY, parent_hash
        )

    def _call(self, to: bytes, data: bytes) -> frozenset[tuple[bytes, int]]:
        """A call of the protocol's own (EIP-4788, EIP-2935)."""
        state, code = self._state, self._state.get_code(Address(to))
        if not code:
            return frozenset()
        message = Message(_SYSTEM_GAS, Address(to), _SYSTEM, 0, data, code)
        context = CancunTransactionContext(gas_price=0, origin=_SYSTEM)
        state.begin_transaction()
        state.mark_address_warm(Address(to))
        computation = state.computation_class.apply_message(state, message, context)
        state.clear_transient_storage()
        touched = set(called(computation))
        slots = frozenset(slot for slot in state.slots if slot[0] in touched)
        state.lock_changes()
        return slots

    # ------------------------------------------------------------------ transactions

    def _admit(self, transaction: SignedTransactionAPI, raw: bytes) -> None:
        super()._admit(transaction, raw)
        if (raw[0] if raw[0] < 0x80 else 0) not in _KINDS:
            raise ValueError(f"there are no transactions of type {raw[0]}")
        self._take_gas(int(transaction.gas))
        _check(transaction)
        sender = transaction.sender
        code = self._state.get_code(sender)
        if code and not code_is_delegation_designation(code):
            raise ValueError("its sender has code")
        self._charge(transaction, raw)

    def _charge(self, transaction: SignedTransactionAPI, raw: bytes) -> None:
        """Take the fees for data and operator of the sender."""
        if self._charges is None:
            self._charges = charges_of(lambda slot: self.storage(L1_BLOCK, slot))
        size = estimated_size(raw)
        self._footprint += self._scalar * (size // 10**6)
        if self._footprint > (self._state.execution_context.gas_limit):
            raise ValueError("the block's data are more than its gas limit allows")
        gas = int(transaction.gas)
        self._due = self._charges.data_fee(size)
        due = self._due + self._charges.operator_fee(gas)
        most = gas * transaction.max_fee_per_gas + transaction.value + due
        if self._state.get_balance(transaction.sender) < most:
            raise ValueError("its sender has less than it may cost")
        if due:
            self._state.delta_balance(transaction.sender, -due)

    def _settle(self, transaction: SignedTransactionAPI, gas_used: int) -> frozenset[bytes]:
        charges = self._charges or FREE
        self._gas_left += int(transaction.gas) - gas_used
        operator = charges.operator_fee(gas_used)
        back = charges.operator_fee(int(transaction.gas)) - operator
        base_fee = self._state.execution_context.base_fee_per_gas or 0
        for account, wei in (
            (transaction.sender, back),
            (BASE_FEE_VAULT, base_fee * gas_used),
            (L1_FEE_VAULT, self._due),
            (OPERATOR_FEE_VAULT, operator),
        ):
            if wei:
                self._state.delta_balance(Address(account), wei)
        return frozenset({BASE_FEE_VAULT, L1_FEE_VAULT, OPERATOR_FEE_VAULT})

    def _take_gas(self, gas: int) -> None:
        if gas > self._gas_left:
            raise ValueError(f"it may use {gas} gas, the block has {self._gas_left} left")
        self._gas_left -= gas

    # ------------------------------------------------------------------ deposits

    def _admit_deposit(self, deposit: Deposit) -> None:
        self._take_gas(deposit.gas)

    def _settle_deposit(self, deposit: Deposit, gas_used: int) -> None:
        self._gas_left += deposit.gas - gas_used


def _check(transaction: SignedTransactionAPI) -> None:
    """What a transaction's own fields have to be. ValueError."""
    if transaction.max_fee_per_gas < transaction.max_priority_fee_per_gas:
        raise ValueError("its tip is more than its fee")
    creates, data = not transaction.to, transaction.data
    if creates and len(data) > MAX_INITCODE_SIZE:
        raise ValueError(f"it has {len(data)} bytes of code to create")
    least = least_gas(data, int(transaction.intrinsic_gas), creates=creates)
    if int(transaction.gas) < least:
        raise ValueError(f"it has {transaction.gas} gas, {least} is the least")
