"""Claims at Polygon's bridge, with proofs made of the events of its other end."""

from collections.abc import Sequence
from dataclasses import dataclass

from eth_abi import decode  # type: ignore[attr-defined]

from control_plane.domain.calls import selector, tail, word
from control_plane.domain.hashing import hash_pair, keccak256
from control_plane.domain.merkle import ZERO_SUBTREES
from tests.acceptance.world import rpc

BRIDGE = "0x2a3dd3eb832af982ec71669e178424b10dca2ede"
EXIT_ROOTS = "0xa40d5f56745a118d0906a34e69aec8c0db1cb8fa"
BRIDGE_ASSET = "bridgeAsset(uint32,address,uint256,address,bool,bytes)"
BRIDGE_MESSAGE = "bridgeMessage(uint32,address,bool,bytes)"
_BRIDGED = keccak256(b"BridgeEvent(uint8,uint32,address,uint32,address,uint256,bytes,uint32)")
_FIELDS = ("uint8", "uint32", "address", "uint32", "address", "uint256", "bytes", "uint32")
_ARGUMENTS = (
    "(bytes32[32],bytes32[32],uint256,bytes32,bytes32,uint32,address,uint32,address,uint256,bytes)"
)
_MAINNET = 1 << 64


@dataclass(frozen=True)
class Leaf:
    """What left a chain."""

    kind: int
    origin: int
    origin_address: bytes
    to_network: int
    to: bytes
    amount: int
    metadata: bytes

    @property
    def hash(self) -> bytes:
        sizes = (self.kind.to_bytes(1), self.origin.to_bytes(4), self.origin_address)
        more = (self.to_network.to_bytes(4), self.to, word(self.amount), keccak256(self.metadata))
        return keccak256(b"".join((*sizes, *more)))


def leaves(url: str, bridge: str) -> list[Leaf]:
    """All that ever left by `bridge`, in order."""
    asked = {"address": bridge, "fromBlock": "0x0", "topics": ["0x" + _BRIDGED.hex()]}
    found: list[Leaf] = []
    for log in rpc(url, "eth_getLogs", asked):
        *values, count = decode(_FIELDS, bytes.fromhex(log["data"][2:]))
        kind, origin, address, network, to, amount, metadata = values
        assert count == len(found)
        addresses = [bytes.fromhex(each[2:]) for each in (address, to)]
        found.append(Leaf(kind, origin, addresses[0], network, addresses[1], amount, metadata))
    return found


def claim(of: Sequence[Leaf], index: int, mainnet: bytes, rollup: bytes) -> bytes:
    """The call that claims the leaf at `index` of a tree: of the L1's, if it goes to the rollup."""
    it = of[index]
    name = "claimMessage" if it.kind else "claimAsset"
    local = _siblings([each.hash for each in of], index)
    flags = _MAINNET if it.to_network else 0
    words = (*local, *ZERO_SUBTREES[:32], word(flags | index), mainnet, rollup)
    more: tuple[int | bytes, ...] = (it.origin, it.origin_address, it.to_network, it.to, it.amount)
    heads = b"".join((*words, *map(word, more)))
    return selector(name + _ARGUMENTS) + heads + word(len(heads) + 32) + tail(it.metadata)


def _siblings(level: Sequence[bytes], index: int) -> list[bytes]:
    """From the leaf up, empty ones too."""
    found = []
    for empty in ZERO_SUBTREES[:32]:
        padded = [*level, empty, empty]
        found.append(padded[index ^ 1])
        level = [hash_pair(*padded[n : n + 2]) for n in range(0, len(level), 2)]
        index //= 2
    return found
