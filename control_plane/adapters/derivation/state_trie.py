"""The Merkle–Patricia tries of a chain, and how those of Anvil differ from Ethereum's.

What Anvil has loaded for a transaction it keeps, empty as it may be: an account that was looked at
in any way and has nothing stays in the state's trie as an empty account, and a slot that was read
or cleared stays in its contract's trie as a zero where a call to the contract was not reverted.
(Measured with Anvil 1.7; Ethereum has neither: EIP-161, and the yellow paper's appendix D.) Proofs
of such a chain are against those roots, so whoever derives it has to build the same.
"""

from abc import ABC, abstractmethod
from collections import ChainMap
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, Final, Self

from eth.vm.forks.prague.constants import HISTORY_STORAGE_CONTRACT_CODE
from trie.hexary import HexaryTrie

from control_plane.adapters.derivation.evm import HISTORY, Evm, Outcome
from control_plane.domain import rlp
from control_plane.domain.hashing import keccak256
from control_plane.domain.hexes import from_hex
from control_plane.domain.trie import EMPTY_TRIE

EMPTY_CODE: Final = keccak256(b"")


class StateTrie(ABC):
    """The state's trie, followed block by block."""

    def __init__(self, evm: Evm, alloc: Mapping[str, Mapping[str, Any]]) -> None:
        self._evm = evm
        self._nodes: MutableMapping[bytes, bytes] = {}
        self._past = False
        self._bare: set[bytes] = set()
        """Accounts that were looked for in a past state's trie, and have no storage."""
        self._accounts = HexaryTrie(self._nodes)
        self._storage: dict[bytes, HexaryTrie] = {}
        self._known: dict[bytes, set[int]] = {}
        self._slots: set[tuple[bytes, int]] = set()
        self._touched: set[bytes] = set()
        for address, account in alloc.items():
            at = from_hex(address)
            self._touched.add(at)
            self._slots |= {(at, int(slot, 16)) for slot in account.get("storage", {})}
        self._fold(genesis=True)

    def past(self, evm: Evm, root: bytes) -> Self:
        """The trie as it was when it had that root, for `evm` to go on from there; what it adds is
        not seen here. It does not know which accounts it has."""
        return self.at(evm, ChainMap({}, self._nodes), root)

    @classmethod
    def at(cls, evm: Evm, nodes: MutableMapping[bytes, bytes], root: bytes) -> Self:
        """The trie with that root, out of `nodes`, which get what it adds. It does not know which
        accounts it has."""
        trie = cls.__new__(cls)
        trie._evm = evm
        trie._nodes = nodes
        trie._accounts = HexaryTrie(trie._nodes, root)
        trie._storage, trie._known, trie._past = {}, {}, True
        trie._bare = set()
        trie._slots, trie._touched = set(), set()
        return trie

    @property
    def nodes(self) -> MutableMapping[bytes, bytes]:
        """Nodes of all tries that ever were, and all code, by their hashes."""
        return self._nodes

    @abstractmethod
    def note(self, outcome: Outcome) -> None:
        """Take over what a transaction touched."""

    def note_system(self, slots: Iterable[tuple[bytes, int]]) -> None:
        """Take over what was written at the beginning of a block."""
        for address, slot in slots:
            self._touched.add(address)
            self._slots.add((address, slot))

    def root(self) -> bytes:
        """The state's root after all that was noted."""
        self._fold()
        return bytes(self._accounts.root_hash)

    def accounts(self) -> frozenset[bytes]:
        """Addresses of all accounts in the trie."""
        return frozenset(self._known)

    def slots(self, address: bytes) -> frozenset[int]:
        """Slots in the account's trie, those with a zero included."""
        return frozenset(self._known.get(address, ()))

    def storage_root(self, address: bytes) -> bytes:
        """Root of the account's trie."""
        trie = self._storage_of(address)
        return bytes(trie.root_hash) if trie else EMPTY_TRIE

    def _storage_of(self, address: bytes) -> HexaryTrie | None:
        found = self._storage.get(address)
        if found is None and self._past and address not in self._bare:
            leaf = self._accounts.get(keccak256(address))
            root = rlp.decode_list(leaf)[2] if leaf else EMPTY_TRIE
            if isinstance(root, bytes) and root != EMPTY_TRIE:
                found = self._storage[address] = HexaryTrie(self._nodes, root)
            else:
                self._bare.add(address)
        return found

    def _fold(self, *, genesis: bool = False) -> None:
        for address, slot in self._slots:
            self._put_slot(address, slot, self._evm.storage(address, slot), genesis=genesis)
        for address in self._touched:
            nonce, balance, code = account = self._evm.account(address)
            if not genesis and self._is_gone(account):
                self._remove(address)
                continue
            self._known.setdefault(address, set())
            if code and code != EMPTY_CODE and code not in self._nodes:
                self._nodes[code] = self._evm.code(address)
            root = self.storage_root(address)
            leaf = [rlp.encode_int(nonce), rlp.encode_int(balance), root, code or EMPTY_CODE]
            self._accounts[keccak256(address)] = rlp.encode(leaf)
        self._slots.clear()
        self._touched.clear()

    @abstractmethod
    def _put_slot(self, address: bytes, slot: int, value: int, *, genesis: bool) -> None:
        """Take over what a slot holds now."""

    @abstractmethod
    def _is_gone(self, account: tuple[int, int, bytes]) -> bool:
        """Whether the state's trie has no such account."""

    def _set_slot(self, address: bytes, slot: int, value: int) -> None:
        trie = self._storage_of(address) or self._new(address)
        trie[keccak256(slot.to_bytes(32))] = rlp.encode(rlp.encode_int(value))
        self._known.setdefault(address, set()).add(slot)

    def _remove(self, address: bytes) -> None:
        key = keccak256(address)
        if key in self._accounts:
            self._accounts.delete(key)  # type: ignore[no-untyped-call]
        self._storage.pop(address, None)
        self._known.pop(address, None)

    def _new(self, address: bytes) -> HexaryTrie:
        trie = self._storage[address] = HexaryTrie(self._nodes)
        self._known.setdefault(address, set())
        return trie


class EthereumTrie(StateTrie):
    """As the yellow paper and EIP-161 have it: no empty accounts, and no zeros."""

    def note(self, outcome: Outcome) -> None:
        """See :meth:`StateTrie.note`."""
        self._touched |= outcome.touched
        self._slots |= {entry for entry in outcome.slots if entry[0] in outcome.touched}

    def _put_slot(
        self,
        address: bytes,
        slot: int,
        value: int,
        *,
        genesis: bool,  # noqa: ARG002
    ) -> None:
        if value:
            self._set_slot(address, slot, value)
            return
        trie, key = self._storage_of(address), keccak256(slot.to_bytes(32))
        if trie is not None and key in trie:
            trie.delete(key)  # type: ignore[no-untyped-call]
            self._known.setdefault(address, set()).discard(slot)

    def _is_gone(self, account: tuple[int, int, bytes]) -> bool:
        nonce, balance, code = account
        return not (nonce or balance or code.removeprefix(EMPTY_CODE))


class AnvilTrie(StateTrie):
    """Anvil's."""

    def note(self, outcome: Outcome) -> None:
        """See :meth:`StateTrie.note`."""
        self._touched |= outcome.touched | outcome.loaded
        self._slots |= {entry for entry in outcome.slots if entry[0] in outcome.touched}

    def _put_slot(self, address: bytes, slot: int, value: int, *, genesis: bool) -> None:
        if value or not genesis:
            self._set_slot(address, slot, value)

    def _is_gone(self, _: tuple[int, int, bytes]) -> bool:
        return False


def anvil_alloc(alloc: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The accounts with which Anvil begins: those of the genesis file, and EIP-2935's contract."""
    code = "0x" + HISTORY_STORAGE_CONTRACT_CODE.hex()
    return {**alloc, HISTORY.hex(): {"code": code}}
