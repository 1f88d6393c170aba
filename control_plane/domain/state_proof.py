"""State proofs: storage slots of a chain, led to a certified aggregate root.

What `StateVerifier.verifyStorage` takes (docs/formats.md, "State proof"): a leaf proof, the trie
nodes of all paths, each once, and for each account and slot its path as positions in those nodes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from control_plane.domain.hashing import keccak256
from control_plane.domain.hexes import from_hex
from control_plane.domain.trie import proven_slots

STATE_PROOF_TYPE: Final = "(bytes,bytes[],(address,bytes)[],(uint256,bytes32,bytes)[])"
VERIFY_STORAGE: Final = keccak256(f"verifyStorage({STATE_PROOF_TYPE})".encode())[:4]
_MOST_NODES: Final = 2**16


@dataclass(frozen=True, slots=True)
class SlotPath:
    slot: int
    value: int
    """0 when it is proven to be unset."""
    path: bytes
    """Positions of trie nodes, two bytes each."""


@dataclass(frozen=True, slots=True)
class AccountPath:
    address: bytes
    """20 bytes."""
    path: bytes
    slots: tuple[SlotPath, ...]


@dataclass(frozen=True, slots=True)
class StateProof:
    leaf: bytes
    """Leaf proof (:meth:`aggregate.Aggregate.prove_leaf`)."""
    nodes: tuple[bytes, ...]
    accounts: tuple[AccountPath, ...]

    def encode(self) -> bytes:
        """ABI of Solidity's ``StateProof``, as the only argument of a function."""
        from eth_abi import encode  # type: ignore[attr-defined] # 0.1 s that a start need not spend

        accounts = [(account.address, account.path) for account in self.accounts]
        slots = [
            (owner, slot.slot.to_bytes(32), slot.path)
            for owner, account in enumerate(self.accounts)
            for slot in account.slots
        ]
        parts = (self.leaf, list(self.nodes), accounts, slots)
        encoded: bytes = encode([STATE_PROOF_TYPE], [parts])
        return encoded

    def calldata(self) -> bytes:
        """Call of `StateVerifier.verifyStorage`."""
        return VERIFY_STORAGE + self.encode()


@dataclass(slots=True)
class _Nodes:
    """Each node once, in the order of their first use."""

    positions: dict[bytes, int] = field(default_factory=dict)

    def path(self, proof: Sequence[str]) -> bytes:
        nodes = [from_hex(node) for node in proof]
        if nodes == [b"\x80"]:  # how some nodes prove that a trie is empty
            return b""
        found = [self.positions.setdefault(node, len(self.positions)) for node in nodes]
        if len(self.positions) > _MOST_NODES:
            raise ValueError(f"a state proof holds {_MOST_NODES} trie nodes at most")
        return b"".join(position.to_bytes(2) for position in found)


def make_state_proof(
    leaf_proof: bytes,
    state_root: bytes,
    wanted: Sequence[tuple[bytes, Sequence[int]]],
    answers: Sequence[Mapping[str, Any]],
) -> StateProof:
    """From the answers of `eth_getProof` to `wanted`, accounts (20 bytes) and their slots.

    The answers are checked against `state_root` on the way: InvalidProof. ValueError for too many
    nodes.
    """
    nodes = _Nodes()
    accounts = []
    for (address, slots), answer in zip(wanted, answers, strict=True):
        values = proven_slots(state_root, address, slots, answer)
        path = nodes.path(answer["accountProof"])
        found = tuple(
            SlotPath(slot, value, nodes.path(entry["proof"]))
            for slot, value, entry in zip(slots, values, answer["storageProof"], strict=True)
        )
        accounts.append(AccountPath(address, path, found))
    return StateProof(leaf_proof, tuple(nodes.positions), tuple(accounts))
