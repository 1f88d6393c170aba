"""Contract ABI of certificates and sets: calldata of `RootVerifier` and `BatchProcessor`.

Written out for these few records, because a certificate is encoded on the way of every message
and a general encoder takes twenty times as long. Source: Solidity's contract ABI specification.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from control_plane.domain.formats import (
    Certificate,
    EpochHeader,
    GuardianSet,
    Member,
    QuorumProof,
)
from control_plane.domain.hashing import keccak256

HEADER_TYPE: Final = "(uint64,uint64,uint64,bytes32,bytes32)"
QUORUM_TYPE: Final = "((uint32,address,uint96,bytes)[],bytes32[],bool[],bytes)"
CERTIFICATE_TYPE: Final = f"({HEADER_TYPE},{QUORUM_TYPE})"
SET_TYPE: Final = "(uint64,uint32,uint96,bytes32,bytes)"
ITEM_TYPE: Final = "(uint256,bytes,bytes)"
MEMBER_TYPE: Final = "(uint32,address,uint96,bytes)"
GROUP_TYPE: Final = "(address,uint256,bytes,bytes[])"


def _selector(signature: str) -> bytes:
    return keccak256(signature.encode())[:4]


_SUBMIT: Final = _selector(f"submit({CERTIFICATE_TYPE})")
_INSTALL: Final = _selector(f"install(bytes32,{SET_TYPE})")
_ROTATE: Final = _selector(f"rotate({SET_TYPE},{QUORUM_TYPE})")
_PROCESS_BATCH: Final = _selector(f"processBatch({CERTIFICATE_TYPE}[],{ITEM_TYPE}[])")
PROCESS_GROUPS: Final = _selector(
    f"processGroups({CERTIFICATE_TYPE}[],{GROUP_TYPE}[],{ITEM_TYPE}[])"
)


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One message for `BatchProcessor.processBatch`."""

    gas_limit: int
    """Gas for the whole of `Mailbox.process`."""
    metadata: bytes
    message: bytes


@dataclass(frozen=True, slots=True)
class BatchGroup:
    """Messages for `BatchProcessor.processGroups` that share a proof."""

    module: bytes
    """The `AggregateRootIsm` that takes the proof."""
    gas_limit: int
    """Gas for the whole of `Mailbox.process`, for each of them."""
    proof: bytes
    """A multi-proof."""
    messages: tuple[bytes, ...]


def submit_calldata(certificate: Certificate) -> bytes:
    """Call of `RootVerifier.submit`."""
    return _SUBMIT + _frame([], [_certificate(certificate)])


def install_calldata(network_id: bytes, guardian_set: GuardianSet) -> bytes:
    """Call of `RootVerifier.install`, which the governor makes."""
    return _INSTALL + _frame([network_id], [_set(guardian_set)])


def rotate_calldata(following: GuardianSet, quorum: QuorumProof) -> bytes:
    """Call of `RootVerifier.rotate`; `quorum` is the outgoing set's over the new commitment."""
    return _ROTATE + _frame([], [_set(following), _quorum(quorum)])


def process_batch_calldata(
    certificates: Sequence[Certificate | bytes], items: Sequence[BatchItem]
) -> bytes:
    """Call of `BatchProcessor.processBatch`.

    A certificate may be given as `encode_certificate` gave it, as epochs are recorded.
    """
    return _PROCESS_BATCH + _frame([], [_certificates(certificates), _items(items)])


def process_groups_calldata(
    certificates: Sequence[Certificate | bytes],
    groups: Sequence[BatchGroup],
    items: Sequence[BatchItem],
) -> bytes:
    """Call of `BatchProcessor.processGroups`; certificates as for `process_batch_calldata`."""
    batch = [
        _frame(
            [group.module.rjust(32, b"\0"), _uint(group.gas_limit)],
            [_bytes(group.proof), _array([_bytes(message) for message in group.messages])],
        )
        for group in groups
    ]
    parts = [_certificates(certificates), _array(batch), _items(items)]
    return PROCESS_GROUPS + _frame([], parts)


def encode_certificate(certificate: Certificate) -> bytes:
    """`abi.encode(certificate)`: how epochs are recorded and certificates exchanged."""
    return _frame([], [_certificate(certificate)])


def encode_guardian_set(guardian_set: GuardianSet) -> bytes:
    """`abi.encode(guardianSet)`."""
    return _frame([], [_set(guardian_set)])


def decode_certificate(data: bytes) -> Certificate:
    """From what `encode_certificate` gave, and only from that; ValueError for anything else."""
    try:
        certificate = _Reader(data).certificate()
        canonical = encode_certificate(certificate) == data
    except (IndexError, OverflowError) as error:
        raise ValueError("not an ABI-encoded certificate") from error
    if not canonical:
        raise ValueError("not the canonical encoding of a certificate")
    return certificate


def decode_guardian_set(data: bytes) -> GuardianSet:
    """From what a call that returns a set answers; ValueError."""
    try:
        return _Reader(data).at(0).guardian_set()
    except (IndexError, OverflowError) as error:
        raise ValueError("not an ABI-encoded guardian set") from error


def decode_quorum(data: bytes) -> QuorumProof:
    """From ``abi.encode(quorum)``; ValueError."""
    try:
        return _Reader(data).at(0).quorum()
    except (IndexError, OverflowError) as error:
        raise ValueError("not an ABI-encoded quorum") from error


def decode_rotation(data: bytes) -> tuple[GuardianSet, QuorumProof]:
    """From what `rotate_calldata` gave; ValueError."""
    try:
        if data[:4] != _ROTATE:
            raise ValueError("not a call of RootVerifier.rotate")
        body = _Reader(data[4:])
        return body.at(0).guardian_set(), body.at(1).quorum()
    except (IndexError, OverflowError) as error:
        raise ValueError("not a call of RootVerifier.rotate") from error


def decode_sealed(data: bytes) -> tuple[GuardianSet, tuple[Member, ...]]:
    """The data of `GuardianSetSealed`: a set and its members; ValueError."""
    try:
        body = _Reader(data)
        return body.at(0).guardian_set(), body.at(1).members()
    except (IndexError, OverflowError) as error:
        raise ValueError("not the data of a sealed guardian set") from error


# ---------------------------------------------------------------- encoding


def _uint(value: int, size: int = 32) -> bytes:
    """A word that holds an unsigned integer of `size` bytes; OverflowError if it does not fit."""
    return value.to_bytes(size).rjust(32, b"\0")


def _bytes(data: bytes) -> bytes:
    return _uint(len(data)) + data + bytes(-len(data) % 32)


def _words(words: Sequence[bytes]) -> bytes:
    return _uint(len(words)) + b"".join(words)


def _frame(static: Sequence[bytes], dynamic: Sequence[bytes]) -> bytes:
    """A tuple whose static words come first, then the offsets of its dynamic members."""
    offset = 32 * (len(static) + len(dynamic))
    heads = []
    for part in dynamic:
        heads.append(_uint(offset))
        offset += len(part)
    return b"".join((*static, *heads, *dynamic))


def _array(elements: Sequence[bytes]) -> bytes:
    """An array of dynamic elements."""
    return _uint(len(elements)) + _frame([], elements)


def _certificates(certificates: Sequence[Certificate | bytes]) -> bytes:
    return _array([c[32:] if isinstance(c, bytes) else _certificate(c) for c in certificates])


def _items(items: Sequence[BatchItem]) -> bytes:
    return _array(
        [
            _frame([_uint(item.gas_limit)], [_bytes(item.metadata), _bytes(item.message)])
            for item in items
        ]
    )


def _header(header: EpochHeader) -> list[bytes]:
    return [
        _uint(header.set_id, 8),
        _uint(header.epoch, 8),
        _uint(header.timestamp, 8),
        header.parent_hash,
        header.aggregate_root,
    ]


def _member(member: Member) -> bytes:
    words = [_uint(member.index, 4), member.guardian.rjust(32, b"\0"), _uint(member.stake, 12)]
    return _frame(words, [_bytes(member.key)])


def _quorum(quorum: QuorumProof) -> bytes:
    return _frame(
        [],
        [
            _array([_member(member) for member in quorum.absent]),
            _words(quorum.proof),
            _words([_uint(flag) for flag in quorum.proof_flags]),
            _bytes(quorum.signature),
        ],
    )


def _certificate(certificate: Certificate) -> bytes:
    return _frame(_header(certificate.header), [_quorum(certificate.quorum)])


def _set(guardian_set: GuardianSet) -> bytes:
    words = [
        _uint(guardian_set.set_id, 8),
        _uint(guardian_set.size, 4),
        _uint(guardian_set.total_stake, 12),
        guardian_set.root,
    ]
    return _frame(words, [_bytes(guardian_set.aggregate_key)])


frame = _frame
"""Parts of calls that are put together elsewhere."""
words_part = _words
member_part = _member
guardian_set_part = _set
quorum_part = _quorum


def members_part(members: Sequence[Member]) -> bytes:
    """An array of members."""
    return _array([_member(member) for member in members])


# ---------------------------------------------------------------- decoding


@dataclass(frozen=True, slots=True)
class _Reader:
    """Words and nested tuples from `base` on; offsets count from there."""

    data: bytes
    base: int = 0

    def word(self, index: int) -> bytes:
        start = self.base + 32 * index
        if start + 32 > len(self.data):
            raise IndexError(start)
        return self.data[start : start + 32]

    def uint(self, index: int) -> int:
        return int.from_bytes(self.word(index))

    def at(self, index: int) -> "_Reader":
        """What the offset in word `index` points to."""
        return _Reader(self.data, self.base + self.uint(index))

    def octets(self) -> bytes:
        start = self.base + 32
        return self.data[start : start + self.uint(0)]

    def words(self) -> tuple[bytes, ...]:
        return tuple(self.word(1 + index) for index in range(self.uint(0)))

    def members(self) -> tuple[Member, ...]:
        tail = _Reader(self.data, self.base + 32)
        return tuple(tail.at(index).member() for index in range(self.uint(0)))

    def member(self) -> Member:
        return Member(
            index=self.uint(0),
            guardian=self.word(1)[12:],
            stake=self.uint(2),
            key=self.at(3).octets(),
        )

    def guardian_set(self) -> GuardianSet:
        return GuardianSet(
            set_id=self.uint(0),
            size=self.uint(1),
            total_stake=self.uint(2),
            root=self.word(3),
            aggregate_key=self.at(4).octets(),
        )

    def certificate(self) -> Certificate:
        body = self.at(0)
        return Certificate(
            header=EpochHeader(
                set_id=body.uint(0),
                epoch=body.uint(1),
                timestamp=body.uint(2),
                parent_hash=body.word(3),
                aggregate_root=body.word(4),
            ),
            quorum=body.at(5).quorum(),
        )

    def quorum(self) -> QuorumProof:
        return QuorumProof(
            absent=self.at(0).members(),
            proof=self.at(1).words(),
            proof_flags=tuple(bool(int.from_bytes(word)) for word in self.at(2).words()),
            signature=self.at(3).octets(),
        )
