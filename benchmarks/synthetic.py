"""Chains without nodes: answers that a node would give, for one block of each.

State and storage are Merkle–Patricia tries made by another implementation (py-trie), as large as
those of a devnet's chain: 64 accounts, and the 34 slots of a `MerkleTreeHook` whose message count
and root differ from chain to chain. Answers are kept as JSON text and parsed at every call, as
those of a node are.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import rlp  # type: ignore[import-untyped]
from trie.hexary import HexaryTrie

from control_plane.domain.formats import COUNT_SLOT, ROOT_SLOT, Leaf
from control_plane.domain.hashing import keccak256
from control_plane.domain.header import encode_header
from control_plane.domain.ids import Domain

VERIFIER: Final = "0x" + keccak256(b"verifier")[:20].hex()
HOOK: Final = "0x" + keccak256(b"hook")[:20].hex()
_ACCOUNTS: Final = 63
_TRANSACTIONS: Final = 10


def _word(label: str) -> str:
    return "0x" + keccak256(label.encode()).hex()


def _minimal(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def _nodes(trie: HexaryTrie, key: bytes) -> list[str]:
    found = trie.get_proof(keccak256(key))  # type: ignore[no-untyped-call]
    return ["0x" + rlp.encode(node).hex() for node in found if node != b""]


class Tries:
    """What all chains have in common is made once; each adds its own hook."""

    def __init__(self) -> None:
        self._nodes: dict[bytes, bytes] = {}
        storage, state = HexaryTrie(self._nodes), HexaryTrie(self._nodes)
        for slot in range(COUNT_SLOT):
            storage[keccak256(slot.to_bytes(32))] = rlp.encode(keccak256(b"%d" % slot))
        for at in range(_ACCOUNTS):
            account = [b"\x01", _minimal(10**18 + at), bytes(32), keccak256(b"code %d" % at)]
            state[keccak256(keccak256(b"account %d" % at)[:20])] = rlp.encode(account)
        self._storage, self._state = storage.root_hash, state.root_hash

    def prove(self, count: int, root: bytes) -> tuple[bytes, dict[str, Any]]:
        """State root of a chain whose hook holds these, and the answer of `eth_getProof`."""
        storage = HexaryTrie(self._nodes, self._storage)
        state = HexaryTrie(self._nodes, self._state)
        storage[keccak256(COUNT_SLOT.to_bytes(32))] = rlp.encode(_minimal(count))
        storage[keccak256(ROOT_SLOT.to_bytes(32))] = rlp.encode(root)
        address = bytes.fromhex(HOOK[2:])
        account = [b"\x01", b"", storage.root_hash, keccak256(b"hook's code")]
        state[keccak256(address)] = rlp.encode(account)
        proofs = [
            {"key": hex(slot), "proof": _nodes(storage, slot.to_bytes(32))}
            for slot in (COUNT_SLOT, ROOT_SLOT)
        ]
        answer = {"accountProof": _nodes(state, address), "storageProof": proofs}
        return state.root_hash, answer


def _block(number: int, label: str, state_root: bytes) -> dict[str, Any]:
    """A block of Prague as nodes show it."""
    block: dict[str, Any] = {
        "parentHash": _word(f"{label}: parent"),
        "sha3Uncles": _word("no uncles"),
        "miner": "0x" + bytes(20).hex(),
        "stateRoot": "0x" + state_root.hex(),
        "transactionsRoot": _word(f"{label}: transactions"),
        "receiptsRoot": _word(f"{label}: receipts"),
        "logsBloom": "0x" + bytes(256).hex(),
        "difficulty": "0x0",
        "number": hex(number),
        "gasLimit": hex(30_000_000),
        "gasUsed": hex(21_000 * _TRANSACTIONS),
        "timestamp": hex(1_700_000_000 + number),
        "extraData": "0x",
        "mixHash": _word(f"{label}: mix"),
        "nonce": "0x0000000000000000",
        "baseFeePerGas": hex(10**9),
        "withdrawalsRoot": _word("no withdrawals"),
        "blobGasUsed": "0x0",
        "excessBlobGas": "0x0",
        "parentBeaconBlockRoot": _word(f"{label}: beacon"),
        "requestsHash": _word("no requests"),
        "size": "0x400",
        "uncles": [],
        "transactions": [_word(f"{label}: {at}") for at in range(_TRANSACTIONS)],
    }
    return block | {"hash": "0x" + keccak256(encode_header(block)).hex()}


@dataclass(frozen=True, slots=True)
class SyntheticChain:
    """Implements ``ports.node.Rpc`` for its one block."""

    leaf: Leaf
    answers: dict[str, bytes]
    """JSON by method."""

    async def call(self, method: str, *_: Any, **__: Any) -> Any:
        return orjson.loads(self.answers[method])

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]], **_: Any) -> list[Any]:
        return [orjson.loads(self.answers[method]) for method, _ in calls]

    def subscribe(self, kind: str, *params: Any) -> AsyncIterator[Any]:
        raise NotImplementedError

    async def close(self) -> None:
        pass


def synthetic_chain(domain: Domain, tries: Tries) -> SyntheticChain:
    """A chain at block 7 with messages of its own."""
    label, count = f"chain {domain}", 1 + domain % 1000
    message_root = keccak256(f"{label}: messages".encode())
    state_root, proof = tries.prove(count, message_root)
    block = _block(7, label, state_root)
    text = orjson.dumps(block)
    answers = {
        "eth_chainId": orjson.dumps(hex(domain)),
        "eth_getBlockByHash": text,
        "eth_getBlockByNumber": text,
        "eth_getProof": orjson.dumps(proof),
    }
    leaf = Leaf(domain, 7, bytes.fromhex(block["hash"][2:]), state_root, message_root, count)
    return SyntheticChain(leaf, answers)
