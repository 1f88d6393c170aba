"""Deposits and L1 attributes of the OP Stack, as bytes.

Sources, by section of the OP Stack specifications (``specs/protocol``): "Deposited transaction
type", "Source hash computation" and "User-Deposited Transactions" of deposits.md; "L1 Attributes"
of isthmus/l1-attributes.md and jovian/l1-attributes.md; EIP-4844 for the blob base fee.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from control_plane.domain import rlp
from control_plane.domain.hashing import keccak256
from control_plane.domain.hexes import from_hex
from control_plane.domain.ids import Hex

DEPOSIT_TYPE: Final = 0x7E
DEPOSITOR: Final = bytes.fromhex("deaddeaddeaddeaddeaddeaddeaddeaddead0001")
"""Sends the L1 attributes; nobody has its key."""
L1_BLOCK: Final = bytes.fromhex("4200000000000000000000000000000000000015")
FEE_RECIPIENT: Final = bytes.fromhex("4200000000000000000000000000000000000011")
"""The SequencerFeeVault, to which the sequencer's fees go."""
DEPOSITED_TOPIC: Final = keccak256(b"TransactionDeposited(address,address,uint256,bytes)")
ISTHMUS: Final = bytes.fromhex("098999be")
"""Selector of ``setL1BlockValuesIsthmus()``."""
JOVIAN: Final = bytes.fromhex("3db6be2b")
"""Selector of ``setL1BlockValuesJovian()``."""
ATTRIBUTES_GAS: Final = 1_000_000
_BLOB_FRACTION: Final = 5_007_716
"""BLOB_BASE_FEE_UPDATE_FRACTION of Prague (EIP-7691)."""
_ISTHMUS_LENGTH: Final = 176
_HASH_BYTES, _ADDRESS_BYTES = 32, 20
_HOLOCENE_EXTRA, _JOVIAN_EXTRA = 9, 17
"""Length of a header's extra data: version, 8 bytes of EIP-1559 parameters, minimal base fee."""


class InvalidDeposit(ValueError):
    """Bytes that are no deposit of the version known here."""


@dataclass(frozen=True, slots=True)
class Deposit:
    """A deposited transaction."""

    source: bytes
    """32 bytes, different for every deposit."""
    sender: bytes
    to: bytes | None
    """None creates a contract."""
    mint: int
    """Wei created on the rollup for the sender."""
    value: int
    gas: int
    data: bytes

    def encode(self) -> bytes:
        """Type byte and RLP; no signature, the L1 has checked the sender."""
        fields = [
            self.source,
            self.sender,
            self.to or b"",
            rlp.encode_int(self.mint),
            rlp.encode_int(self.value),
            rlp.encode_int(self.gas),
            b"",  # no system transactions since Regolith
            self.data,
        ]
        return bytes((DEPOSIT_TYPE,)) + rlp.encode(fields)

    @property
    def hash(self) -> Hex:
        """Of the transaction."""
        return Hex("0x" + keccak256(self.encode()).hex())

    @classmethod
    def decode(cls, raw: bytes) -> "Deposit":
        """What :meth:`encode` gives. InvalidDeposit."""
        try:
            fields = rlp.decode_list(raw[1:])
            source, sender, to, mint, value, gas, system, data = _flat(fields)
        except ValueError as error:
            raise InvalidDeposit(f"it is no deposit: {error}") from error
        number = int.from_bytes
        found = cls(source, sender, to or None, number(mint), number(value), number(gas), data)
        if system or found.encode() != raw or not found.fits:
            raise InvalidDeposit("it is no deposit of this version")
        return found

    @property
    def fits(self) -> bool:
        """Whether each field has the length that it may have."""
        addresses = (self.sender, self.to) if self.to else (self.sender,)
        numbers = ((self.mint, 256), (self.value, 256), (self.gas, 64))
        return (
            len(self.source) == _HASH_BYTES
            and all(len(each) == _ADDRESS_BYTES for each in addresses)
            and all(number.bit_length() <= most for number, most in numbers)
        )

    @classmethod
    def of_json(cls, transaction: Mapping[str, Any]) -> "Deposit":
        """From the JSON of a node."""
        to = transaction.get("to")
        return cls(
            source=bytes.fromhex(transaction["sourceHash"][2:]),
            sender=bytes.fromhex(transaction["from"][2:]),
            to=None if to is None else bytes.fromhex(to[2:]),
            mint=int(transaction.get("mint") or "0x0", 16),
            value=int(transaction["value"], 16),
            gas=int(transaction["gas"], 16),
            data=bytes.fromhex(transaction["input"][2:]),
        )


@dataclass(frozen=True, slots=True)
class L1Block:
    """What a rollup's block says of its L1 origin."""

    number: int
    hash: bytes
    timestamp: int
    base_fee: int
    blob_base_fee: int
    beacon_root: bytes
    """Of the parent's beacon block (EIP-4788)."""
    randao: bytes

    @classmethod
    def of_header(cls, header: Mapping[str, Any]) -> "L1Block":
        """From the JSON of a header."""
        return cls(
            number=int(header["number"], 16),
            hash=bytes.fromhex(header["hash"][2:]),
            timestamp=int(header["timestamp"], 16),
            base_fee=int(header.get("baseFeePerGas") or "0x0", 16),
            blob_base_fee=blob_base_fee(int(header.get("excessBlobGas") or "0x0", 16)),
            beacon_root=bytes.fromhex((header.get("parentBeaconBlockRoot") or "0x")[2:]).rjust(
                32, b"\0"
            ),
            randao=bytes.fromhex(header["mixHash"][2:]),
        )


@dataclass(frozen=True, slots=True)
class Fees:
    """System parameters that the L1 attributes carry."""

    base_fee_scalar: int = 1_368
    blob_base_fee_scalar: int = 810_949
    """Millionths; both as OP Mainnet had them with blobs."""
    batcher: bytes = bytes(32)
    operator_fee_scalar: int = 0
    operator_fee_constant: int = 0
    da_footprint_gas_scalar: int = 400
    """The default of jovian/l1-attributes.md."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A block's place in the L1, out of its L1 attributes."""

    number: int
    hash: bytes
    sequence: int
    """Blocks before it with the same origin."""


NO_ORIGIN: Final = Origin(-1, bytes(32), -1)
"""Of a genesis, which has no transactions."""


def attributes_source(l1_hash: bytes, sequence: int) -> bytes:
    """Source hash of the L1 attributes (domain 1)."""
    return keccak256(_word(1) + keccak256(l1_hash + _word(sequence)))


def user_source(l1_hash: bytes, log_index: int) -> bytes:
    """Source hash of a user's deposit (domain 0); `log_index` counts in the L1 block."""
    return keccak256(_word(0) + keccak256(l1_hash + _word(log_index)))


def l1_attributes(l1: L1Block, sequence: int, fees: Fees, *, jovian: bool) -> Deposit:
    """The first transaction of every block."""
    data = b"".join(
        [
            JOVIAN if jovian else ISTHMUS,
            fees.base_fee_scalar.to_bytes(4),
            fees.blob_base_fee_scalar.to_bytes(4),
            sequence.to_bytes(8),
            l1.timestamp.to_bytes(8),
            l1.number.to_bytes(8),
            _word(l1.base_fee),
            _word(l1.blob_base_fee),
            l1.hash,
            fees.batcher,
            fees.operator_fee_scalar.to_bytes(4),
            fees.operator_fee_constant.to_bytes(8),
            fees.da_footprint_gas_scalar.to_bytes(2) if jovian else b"",
        ]
    )
    source = attributes_source(l1.hash, sequence)
    return Deposit(source, DEPOSITOR, L1_BLOCK, 0, 0, ATTRIBUTES_GAS, data)


def origin_of(data: bytes) -> Origin:
    """The origin told by `data`, the input of a block's first transaction. InvalidDeposit."""
    if data[:4] not in {ISTHMUS, JOVIAN} or len(data) < _ISTHMUS_LENGTH:
        raise InvalidDeposit("the transaction is no L1 attributes of Isthmus or later")
    return Origin(int.from_bytes(data[28:36]), data[100:132], int.from_bytes(data[12:20]))


def deposit_of_log(log: Mapping[str, Any]) -> Deposit:
    """The deposit that a ``TransactionDeposited`` log (its JSON) orders. InvalidDeposit."""
    topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
    if len(topics) != 4 or topics[0] != DEPOSITED_TOPIC:
        raise InvalidDeposit("the log is no deposit")
    if any(topics[3]):
        raise InvalidDeposit(f"deposits of version {int.from_bytes(topics[3])} are not known")
    opaque = _dynamic(bytes.fromhex(log["data"][2:]))
    if len(opaque) < 73:
        raise InvalidDeposit("the deposit is cut off")
    is_creation = opaque[72] != 0
    return Deposit(
        source=user_source(bytes.fromhex(log["blockHash"][2:]), int(log["logIndex"], 16)),
        sender=topics[1][12:],
        to=None if is_creation else topics[2][12:],
        mint=int.from_bytes(opaque[:32]),
        value=int.from_bytes(opaque[32:64]),
        gas=int.from_bytes(opaque[64:72]),
        data=opaque[73:],
    )


def is_jovian(extra_data: bytes) -> bool:
    """Whether a header is of Jovian or later. InvalidDeposit for one before Holocene."""
    if len(extra_data) not in {_HOLOCENE_EXTRA, _JOVIAN_EXTRA}:
        raise InvalidDeposit(
            f"extra data of {len(extra_data)} bytes: no chain of Holocene or later"
        )
    return len(extra_data) == _JOVIAN_EXTRA


def is_op_geth(genesis: Mapping[str, Any]) -> bool:
    """Whether geth's ``genesis.json`` is one of op-geth: an Anvil's names no forks."""
    return "bedrockBlock" in genesis["config"]


def blob_base_fee(excess_blob_gas: int) -> int:
    """Wei (EIP-4844, ``fake_exponential`` from 1)."""
    step, output, accumulated = 1, 0, _BLOB_FRACTION
    while accumulated > 0:
        output += accumulated
        accumulated = accumulated * excess_blob_gas // (_BLOB_FRACTION * step)
        step += 1
    return output // _BLOB_FRACTION


def portal_salt(chain_id: int) -> bytes:
    """With which the L1's Create3Factory makes the portal of the rollup `chain_id`."""
    return keccak256(f"caldera.v1.OptimismPortal.{chain_id}".encode())


def portal_implementation_salt() -> bytes:
    """Of the code that all portals of an L1 share."""
    return keccak256(b"caldera.v1.OptimismPortal.implementation.3")


def portal_address(contracts: Mapping[str, str], chain_id: int) -> bytes:
    """The L1 contract whose deposits the rollup `chain_id` takes; `contracts` by JSON key."""
    factory = from_hex(contracts["create3Factory"])
    return create3_address(factory, portal_salt(chain_id))


def create3_address(factory: bytes, salt: bytes) -> bytes:
    """Where `factory` puts the contract of `salt`: what OpenZeppelin's Create3 computes."""
    middle = keccak256(b"\xff" + factory + salt + _CREATE3_CODE_HASH)[12:]
    return keccak256(rlp.encode([middle, b"\x01"]))[12:]


_CREATE3_CODE_HASH: Final = keccak256(
    bytes.fromhex("73365f5f37365f34f06012573d5f5f3e3d5ffd5b005f526014600cf3")
)


def _flat(items: Sequence[rlp.Decoded]) -> list[bytes]:
    found = [item for item in items if isinstance(item, bytes)]
    if len(found) != len(items):
        raise InvalidDeposit("a field of it is a list")
    return found


def _dynamic(data: bytes) -> bytes:
    """The only value of ABI-encoded `bytes`."""
    length = int.from_bytes(data[32:64])
    if int.from_bytes(data[:32]) != 32 or len(data) < 64 + length:
        raise InvalidDeposit("the log's data is not one value of bytes")
    return data[64 : 64 + length]


def _word(value: int) -> bytes:
    return value.to_bytes(32)
