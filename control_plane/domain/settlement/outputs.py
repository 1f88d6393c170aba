"""Outputs of a rollup on the L1: what ``L2OutputOracle`` is told, and what it answers.

Hashes and roots are 32 bytes, times seconds of the L1, amounts wei.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from control_plane.domain import rlp
from control_plane.domain.calls import encode_call, selector, tail, word
from control_plane.domain.hashing import keccak256
from control_plane.domain.settlement.places import ORACLE, address_of

BOND: Final = 10**18
"""``L2OutputOracle.BOND``."""
PROPOSED: Final = keccak256(b"OutputProposed(bytes32,uint256,uint256,uint256)")
"""First topic; then output root, index and block."""
DELETED: Final = keccak256(b"OutputsDeleted(uint256,uint256)")
"""First topic; then the number of outputs before and after."""
_PROPOSE: Final = "propose(bytes,bytes[],bytes)"
_WORDS: Final = 12
_STATE_ROOT: Final = 3
"""Of a header's fields."""


@dataclass(frozen=True, slots=True)
class Output:
    """What ``L2OutputOracle.output(uint256)`` says."""

    output_root: bytes
    block_hash: bytes
    state_root: bytes
    message_passer_storage_root: bytes
    batch_commitment: bytes
    block_number: int
    block_timestamp: int
    proposed_at: int
    final_at: int
    """Unix seconds from which it is final, unless a dispute is open."""
    serial: int
    """Outputs that were proposed before, removed ones too."""
    proposer: bytes
    bond: int
    """0 once it was withdrawn."""


@dataclass(frozen=True, slots=True)
class Parent:
    """The block that an output follows: of the output before it, or the genesis."""

    block_hash: bytes
    state_root: bytes
    number: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """Arguments of ``propose``. Its block is whatever the header says."""

    number: int
    header: bytes
    """RLP."""
    account_proof: tuple[bytes, ...]
    """Trie nodes from the state root to the message passer's account."""

    @property
    def block_hash(self) -> bytes:
        return keccak256(self.header)

    @property
    def state_root(self) -> bytes:
        found = rlp.decode_list(self.header)[_STATE_ROOT]
        return found if isinstance(found, bytes) else bytes(32)

    def encode(self, proof: bytes = b"") -> bytes:
        """The call's data; `proof` for the verifier."""
        header, nodes = tail(self.header), _array(self.account_proof)
        first = 3 * 32
        heads = (first, first + len(header), first + len(header) + len(nodes))
        return selector(_PROPOSE) + b"".join(map(word, heads)) + header + nodes + tail(proof)


def decode_proposal(data: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """Header and account proof of a transaction that calls ``propose``. ValueError for another."""
    if data[:4] != selector(_PROPOSE):
        raise ValueError("the transaction does not call propose")
    body = data[4:]
    header, nodes = (_number_at(body, at) for at in (0, 32))
    count = _number_at(body, nodes)
    heads = [_number_at(body, nodes + 32 * (1 + each)) for each in range(min(count, len(body)))]
    return _bytes_at(body, header), tuple(_bytes_at(body, nodes + 32 + head) for head in heads)


def _number_at(data: bytes, at: int) -> int:
    if at + 32 > len(data):
        raise ValueError("the transaction's data are cut off")
    return int.from_bytes(data[at : at + 32])


def _bytes_at(data: bytes, at: int) -> bytes:
    length = _number_at(data, at)
    found = data[at + 32 : at + 32 + length]
    if len(found) != length:
        raise ValueError("the transaction's data are cut off")
    return found


def output_root(state_root: bytes, storage_root: bytes, block_hash: bytes) -> bytes:
    """The OP Stack's output root of version 0 (its specifications, "L2 Output Commitment
    Construction")."""
    return keccak256(bytes(32) + state_root + storage_root + block_hash)


def oracle_address(contracts: Mapping[str, str], chain_id: int) -> bytes:
    """The oracle of the rollup `chain_id`; `contracts` by JSON key."""
    return address_of(contracts, ORACLE, chain_id)


def output_call(index: int) -> bytes:
    """Calldata of ``output(uint256)``."""
    return encode_call("output(uint256)", index)


def decode_output(data: bytes) -> Output:
    """Its answer. ValueError for anything else."""
    words = _words(data, _WORDS)
    root, block_hash, state_root, storage_root, commitment = words[:5]
    block, time, proposed_at, final_at, serial = (int.from_bytes(each) for each in words[5:10])
    roots = (root, block_hash, state_root, storage_root, commitment)
    numbers = (block, time, proposed_at, final_at, serial)
    return Output(*roots, *numbers, words[10][12:], int.from_bytes(words[11]))


def parent_call(index: int) -> bytes:
    """Calldata of ``parentOf(uint256)``."""
    return encode_call("parentOf(uint256)", index)


def decode_parent(data: bytes) -> Parent:
    """Its answer. ValueError for anything else."""
    block_hash, state_root, number = _words(data, 3)
    return Parent(block_hash, state_root, int.from_bytes(number))


def next_index_call() -> bytes:
    """Calldata of ``nextOutputIndex()``: how many outputs there are."""
    return encode_call("nextOutputIndex()")


def latest_final_call() -> bytes:
    """Calldata of ``latestFinalIndex()``."""
    return encode_call("latestFinalIndex()")


def decode_final(data: bytes) -> int | None:
    """Answer of ``latestFinalIndex()``: None when none is final. ValueError for anything else."""
    found, index = (int.from_bytes(each) for each in _words(data, 2))
    return index if found else None


def locks_call(index: int) -> bytes:
    """Calldata of ``locks(uint256)``: how many disputes are open over an output."""
    return encode_call("locks(uint256)", index)


def decode_number(data: bytes) -> int:
    """One word. ValueError for anything else."""
    return int.from_bytes(_words(data, 1)[0])


def withdraw_call(index: int) -> bytes:
    """Calldata of ``withdrawBond(uint256)``."""
    return encode_call("withdrawBond(uint256)", index)


def _words(data: bytes, count: int) -> list[bytes]:
    if len(data) != count * 32:
        raise ValueError(f"{len(data)} bytes are no answer of an {ORACLE}")
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def _array(items: Sequence[bytes]) -> bytes:
    """A ``bytes[]``."""
    tails = [tail(item) for item in items]
    return word(len(items)) + b"".join(map(word, _offsets(tails))) + b"".join(tails)


def _offsets(tails: Sequence[bytes]) -> Iterator[int]:
    at = len(tails) * 32
    for each in tails:
        yield at
        at += len(each)
