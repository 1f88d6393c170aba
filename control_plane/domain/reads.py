"""Reads: calls on other chains whose results go with a message (docs/formats.md, Reads).

A message between two routers names them in its body. Guardians make them at the block that the
epoch attests of each chain; what they returned stands under the epoch's aggregate root.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from control_plane.domain.formats import VERSION, Finality
from control_plane.domain.hashing import keccak256

MOST_READS: Final = 8
MOST_CALL_BYTES: Final = 1024
MOST_RESULT_BYTES: Final = 1024
READ_GAS: Final = 5_000_000
"""Gas that a read may use; the same everywhere, so that all who make it see the same."""

REVERTED: Final = keccak256(b"ReadReverted()")[:4]
TOO_LONG: Final = keccak256(b"ResultTooLong()")[:4]
_FAILURE_BYTES: Final = 31
_READS_KIND: Final = 6
_RESULTS_KIND: Final = 7
_PROOF_VERSION: Final = 3
_HEADER: Final = 77
_WORD: Final = 32


@dataclass(frozen=True, slots=True)
class ReadOperation:
    domain: int
    contract: bytes
    """20 bytes."""
    data: bytes


@dataclass(frozen=True, slots=True)
class Demands:
    """What a message wants before it is delivered."""

    finality: Finality = Finality.INSTANT
    reads: tuple[ReadOperation, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A message with reads, its place under the origin's leaf, and what the reads returned."""

    message: bytes
    tree_index: int
    path: tuple[bytes, ...]
    """Message path (docs/formats.md, Message tree)."""
    results: tuple[bytes, ...]

    @property
    def id(self) -> bytes:
        return keccak256(self.message)

    @property
    def origin(self) -> int:
        return int.from_bytes(self.message[5:9])

    def to_json(self) -> dict[str, Any]:
        """As guardians in other processes are asked; bytes are hex."""
        return {
            "message": self.message.hex(),
            "treeIndex": self.tree_index,
            "path": [node.hex() for node in self.path],
            "results": [result.hex() for result in self.results],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From what `to_json` gave; ValueError, KeyError, TypeError if it is no answer."""
        return cls(
            message=bytes.fromhex(data["message"]),
            tree_index=int(data["treeIndex"]),
            path=tuple(bytes.fromhex(node) for node in data["path"]),
            results=tuple(bytes.fromhex(result) for result in data["results"]),
        )


def demands(message: bytes, router: bytes) -> Demands:
    """What the body of a message to `router` (20 bytes) says; no demands for any other message,
    and for a body that the router would not take."""
    if message[45:_HEADER] != router.rjust(_WORD, b"\0"):
        return Demands()
    body = message[_HEADER:]
    try:
        if len(body) < 7 * _WORD or _uint(body, 0) != VERSION:
            return Demands()
        return Demands(Finality(_uint(body, _WORD)), _operations(body, _uint(body, 5 * _WORD)))
    except (IndexError, ValueError):
        return Demands()


def _operations(body: bytes, at: int) -> tuple[ReadOperation, ...]:
    """The ABI-encoded array at offset `at`. IndexError, ValueError."""
    count = _uint(body, at)
    if count > MOST_READS:
        raise ValueError("more reads than a message may have")
    base = at + _WORD
    found = []
    for index in range(count):
        start = base + _uint(body, base + index * _WORD)
        data = start + _uint(body, start + 2 * _WORD)
        size = _uint(body, data)
        if size > MOST_CALL_BYTES or data + _WORD + size > len(body):
            raise ValueError("call data longer than it may be")
        found.append(
            ReadOperation(
                domain=_uint(body, start),
                contract=body[start + _WORD + 12 : start + 2 * _WORD],
                data=body[data + _WORD : data + _WORD + size],
            )
        )
    return tuple(found)


def _uint(data: bytes, at: int) -> int:
    if at + _WORD > len(data):
        raise IndexError(at)
    return int.from_bytes(data[at : at + _WORD])


# ---------------------------------------------------------------- results


def returned(data: bytes) -> bytes:
    """The result of a read that returned `data`."""
    return data if len(data) <= MOST_RESULT_BYTES else TOO_LONG


def reverted(data: bytes) -> bytes:
    """The result of a read that reverted with `data`: less than a word, which no value is."""
    return (REVERTED + data)[:_FAILURE_BYTES]


def is_failure(result: bytes) -> bool:
    """Whether a result says that the read failed."""
    return 4 <= len(result) <= _FAILURE_BYTES and result[:4] in {REVERTED, TOO_LONG}


def encode_results(results: Sequence[bytes]) -> bytes:
    """`abi.encode(bytes[])`."""
    count = len(results).to_bytes(_WORD)
    return _WORD.to_bytes(_WORD) + count + _behind_offsets([_octets(one) for one in results])


def results_leaf(message_id: bytes, results: Sequence[bytes]) -> bytes:
    """Leaf of the tree over an epoch's reads."""
    return keccak256(
        bytes((VERSION, _RESULTS_KIND)) + message_id + keccak256(encode_results(results))
    )


def reads_node(root: bytes) -> bytes:
    """Node over all reads of an epoch, beside the shards' nodes."""
    return keccak256(bytes((VERSION, _READS_KIND)) + root)


@dataclass(frozen=True, slots=True)
class ReadProof:
    """What takes a message's results to the aggregate root of `epoch`."""

    epoch: int
    reads_path: Sequence[bytes]
    top_path: Sequence[bytes]
    results: Sequence[bytes]

    def around(self, metadata: bytes) -> bytes:
        """Metadata of a router's message with reads; `metadata` proves the message itself."""
        return b"".join(
            (
                _PROOF_VERSION.to_bytes(1),
                self.epoch.to_bytes(8),
                len(metadata).to_bytes(2),
                len(self.reads_path).to_bytes(1),
                len(self.top_path).to_bytes(1),
                metadata,
                *self.reads_path,
                *self.top_path,
                encode_results(self.results),
            )
        )


# ---------------------------------------------------------------- dispatch


@dataclass(frozen=True, slots=True)
class RouterMessage:
    """What `MetalayerRouter.dispatch` and `quoteDispatch` take."""

    destination: int
    """Domain."""
    recipient: bytes
    """At most 32 bytes."""
    body: bytes
    demands: Demands
    gas_limit: int
    """Gas for the recipient's `handle`."""

    def calldata(self, function: str) -> bytes:
        """Call of ``dispatch`` or ``quoteDispatch``."""
        reads = _encode_operations(self.demands.reads)
        words = (
            self.destination.to_bytes(_WORD),
            self.recipient.rjust(_WORD, b"\0"),
            (6 * _WORD).to_bytes(_WORD),
            (6 * _WORD + len(reads)).to_bytes(_WORD),
            self.demands.finality.to_bytes(_WORD),
            self.gas_limit.to_bytes(_WORD),
        )
        selector = keccak256((function + _DISPATCH_TYPES).encode())[:4]
        return selector + b"".join(words) + reads + _octets(self.body)


_DISPATCH_TYPES: Final = "(uint32,bytes32,(uint32,address,bytes)[],bytes,uint8,uint256)"


def _encode_operations(reads: Sequence[ReadOperation]) -> bytes:
    tuples = [
        read.domain.to_bytes(_WORD)
        + read.contract.rjust(_WORD, b"\0")
        + (3 * _WORD).to_bytes(_WORD)
        + _octets(read.data)
        for read in reads
    ]
    return len(tuples).to_bytes(_WORD) + _behind_offsets(tuples)


def _behind_offsets(parts: Sequence[bytes]) -> bytes:
    """Dynamic parts of an array, after where each begins."""
    offset = _WORD * len(parts)
    heads = []
    for part in parts:
        heads.append(offset.to_bytes(_WORD))
        offset += len(part)
    return b"".join((*heads, *parts))


def _octets(data: bytes) -> bytes:
    return len(data).to_bytes(_WORD) + data + bytes(-len(data) % _WORD)
