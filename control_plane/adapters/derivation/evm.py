"""The EVM of Prague rules, by py-evm: runs transactions, and says what each did.

What a node's program does in a way of its own is in the modules beside: ``anvil_evm``,
``op_geth_evm``.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

from eth.abc import ComputationAPI, SignedTransactionAPI
from eth.db.atomic import AtomicDB
from eth.db.backends.memory import MemoryDB
from eth.exceptions import PyEVMError
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.state import PragueState
from eth_typing import Address, BlockNumber, Hash32
from eth_utils.exceptions import ValidationError

from control_plane.adapters.derivation.op_stack import apply_deposit
from control_plane.domain.channels import ChannelBlock
from control_plane.domain.hexes import from_hex
from control_plane.domain.op_stack import DEPOSIT_TYPE, Deposit, InvalidDeposit
from control_plane.domain.trie import EMPTY_TRIE

HISTORY: Final = bytes.fromhex("0000f90827f1c53a10cb7a02335b175320002935")
"""EIP-2935's contract, in which every block leaves its parent's hash."""
_HASHES: Final = 256
"""Of earlier blocks, which BLOCKHASH reaches."""


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


class RecordingState(PragueState):
    """A state that notes what transactions look at."""

    slots: set[tuple[bytes, int]]
    loaded: set[bytes]
    marked: set[bytes]
    """Accounts that were made warm, by an access list (EIP-2930) or by being looked at."""
    authorities: set[bytes]
    """Accounts that a set-code transaction (EIP-7702) changed."""
    authorized: int
    """Authorizations of the transaction that were valid."""
    _authorizing = False

    def set_system_contracts(self) -> None:
        """None but those of the genesis: a state is opened once, not for every block."""

    def begin_transaction(self) -> None:
        """Forget what earlier transactions looked at."""
        self.slots, self.loaded, self.marked, self.authorities = set(), set(), set(), set()
        self.authorized = 0

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
        self._authorizing = True
        try:
            return super().process_set_code_authorizations(transaction)
        finally:
            self._authorizing = False

    def set_code(self, address: Address, code: bytes) -> None:
        self._authorize(address)
        super().set_code(address, code)

    def delete_code(self, address: Address) -> None:
        self._authorize(address)
        super().delete_code(address)

    def _authorize(self, address: Address) -> None:
        if self._authorizing:
            self.authorized += 1
            self.authorities.add(bytes(address))


class Evm(ABC):
    """A chain's state in memory, from its genesis on."""

    state_class: ClassVar[type[RecordingState]]
    tells_next_nonce: ClassVar[bool]
    """Whether a deposit's receipt has the nonce afterwards, not the one before."""
    takes_deposits: ClassVar[bool]

    def __init__(self, chain_id: int, alloc: Mapping[str, Mapping[str, Any]]) -> None:
        """`alloc`: accounts as in geth's ``genesis.json``."""
        self.chain_id = chain_id
        self._open(AtomicDB(), EMPTY_TRIE, [])
        for address, account in alloc.items():
            self._put(Address(from_hex(address)), account)
        self._state.lock_changes()

    def past(self, nodes: dict[bytes, bytes], root: bytes, hashes: Sequence[bytes]) -> Self:
        """The chain as it was: `nodes` of its tries and code by their hashes, not written to; the
        state's `root`; `hashes` of the blocks before the next one's parent, the newest first."""
        evm = type(self).__new__(type(self))
        evm.chain_id = self.chain_id
        evm._open(AtomicDB(MemoryDB(nodes)), root, hashes)
        return evm

    def _open(self, database: AtomicDB, root: bytes, hashes: Sequence[bytes]) -> None:
        self._hashes = list(hashes)
        before = ExecutionContext(
            Address(bytes(20)), 0, BlockNumber(0), 0, Hash32(bytes(32)), 0, [], self.chain_id, 0, 0
        )
        self._state = self.state_class(database, before, Hash32(root))
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
        del self._hashes[_HASHES:]
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
        self._state.begin_transaction()
        slots = self._run_system(block, parent_hash)
        self._state.lock_changes()
        return slots

    @property
    def blob_gas_used(self) -> int:
        """As the block's header has it."""
        return 0

    def apply(self, raw: bytes) -> Outcome:
        """Run one transaction: signed, or a deposit where there are such. NotExecutable."""
        if self.takes_deposits and raw[:1] == bytes((DEPOSIT_TYPE,)):
            return self._deposited(raw)
        transaction = _decode(raw)
        self._state.begin_transaction()
        before = self._state.snapshot()
        try:
            self._admit(transaction, raw)
            computation = self._state.apply_transaction(transaction)
        except (ValidationError, PyEVMError, ValueError, TypeError) as error:
            self._state.revert(before)
            raise NotExecutable(str(error) or type(error).__name__) from error
        self._state.commit(before)
        gas_used = _gas_used(transaction, computation)
        touched = frozenset(self._touched(transaction, computation))
        touched |= self._settle(transaction, gas_used)
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

    @abstractmethod
    def _run_system(self, block: ChannelBlock, parent_hash: bytes) -> frozenset[tuple[bytes, int]]:
        """What is done before the first transaction; the storage that it wrote."""

    def _admit(self, transaction: SignedTransactionAPI, raw: bytes) -> None:  # noqa: ARG002
        """Refuse what py-evm would take, before anything is done. ValueError."""
        chain_id = transaction.chain_id
        if chain_id not in {None, self.chain_id}:
            raise ValueError(f"it is signed for chain {chain_id}")

    @abstractmethod
    def _settle(self, transaction: SignedTransactionAPI, gas_used: int) -> frozenset[bytes]:
        """Pay those whom a transaction that was run pays beside the coinbase; who they are."""

    def _admit_deposit(self, deposit: Deposit) -> None:  # noqa: B027 - not all do
        """Refuse one that no block may have at this place. ValueError."""

    def _settle_deposit(self, deposit: Deposit, gas_used: int) -> None:  # noqa: B027
        """Take note of the gas that it used."""

    def _deposited(self, raw: bytes) -> Outcome:
        try:
            deposit = Deposit.decode(raw)
            self._admit_deposit(deposit)
        except (InvalidDeposit, ValueError) as error:
            raise NotExecutable(str(error)) from error
        sender = Address(deposit.sender)
        self._state.begin_transaction()
        before = self._state.get_nonce(sender)
        try:
            done = apply_deposit(self._state, deposit)
        except ValidationError as error:  # more coins than there can be
            raise NotExecutable(str(error)) from error
        self._settle_deposit(deposit, done.gas_used)
        nonce = self._state.get_nonce(sender) if self.tells_next_nonce else before
        self._state.lock_changes()
        computation = done.computation
        touched = {deposit.sender, *(called(computation) if computation else ())}
        return Outcome(
            kind=DEPOSIT_TYPE,
            succeeded=computation is not None and not computation.is_error,
            gas_used=done.gas_used,
            logs=tuple(_logs(computation)) if computation else (),
            touched=frozenset(touched | self._state.authorities),
            loaded=frozenset(self._state.loaded | self._state.marked - {self._state.coinbase}),
            slots=frozenset(self._state.slots),
            deposit_nonce=nonce,
        )

    def _touched(
        self, transaction: SignedTransactionAPI, computation: ComputationAPI
    ) -> Iterator[bytes]:
        yield bytes(transaction.sender)
        yield bytes(self._state.coinbase)
        yield from called(computation)
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


def _decode(raw: bytes) -> SignedTransactionAPI:
    """The transaction, its sender known. NotExecutable."""
    try:
        transaction = PragueVM.get_transaction_builder().decode(raw)
        transaction.sender  # noqa: B018 - is recovered here
    except Exception as error:  # whatever it stumbles over: these bytes are no transaction
        raise NotExecutable(str(error) or type(error).__name__) from error
    return transaction


def _gas_used(transaction: SignedTransactionAPI, computation: ComputationAPI) -> int:
    """As fees are taken (EIP-3529, EIP-7623); py-evm's receipts have it otherwise where both a
    refund and the floor of the data apply."""
    spent = int(transaction.gas) - computation.get_gas_remaining()
    refund = min(computation.get_gas_refund(), spent // 5)
    return spent - refund + int(computation.data_floor_gas)


def called(computation: ComputationAPI) -> Iterator[bytes]:
    """Accounts of frames that were not reverted."""
    if computation.is_error:
        return
    yield bytes(computation.msg.storage_address)
    yield from (bytes(each) for each in computation.get_self_destruct_beneficiaries())
    for child in computation.children:
        yield from called(child)


def _logs(computation: ComputationAPI) -> Iterator[Log]:
    if computation.is_error:
        return
    for address, topics, data in computation.get_log_entries():
        yield Log(bytes(address), tuple(topic.to_bytes(32) for topic in topics), bytes(data))


def _number(value: str | int) -> int:
    return value if isinstance(value, int) else int(value, 16)
