"""Anvil's EVM: of Prague rules, and on rollups that settle of the OP Stack's.

Sources: what Anvil 1.7 does was measured.
"""

from typing import Final

from eth.abc import SignedTransactionAPI
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.forks.prague.constants import PER_AUTH_BASE_COST, PER_EMPTY_ACCOUNT_BASE_COST
from eth_typing import Address

from control_plane.adapters.derivation.evm import HISTORY, Evm, RecordingState
from control_plane.adapters.derivation.op_stack import BASE_FEE_VAULT, FEE_SLOTS, VAULTS
from control_plane.adapters.derivation.precompiles import (
    ISTHMUS_BOUNDS,
    PRECOMPILES,
    op_stack_precompiles,
)
from control_plane.domain.channels import ChannelBlock
from control_plane.domain.op_stack import L1_BLOCK

_HISTORY_WINDOW: Final = 8191


class _Computation(PragueComputation):
    _precompiles = PRECOMPILES


class _OpStackComputation(_Computation):
    _precompiles = op_stack_precompiles(ISTHMUS_BOUNDS)


class _State(RecordingState):
    computation_class = _Computation

    def process_set_code_authorizations(self, transaction: SignedTransactionAPI) -> int:
        """To Anvil every account exists, so it gives the refund for each valid authorization."""
        super().process_set_code_authorizations(transaction)
        return self.authorized * (PER_EMPTY_ACCOUNT_BASE_COST - PER_AUTH_BASE_COST)


class _OpStackState(_State):
    computation_class = _OpStackComputation


class AnvilEvm(Evm):
    """Of a chain that takes no deposits."""

    state_class = _State
    takes_deposits = False
    tells_next_nonce = True

    def _run_system(self, block: ChannelBlock, parent_hash: bytes) -> frozenset[tuple[bytes, int]]:
        if not self._state.get_code(Address(HISTORY)):
            return frozenset()
        slot = (block.number - 1) % _HISTORY_WINDOW
        self._state.set_storage(Address(HISTORY), slot, int.from_bytes(parent_hash))
        return frozenset({(HISTORY, slot)})

    def _settle(self, _: SignedTransactionAPI, __: int) -> frozenset[bytes]:
        return frozenset()


class AnvilOpStackEvm(AnvilEvm):
    """Of a rollup that settles: it takes deposits, and the base fee has a vault."""

    state_class = _OpStackState
    takes_deposits = True

    def _settle(self, _: SignedTransactionAPI, gas_used: int) -> frozenset[bytes]:
        base_fee = self._state.execution_context.base_fee_per_gas or 0
        self._state.delta_balance(Address(BASE_FEE_VAULT), base_fee * gas_used)
        self._state.slots |= FEE_SLOTS
        return VAULTS | {L1_BLOCK}
