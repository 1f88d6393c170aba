"""Executes a rollup's blocks again, from its genesis on, and says where they differ from the claim.

Everything that a header commits to is computed anew: the state's root first, and then, by the
block's hash, transactions, receipts, logs, gas, and the chain of parents.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from control_plane.adapters.derivation.evm import Log, NotExecutable, Outcome
from control_plane.adapters.derivation.flavours import flavour_of
from control_plane.adapters.derivation.headers import NO_REQUESTS, NO_UNCLES, Parent
from control_plane.adapters.derivation.list_trie import list_root
from control_plane.adapters.derivation.living import living
from control_plane.domain import rlp
from control_plane.domain.channels import ChannelBlock
from control_plane.domain.hashing import keccak256
from control_plane.domain.rlp import Item

_BLOOM_BYTES: Final = 256
_MOST: Final = 50_000
"""Nodes, up to which nothing is forgotten."""
_RECEIPT_VERSION: Final = 1
"""Of a deposit's receipt, since Canyon (OP Stack specifications, "Deposits")."""


class Differs(ValueError):
    """A block that is not what executing its transactions gives."""

    def __init__(self, number: int, what: str, claimed: str, found: str) -> None:
        super().__init__(f"block {number}: its {what} is {claimed}, executing it gives {found}")
        self.number = number
        self.what = what
        self.claimed = claimed
        self.found = found


class HeaderDiffers(Differs):
    """A block whose header does not follow from its parent's; it was not executed."""


@dataclass(frozen=True, slots=True)
class Replayed:
    number: int
    transactions: int
    gas_used: int


class Replay:
    """One rollup."""

    def __init__(self, genesis: Mapping[str, Any], genesis_hash: bytes) -> None:
        """`genesis`: geth's ``genesis.json``; `genesis_hash`: of block 0, for programs whose own
        can't be computed."""
        self._flavour = flavour_of(genesis)
        self.evm, self._trie = self._flavour.open()
        parent = self._flavour.block_zero(self._trie)
        self.genesis_root = None if parent is None else self._trie.root()
        """As block 0 shows it; None where it shows another one than it has."""
        self._before: Parent | None = parent
        """None: not known, or of no use."""
        self._parent = genesis_hash if parent is None else parent.hash
        self._next = 1
        self._most = _MOST
        self.outcomes: list[Outcome] = []
        """Of the transactions of the block that was executed last."""

    def execute(self, block: ChannelBlock) -> Replayed:
        """Run the next block. Differs when it is not what it claims; but for HeaderDiffers the
        state is then that after executing it. ValueError for another block than the next one."""
        root = self.run(block)
        self._compare(block, "state root", block.state_root, root)
        header = self._header(block, root)
        self._compare(block, "hash", block.hash, keccak256(header))
        self._go_on(block, header)
        gas = sum(outcome.gas_used for outcome in self.outcomes)
        return Replayed(block.number, len(self.outcomes), gas)

    def derive(self, block: ChannelBlock) -> bytes:
        """Run the next block and believe nothing that it says of its outcome: RLP of the header
        that it has. Differs when a transaction can't be in it. ValueError as `execute`."""
        header = self._header(block, self.run(block))
        self._go_on(block, header)
        return header

    def _go_on(self, block: ChannelBlock, header: bytes) -> None:
        self._parent, self._next = keccak256(header), block.number + 1
        self._before = Parent.of_header(header)

    def run(self, block: ChannelBlock, roots: list[bytes] | None = None) -> bytes:
        """The state's root after the transactions of the next block; Differs when one can't be in
        it. `roots` gets the roots before the first and after each transaction."""
        if block.number != self._next:
            raise ValueError(f"block {block.number} does not follow {self._next - 1}")
        wrong = self._flavour.wrong(block, self._before) if self._before else None
        if wrong is not None:
            raise HeaderDiffers(block.number, wrong.what, wrong.claimed, wrong.found)
        self._trie.note_system(self.evm.begin(block, self._parent))
        if roots is not None:
            roots.append(self._trie.root())
        self.outcomes = []
        for at in range(len(block.transactions)):
            self.outcomes.append(self._apply(block, at))
            self._trie.note(self.outcomes[-1])
            if roots is not None:
                roots.append(self._trie.root())
        return self._trie.root()

    def past(self, number: int, root: bytes, hashes: Sequence[bytes]) -> "Replay":
        """As it was before block `number`, with the state's `root`; `hashes` of the blocks before,
        the newest first, at most 256 and at least one. What it executes is not seen here."""
        replay = Replay.__new__(Replay)
        replay._flavour, replay._before, replay.genesis_root = self._flavour, None, None
        replay.evm = self.evm.past(self.nodes, root, hashes[1:])
        replay._trie = self._trie.past(replay.evm, root)
        replay._parent, replay._next, replay.outcomes = hashes[0], number, []
        return replay

    def reopen(self, header: bytes, hashes: Sequence[bytes], nodes: dict[bytes, bytes]) -> None:
        """Go to behind the block with that `header` (RLP) and forget all else; `nodes` are those of
        its state's tries and code, `hashes` as for :meth:`past`. It does not know any more which
        accounts it has."""
        fields = rlp.decode_list(header)
        number, root = (each if isinstance(each, bytes) else b"" for each in (fields[8], fields[3]))
        self.evm = self.evm.past(nodes, root, hashes[1:])
        self._trie = self._trie.at(self.evm, nodes, root)
        self._parent, self._next, self.outcomes = hashes[0], int.from_bytes(number) + 1, []
        self._before = Parent.of_header(header)

    def forget(self) -> None:
        """Drop what only earlier states have, once it is more than half: no `past` afterwards."""
        nodes = self.nodes
        if len(nodes) < self._most:
            return
        left = living(nodes, [self.root])
        nodes.clear()
        nodes.update(left)
        self._most = max(_MOST, 2 * len(nodes))

    @property
    def nodes(self) -> dict[bytes, bytes]:
        """Nodes of the tries of all states since it was opened, and all code, by their hashes."""
        return cast("dict[bytes, bytes]", self._trie.nodes)

    @property
    def parent_hash(self) -> bytes:
        """Hash of the block that was executed last, or of block 0."""
        return self._parent

    @property
    def root(self) -> bytes:
        """The state's root after the block that was executed last."""
        return self._trie.root()

    def accounts(self) -> frozenset[bytes]:
        """Addresses of all accounts that the state has."""
        return self._trie.accounts()

    def slots(self, address: bytes) -> frozenset[int]:
        """Slots of the account that were ever in its trie."""
        return self._trie.slots(address)

    def storage_root(self, address: bytes) -> bytes:
        """Root of the account's storage trie."""
        return self._trie.storage_root(address)

    def _apply(self, block: ChannelBlock, at: int) -> Outcome:
        try:
            return self.evm.apply(block.transactions[at])
        except NotExecutable as error:
            claimed = "part of it"
            raise Differs(block.number, f"transaction {at}", claimed, str(error)) from error

    @staticmethod
    def _compare(block: ChannelBlock, what: str, claimed: bytes, found: bytes) -> None:
        if claimed != found:
            raise Differs(block.number, what, "0x" + claimed.hex(), "0x" + found.hex())

    def _header(self, block: ChannelBlock, root: bytes) -> bytes:
        """RLP of the header (fields and their order: ``domain/header.py``)."""
        number = rlp.encode_int
        outcomes = self.outcomes
        receipts, bloom = _receipts(outcomes)
        return rlp.encode(
            [
                self._parent,
                NO_UNCLES,
                block.miner,
                root,
                list_root(block.transactions),
                list_root(receipts),
                bloom,
                number(0),
                number(block.number),
                number(block.gas_limit),
                number(sum(outcome.gas_used for outcome in outcomes)),
                number(block.timestamp),
                block.extra_data,
                block.mix_hash,
                bytes(8),
                number(block.base_fee),
                self._flavour.withdrawals_root(self._trie),
                number(self.evm.blob_gas_used),
                number(0),
                block.parent_beacon_root,
                NO_REQUESTS,
            ]
        )


def _receipts(outcomes: Sequence[Outcome]) -> tuple[list[bytes], bytes]:
    """Consensus encoding of the receipts (EIP-658, EIP-2718; deposits' have a nonce and a version
    besides), and the bloom over all of them."""
    found, gas, whole = [], 0, 0
    for outcome in outcomes:
        gas += outcome.gas_used
        bloom = _bloom(outcome.logs)
        whole |= bloom
        logs: Item = [[log.address, log.topics, log.data] for log in outcome.logs]
        fields: list[Item] = [
            rlp.encode_int(int(outcome.succeeded)),
            rlp.encode_int(gas),
            bloom.to_bytes(_BLOOM_BYTES),
            logs,
        ]
        if outcome.deposit_nonce is not None:
            fields += [rlp.encode_int(outcome.deposit_nonce), rlp.encode_int(_RECEIPT_VERSION)]
        body = rlp.encode(fields)
        found.append(bytes((outcome.kind,)) + body if outcome.kind else body)
    return found, whole.to_bytes(_BLOOM_BYTES)


def _bloom(logs: Sequence[Log]) -> int:
    """Three bits for each address and topic (yellow paper, section 4.3.1)."""
    bloom = 0
    for log in logs:
        for item in (log.address, *log.topics):
            digest = keccak256(item)
            for at in (0, 2, 4):
                bloom |= 1 << (int.from_bytes(digest[at : at + 2]) & 2047)
    return bloom
