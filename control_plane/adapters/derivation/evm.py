"""Anvil's EVM of Prague rules, by py-evm: runs transactions, and says what each did.

Two of the BLS12-381 precompiles (EIP-2537) are py_arkworks' instead of py-evm's own, which take a
second where these take milliseconds; the gas is the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth.abc import ComputationAPI, SignedTransactionAPI
from eth.db.atomic import AtomicDB
from eth.db.backends.memory import MemoryDB
from eth.exceptions import VMError
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.computation import PRAGUE_PRECOMPILES, PragueComputation
from eth.vm.forks.prague.constants import PER_AUTH_BASE_COST, PER_EMPTY_ACCOUNT_BASE_COST
from eth.vm.forks.prague.state import PragueState
from eth_typing import Address, BlockNumber, Hash32
from eth_utils.exceptions import ValidationError
from py_arkworks_bls12381 import GT, G1Point, G2Point
from rlp.exceptions import RLPException  # type: ignore[import-untyped]

from control_plane.adapters.derivation.op_stack import (
    BASE_FEE_VAULT,
    FEE_SLOTS,
    VAULTS,
    apply_deposit,
)
from control_plane.domain.channels import ChannelBlock
from control_plane.domain.op_stack import DEPOSIT_TYPE, L1_BLOCK, Deposit, InvalidDeposit
from control_plane.domain.trie import EMPTY_TRIE

HISTORY: Final = bytes.fromhex("0000f90827f1c53a10cb7a02335b175320002935")
"""EIP-2935's contract, in which every block leaves its parent's hash."""
_HISTORY_WINDOW: Final = 8191
_PAIR: Final = 384
_PAIR_GAS, _PAIRING_GAS = 32_600, 37_700
_MAP_GAS: Final = 23_800
_PAD: Final = bytes(16)
_PAIRING_AT, _MAP_TO_G2_AT = (Address((n).to_bytes(20)) for n in (0x0F, 0x11))


class NotExecutable(ValueError):
    """A transaction that can't be in a block at this place."""


@dataclass(frozen=True, slots=True)
class Log:
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one transaction did."""

    kind: int
    """EIP-2718 type; 0 for a legacy transaction."""
    succeeded: bool
    gas_used: int
    logs: tuple[Log, ...]
    touched: frozenset[bytes]
    """Accounts called or changed, not by frames that were reverted (EIP-161)."""
    loaded: frozenset[bytes]
    """Accounts that were looked at in any way, by frames that were reverted too."""
    slots: frozenset[tuple[bytes, int]]
    """Storage that was read or written, by frames that were reverted too."""
    deposit_nonce: int | None = None
    """As the receipt of a deposit has it; None for other transactions."""


def _pairing_check(computation: ComputationAPI) -> ComputationAPI:
    data = bytes(computation.msg.data)
    if not data or len(data) % _PAIR:
        raise VMError("pairs have 384 bytes each")
    pairs = [data[at : at + _PAIR] for at in range(0, len(data), _PAIR)]
    computation.consume_gas(_PAIR_GAS * len(pairs) + _PAIRING_GAS, "BLS12_PAIRING_CHECK")
    try:
        left = [G1Point.from_xy_bytes_be(_coordinates(pair[:128])) for pair in pairs]
        right = [G2Point.from_xy_bytes_be(_coordinates(pair[128:])) for pair in pairs]
    except ValueError as error:
        raise VMError(str(error)) from error
    computation.output = int(GT.pairing_check(left, right)).to_bytes(32)
    return computation


def _map_to_g2(computation: ComputationAPI) -> ComputationAPI:
    data = bytes(computation.msg.data)
    if len(data) != 128:
        raise VMError("an element has 128 bytes")
    computation.consume_gas(_MAP_GAS, "BLS12_MAP_FP2_TO_G2")
    try:
        point = G2Point.map_from_fp2_be(_coordinates(data))
    except ValueError as error:
        raise VMError(str(error)) from error
    raw = point.to_xy_bytes_be()
    computation.output = b"".join(_PAD + raw[at : at + 48] for at in range(0, 192, 48))
    return computation


def _coordinates(data: Sequence[int] | bytes) -> bytes:
    fields = [bytes(data[at : at + 64]) for at in range(0, len(data), 64)]
    if any(field[:16] != _PAD for field in fields):
        raise ValueError("a coordinate is wider than 48 bytes")
    return b"".join(field[16:] for field in fields)


_PRECOMPILES: Final = {
    **PRAGUE_PRECOMPILES,
    _PAIRING_AT: _pairing_check,
    _MAP_TO_G2_AT: _map_to_g2,
}


class _Computation(PragueComputation):
    _precompiles = _PRECOMPILES


class _State(PragueState):
    computation_class = _Computation
    slots: set[tuple[bytes, int]]
    loaded: set[bytes]
    marked: set[bytes]
    """Accounts that were made warm, by an access list (EIP-2930) or by being looked at."""
    authorities: set[bytes]
    """Accounts that a set-code transaction (EIP-7702) changed."""
    _authorizing = False
    _authorized = 0

    def set_system_contracts(self) -> None:
        """None but those of the genesis: a state is opened once, not for every block."""

    def begin_transaction(self) -> None:
        """Forget what earlier transactions looked at."""
        self.slots, self.loaded, self.marked, self.authorities = set(), set(), set(), set()

    def is_storage_warm(self, address: Address, slot: int) -> bool:
        self.slots.add((bytes(address), slot))
        return super().is_storage_warm(address, slot)

    def is_address_warm(self, address: Address) -> bool:
        self.loaded.add(bytes(address))
        return super().is_address_warm(address)

    def mark_address_warm(self, address: Address) -> None:
        self.marked.add(bytes(address))
        super().mark_address_warm(address)

    def process_set_code_authorizations(self, transaction: SignedTransactionAPI) -> int:
        """To Anvil every account exists, so it gives the refund for each valid authorization."""
        self._authorizing, self._authorized = True, 0
        try:
            super().process_set_code_authorizations(transaction)
        finally:
            self._authorizing = False
        return self._authorized * (PER_EMPTY_ACCOUNT_BASE_COST - PER_AUTH_BASE_COST)

    def set_code(self, address: Address, code: bytes) -> None:
        if self._authorizing:
            self._authorized += 1
            self.authorities.add(bytes(address))
        super().set_code(address, code)


class Evm:
    """A chain's state in memory, from its genesis on."""

    def __init__(
        self, chain_id: int, alloc: Mapping[str, Mapping[str, Any]], *, op_stack: bool = False
    ) -> None:
        """`alloc`: accounts as in geth's ``genesis.json``. `op_stack`: it takes deposits, and the
        base fee has a vault."""
        self.op_stack = op_stack
        self._open(chain_id, AtomicDB(), EMPTY_TRIE, [])
        for address, account in alloc.items():
            self._put(Address(bytes.fromhex(address.removeprefix("0x"))), account)
        self._state.lock_changes()

    @classmethod
    def at(
        cls,
        chain_id: int,
        nodes: dict[bytes, bytes],
        root: bytes,
        hashes: Sequence[bytes],
        *,
        op_stack: bool = False,
    ) -> "Evm":
        """The chain as it was: `nodes` of its tries and code by their hashes, not written to; the
        state's `root`; `hashes` of the blocks before the next one's parent, the newest first."""
        evm = cls.__new__(cls)
        evm.op_stack = op_stack
        evm._open(chain_id, AtomicDB(MemoryDB(nodes)), root, hashes)
        return evm

    def _open(
        self, chain_id: int, database: AtomicDB, root: bytes, hashes: Sequence[bytes]
    ) -> None:
        self.chain_id = chain_id
        self._hashes = list(hashes)
        before = ExecutionContext(
            Address(bytes(20)), 0, BlockNumber(0), 0, Hash32(bytes(32)), 0, [], chain_id, 0, 0
        )
        self._state = _State(database, before, Hash32(root))
        self._state.begin_transaction()

    def _put(self, address: Address, account: Mapping[str, Any]) -> None:
        self._state.set_balance(address, _number(account.get("balance", "0x0")))
        self._state.set_nonce(address, _number(account.get("nonce", "0x0")))
        self._state.set_code(address, bytes.fromhex(account.get("code", "0x")[2:]))
        for slot, value in account.get("storage", {}).items():
            self._state.set_storage(address, _number(slot), _number(value))

    def begin(self, block: ChannelBlock, parent_hash: bytes) -> frozenset[tuple[bytes, int]]:
        """Go to `block`, whose parent has the hash `parent_hash`; the storage that this wrote."""
        self._hashes.insert(0, parent_hash)
        del self._hashes[256:]
        self._state.execution_context = ExecutionContext(
            coinbase=Address(block.miner),
            timestamp=block.timestamp,
            block_number=BlockNumber(block.number),
            difficulty=0,
            mix_hash=Hash32(block.mix_hash),
            gas_limit=block.gas_limit,
            prev_hashes=[Hash32(each) for each in self._hashes],
            chain_id=self.chain_id,
            base_fee_per_gas=block.base_fee,
            excess_blob_gas=0,
        )
        if not self._state.get_code(Address(HISTORY)):
            return frozenset()
        slot = (block.number - 1) % _HISTORY_WINDOW
        self._state.set_storage(Address(HISTORY), slot, int.from_bytes(parent_hash))
        self._state.lock_changes()
        return frozenset({(HISTORY, slot)})

    def apply(self, raw: bytes) -> Outcome:
        """Run one transaction: signed, or a deposit where there are such. NotExecutable."""
        if self.op_stack and raw[:1] == bytes((DEPOSIT_TYPE,)):
            return self._deposited(raw)
        try:
            transaction = PragueVM.get_transaction_builder().decode(raw)
            self._state.begin_transaction()
            computation = self._state.apply_transaction(transaction)
        except (ValidationError, RLPException, ValueError, TypeError) as error:
            raise NotExecutable(str(error) or type(error).__name__) from error
        gas_used = _gas_used(transaction, computation)
        touched = frozenset(self._touched(transaction, computation))
        if self.op_stack:
            base_fee = self._state.execution_context.base_fee_per_gas or 0
            self._state.delta_balance(Address(BASE_FEE_VAULT), base_fee * gas_used)
            touched |= VAULTS | {L1_BLOCK}
            self._state.slots |= FEE_SLOTS
        self._state.lock_changes()
        return Outcome(
            kind=raw[0] if raw[0] < 0x80 else 0,
            succeeded=not computation.is_error,
            gas_used=gas_used,
            logs=tuple(_logs(computation)),
            touched=touched,
            loaded=frozenset(self._loaded(transaction)),
            slots=frozenset(self._state.slots),
        )

    def _deposited(self, raw: bytes) -> Outcome:
        try:
            deposit = Deposit.decode(raw)
        except InvalidDeposit as error:
            raise NotExecutable(str(error)) from error
        self._state.begin_transaction()
        done = apply_deposit(self._state, deposit)
        self._state.lock_changes()
        computation = done.computation
        touched = {deposit.sender, *(_called(computation) if computation else ())}
        return Outcome(
            kind=DEPOSIT_TYPE,
            succeeded=computation is not None and not computation.is_error,
            gas_used=done.gas_used,
            logs=tuple(_logs(computation)) if computation else (),
            touched=frozenset(touched | self._state.authorities),
            loaded=frozenset(self._state.loaded | self._state.marked - {self._state.coinbase}),
            slots=frozenset(self._state.slots),
            deposit_nonce=done.nonce,
        )

    def _touched(
        self, transaction: SignedTransactionAPI, computation: ComputationAPI
    ) -> Iterator[bytes]:
        yield bytes(transaction.sender)
        yield bytes(self._state.coinbase)
        yield from _called(computation)
        yield from self._state.authorities

    def _loaded(self, transaction: SignedTransactionAPI) -> set[bytes]:
        """An access list alone makes warm and looks at nothing."""
        listed = {bytes(address) for address, _ in transaction.access_list}
        return self._state.loaded | (self._state.marked - listed) | {bytes(transaction.to)} - {b""}

    def account(self, address: bytes) -> tuple[int, int, bytes]:
        """Nonce, balance in wei, code hash."""
        at = Address(address)
        return (
            self._state.get_nonce(at),
            self._state.get_balance(at),
            bytes(self._state.get_code_hash(at)) if self._state.account_exists(at) else b"",
        )

    def code(self, address: bytes) -> bytes:
        """The account's code; empty without."""
        return self._state.get_code(Address(address))

    def storage(self, address: bytes, slot: int) -> int:
        """The word in a slot."""
        return self._state.get_storage(Address(address), slot)


def _gas_used(transaction: SignedTransactionAPI, computation: ComputationAPI) -> int:
    """As fees are taken (EIP-3529, EIP-7623); py-evm's receipts have it otherwise where both a
    refund and the floor of the data apply."""
    spent = int(transaction.gas) - computation.get_gas_remaining()
    refund = min(computation.get_gas_refund(), spent // 5)
    return spent - refund + int(computation.data_floor_gas)


def _called(computation: ComputationAPI) -> Iterator[bytes]:
    """Accounts of frames that were not reverted."""
    if computation.is_error:
        return
    yield bytes(computation.msg.storage_address)
    yield from (bytes(each) for each in computation.get_self_destruct_beneficiaries())
    for child in computation.children:
        yield from _called(child)


def _logs(computation: ComputationAPI) -> Iterator[Log]:
    if computation.is_error:
        return
    for address, topics, data in computation.get_log_entries():
        yield Log(bytes(address), tuple(topic.to_bytes(32) for topic in topics), bytes(data))


def _number(value: str | int) -> int:
    return value if isinstance(value, int) else int(value, 16)
