"""Block headers: from the JSON of a node to the RLP that the block hash is of.

Fields in the order in which forks appended them: yellow paper section 4.4, EIP-1559
(baseFeePerGas), EIP-4895 (withdrawalsRoot), EIP-4844 (blobGasUsed, excessBlobGas), EIP-4788
(parentBeaconBlockRoot), EIP-7685 (requestsHash), EIP-7928 (blockAccessListHash), EIP-7843
(slotNumber). The OP Stack puts other meanings into the same fields and adds none (its
specification: "Isthmus", "Holocene", "Jovian"), so its headers are encoded alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from control_plane.domain import rlp
from control_plane.domain.hashing import keccak256

_NUMBER: Final = 0
_REQUIRED: Final[tuple[tuple[str, int], ...]] = (
    ("parentHash", 32),
    ("sha3Uncles", 32),
    ("miner", 20),
    ("stateRoot", 32),
    ("transactionsRoot", 32),
    ("receiptsRoot", 32),
    ("logsBloom", 256),
    ("difficulty", _NUMBER),
    ("number", _NUMBER),
    ("gasLimit", _NUMBER),
    ("gasUsed", _NUMBER),
    ("timestamp", _NUMBER),
    ("extraData", -1),
    ("mixHash", 32),
    ("nonce", 8),
)
"""Name in JSON and size in bytes; -1: any, 0: a number."""
_APPENDED: Final[tuple[tuple[str, int], ...]] = (
    ("baseFeePerGas", _NUMBER),
    ("withdrawalsRoot", 32),
    ("blobGasUsed", _NUMBER),
    ("excessBlobGas", _NUMBER),
    ("parentBeaconBlockRoot", 32),
    ("requestsHash", 32),
    ("blockAccessListHash", 32),
    ("slotNumber", _NUMBER),
)
"""What forks appended; a header has these up to its fork's."""


class InvalidHeader(ValueError):
    """A block whose fields do not hash to its hash, or are not those of a header."""


@dataclass(frozen=True, slots=True)
class BlockHeader:
    """What a hash-checked header says."""

    hash: bytes
    number: int
    parent_hash: bytes
    state_root: bytes
    timestamp: int
    """Seconds."""


def encode_header(block: Mapping[str, Any]) -> bytes:
    """RLP of the header in a JSON-RPC block. InvalidHeader for missing or malformed fields."""
    try:
        fields = [_field(block[name], size) for name, size in _REQUIRED]
        present = [(name, size) for name, size in _APPENDED if block.get(name) is not None]
        if tuple(present) != _APPENDED[: len(present)]:
            raise InvalidHeader("a field of a later fork stands without the ones before it")
        fields += [_field(block[name], size) for name, size in present]
    except KeyError as error:
        raise InvalidHeader(f"the block has no {error.args[0]}") from error
    return rlp.encode(fields)


def check_header(block: Mapping[str, Any], block_hash: bytes) -> BlockHeader:
    """The header of `block`, whose RLP must hash to `block_hash`. InvalidHeader if it does not."""
    found = keccak256(encode_header(block))
    if found != block_hash:
        raise InvalidHeader(f"the header hashes to 0x{found.hex()}, not 0x{block_hash.hex()}")
    return BlockHeader(
        hash=found,
        number=int(block["number"], 16),
        parent_hash=_field(block["parentHash"], 32),
        state_root=_field(block["stateRoot"], 32),
        timestamp=int(block["timestamp"], 16),
    )


def _field(value: object, size: int) -> bytes:
    """Bytes as which a JSON value enters the header."""
    if not isinstance(value, str) or not value.startswith("0x"):
        raise InvalidHeader(f"not a 0x-hex string: {value!r:.80}")
    try:
        if size == _NUMBER:
            return rlp.encode_int(int(value, 16))
        data = bytes.fromhex(value[2:])
    except ValueError as error:
        raise InvalidHeader(f"not a field of a header: {value!r:.80}") from error
    if size not in {-1, len(data)}:
        raise InvalidHeader(f"a field has {len(data)} bytes instead of {size}")
    return data
