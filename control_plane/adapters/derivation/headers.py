"""What a block's header has to do with that of its parent (EIP-1559, as the OP Stack has it).

Sources: the OP Stack's specifications, "Dynamic EIP-1559 Parameters" of Holocene, "Minimum base
fee" and "DA footprint block limit" of Jovian; op-geth's ``consensus/misc/eip1559``.
"""

from dataclasses import dataclass
from typing import Final

from control_plane.domain import rlp
from control_plane.domain.channels import ChannelBlock
from control_plane.domain.hashing import keccak256

NO_UNCLES: Final = keccak256(rlp.encode([]))
NO_REQUESTS: Final = bytes.fromhex(
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)
"""SHA-256 of nothing (EIP-7685)."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """A field of a header that does not follow from its parent's."""

    what: str
    claimed: str
    found: str


@dataclass(frozen=True, slots=True)
class Parent:
    """What the next block's header depends on."""

    hash: bytes
    gas_limit: int
    gas_used: int
    timestamp: int
    extra_data: bytes
    base_fee: int
    blob_gas_used: int

    @classmethod
    def of_header(cls, header: bytes) -> "Parent":
        """Out of RLP of a header (fields and their order: ``domain/header.py``)."""
        fields = [item if isinstance(item, bytes) else b"" for item in rlp.decode_list(header)]
        number = int.from_bytes
        return cls(
            hash=keccak256(header),
            gas_limit=number(fields[9]),
            gas_used=number(fields[10]),
            timestamp=number(fields[11]),
            extra_data=fields[12],
            base_fee=number(fields[15]),
            blob_gas_used=number(fields[17]),
        )

    def next_base_fee(self) -> int:
        """Wei. The extra data hold denominator, elasticity and the least base fee."""
        denominator = int.from_bytes(self.extra_data[1:5])
        target = self.gas_limit // int.from_bytes(self.extra_data[5:9])
        metered = max(self.gas_used, self.blob_gas_used)
        change = self.base_fee * abs(metered - target) // target // denominator
        fee = self.base_fee + (max(change, 1) if metered > target else -change)
        return max(fee, int.from_bytes(self.extra_data[9:17]))


def wrong_successor(block: ChannelBlock, parent: Parent) -> Wrong | None:
    """The first thing that is wrong with `block` behind `parent`."""
    if block.timestamp <= parent.timestamp:
        later = f"later than {parent.timestamp}"
        return Wrong("timestamp", str(block.timestamp), later)
    for what, claimed, found in (
        ("gas limit", str(block.gas_limit), str(parent.gas_limit)),
        ("extra data", "0x" + block.extra_data.hex(), "0x" + parent.extra_data.hex()),
        ("base fee", str(block.base_fee), str(parent.next_base_fee())),
    ):
        if claimed != found:
            return Wrong(what, claimed, found)
    return None
