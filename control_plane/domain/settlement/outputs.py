"""Outputs of a rollup on the L1: what ``L2OutputOracle`` is told, and what it answers.

Hashes and roots are 32 bytes, times seconds of the L1, amounts wei.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from control_plane.domain.calls import encode_call, selector, tail, word
from control_plane.domain.hashing import keccak256
from control_plane.domain.settlement.places import address_of

ORACLE: Final = "L2OutputOracle"
MESSAGE_PASSER: Final = bytes.fromhex("4200000000000000000000000000000000000016")
"""The OP Stack's L2ToL1MessagePasser, a predeploy."""
BOND: Final = 10**18
"""``L2OutputOracle.BOND``."""
PROPOSED: Final = keccak256(b"OutputProposed(bytes32,uint256,uint256,uint256)")
"""First topic; then output root, index and block."""
DELETED: Final = keccak256(b"OutputsDeleted(uint256,uint256)")
"""First topic; then the number of outputs before and after."""
_PROPOSE: Final = "propose(bytes,bytes[],bytes)"
_WORDS: Final = 11


@dataclass(frozen=True, slots=True)
class Output:
    """What ``L2OutputOracle.output(uint256)`` says."""

    index: int
    output_root: bytes
    block_hash: bytes
    state_root: bytes
    message_passer_storage_root: bytes
    batch_commitment: bytes
    block_number: int
    block_timestamp: int
    proposed_at: int
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

    def encode(self, proof: bytes = b"") -> bytes:
        """The call's data; `proof` for the verifier."""
        header, nodes = tail(self.header), _array(self.account_proof)
        first = 3 * 32
        heads = (first, first + len(header), first + len(header) + len(nodes))
        return selector(_PROPOSE) + b"".join(map(word, heads)) + header + nodes + tail(proof)


@dataclass(frozen=True, slots=True)
class PublicInputs:
    """What a validity proof is about (``IProofVerifier.PublicInputs``)."""

    chain_id: int
    previous_block_hash: bytes
    previous_state_root: bytes
    block_hash: bytes
    state_root: bytes
    message_passer_storage_root: bytes
    batch_commitment: bytes

    def encode(self) -> bytes:
        """``abi.encode``."""
        return word(self.chain_id) + b"".join(
            (
                self.previous_block_hash,
                self.previous_state_root,
                self.block_hash,
                self.state_root,
                self.message_passer_storage_root,
                self.batch_commitment,
            )
        )


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


def decode_output(index: int, data: bytes) -> Output:
    """Its answer. ValueError for anything else."""
    words = _words(data, _WORDS)
    numbers = [int.from_bytes(each) for each in words]
    return Output(index, *words[:5], *numbers[5:9], words[9][12:], numbers[10])


def parent_call(index: int) -> bytes:
    """Calldata of ``parentOf(uint256)``."""
    return encode_call("parentOf(uint256)", index)


def decode_parent(data: bytes) -> Parent:
    """Its answer. ValueError for anything else."""
    block_hash, state_root, number = _words(data, 3)
    return Parent(block_hash, state_root, int.from_bytes(number))


def decode_final(data: bytes) -> int | None:
    """Answer of ``latestFinalIndex()``: None when none is final. ValueError for anything else."""
    found, index = (int.from_bytes(each) for each in _words(data, 2))
    return index if found else None


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
