"""Making the reads that messages ask for: by the aggregator first, then by each guardian.

A read is an `eth_call` at a block that the epoch attests, from the zero address, with a gas limit
that is the same everywhere. Nodes answer calls at their head with the state of the next block when
they are just making that; so each read is made twice, with a proof of the block's state between.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.formats import Finality, Leaf
from control_plane.domain.hexes import hex_word
from control_plane.domain.merkle import message_root
from control_plane.domain.reads import READ_GAS, Answer, ReadOperation, demands, returned, reverted
from control_plane.domain.rpc import RpcError
from control_plane.domain.trie import InvalidProof, proven_slots
from control_plane.services.metalayer.blocks import Caller
from control_plane.services.metalayer.leaves import COUNT_SLOT

MOST_ANSWERS: Final = 32
"""Messages whose reads one epoch answers."""
_TRIES: Final = 4
_PAUSE: Final = 0.005
_NOBODY: Final = "0x" + 40 * "0"
_NOT_THE_CALLS_OWN: Final = ("timeout", "aborted", "not found", "unknown block", "missing trie")
"""In a node's error: it does not tell what the call does."""

Callers = Mapping[int, Caller]
"""By domain."""
Leaves = Mapping[tuple[int, Finality], Leaf]
"""Of one epoch."""


def leaves_by_chain(leaves: Sequence[Leaf]) -> Leaves:
    """By domain and finality."""
    return {(int(leaf.domain), leaf.finality): leaf for leaf in leaves}


def unanswerable(message: bytes, tree_index: int, router: bytes, leaves: Leaves) -> str | None:
    """Why an epoch of `leaves` can't answer the reads of `message`; None when it can."""
    wanted = demands(message, router)
    origin = leaves.get((int.from_bytes(message[5:9]), wanted.finality))
    if origin is None or tree_index >= origin.message_count:
        return "its block is in no epoch yet"
    for number, read in enumerate(wanted.reads, 1):
        if (read.domain, wanted.finality) not in leaves:
            return f"read {number} of {len(wanted.reads)} waits for a block of domain {read.domain}"
    return None


async def read_all(
    message: bytes, router: bytes, leaves: Leaves, callers: Callers, hook: str
) -> tuple[bytes, ...]:
    """Results of the message's reads, in order. Raises TemporaryFailure, KeyError for a chain
    that the epoch does not speak of."""
    wanted = demands(message, router)
    by_chain: dict[int, list[int]] = {}
    for index, read in enumerate(wanted.reads):
        by_chain.setdefault(read.domain, []).append(index)
    found = await asyncio.gather(
        *(
            read_at(
                callers[domain],
                leaves[domain, wanted.finality],
                hook,
                [wanted.reads[index] for index in indices],
            )
            for domain, indices in by_chain.items()
        )
    )
    results = [b""] * len(wanted.reads)
    for indices, answers in zip(by_chain.values(), found, strict=True):
        for index, answer in zip(indices, answers, strict=True):
            results[index] = answer
    return tuple(results)


async def read_at(
    rpc: Caller, leaf: Leaf, hook: str, reads: Sequence[ReadOperation]
) -> list[bytes]:
    """Results of `reads` at the leaf's block."""
    for _ in range(_TRIES):
        found = await _read_at(rpc, leaf, hook, reads)
        if found is not None:
            return found
        await asyncio.sleep(_PAUSE)
    raise TemporaryFailure("A read can't be made", f"block {leaf.block_number} moves meanwhile")


async def _read_at(
    rpc: Caller, leaf: Leaf, hook: str, reads: Sequence[ReadOperation]
) -> list[bytes] | None:
    """One try; None when the node changed its mind between."""
    block = {"blockHash": "0x" + leaf.block_hash.hex()}
    calls: list[tuple[str, Sequence[Any]]] = [
        (
            "eth_call",
            (
                {
                    "from": _NOBODY,
                    "to": "0x" + read.contract.hex(),
                    "data": "0x" + read.data.hex(),
                    "gas": hex(READ_GAS),
                },
                block,
            ),
        )
        for read in reads
    ]
    slots = [hex_word(COUNT_SLOT)]
    answers = await rpc.batch([*calls, ("eth_getProof", (hook, slots, block)), *calls])
    first, proof, again = answers[: len(reads)], answers[len(reads)], answers[len(reads) + 1 :]
    if proof is None or isinstance(proof, RpcError):
        raise TemporaryFailure("A read can't be made", f"block {leaf.block_number}: {proof}")
    try:
        proven_slots(leaf.state_root, bytes.fromhex(hook[2:]), (COUNT_SLOT,), proof)
    except InvalidProof:
        return None
    results = [_result(answer) for answer in first]
    return results if results == [_result(answer) for answer in again] else None


def _result(answer: Any) -> bytes:
    if not isinstance(answer, RpcError):
        return returned(bytes.fromhex(str(answer)[2:]))
    if answer.data is None and any(part in str(answer).lower() for part in _NOT_THE_CALLS_OWN):
        raise TemporaryFailure("A read can't be made", str(answer))
    return reverted(bytes.fromhex(answer.data[2:]) if answer.data else b"")


async def check_answer(
    answer: Answer, router: bytes, leaves: Leaves, callers: Callers, hook: str
) -> str | None:
    """Why an epoch of `leaves` may not give this answer; None when it is true."""
    wanted = demands(answer.message, router)
    name = "0x" + answer.id.hex()
    leaf = leaves.get((answer.origin, wanted.finality))
    if leaf is None:
        return f"no leaf of the epoch covers message {name}"
    try:
        root = message_root(answer.id, answer.tree_index, leaf.message_count, answer.path)
    except (ValueError, IndexError) as error:
        return f"message {name}: {error}"
    if root != leaf.message_root:
        return f"message {name} is not under the leaf of domain {answer.origin}"
    if not wanted.reads:
        return f"message {name} asks for no reads"
    try:
        results = await read_all(answer.message, router, leaves, callers, hook)
    except KeyError:
        return f"message {name} reads a chain that the epoch does not speak of"
    except TemporaryFailure as error:
        return f"reads of message {name}: {error}"
    if results != answer.results:
        return f"reads of message {name}: this guardian got other results"
    return None
