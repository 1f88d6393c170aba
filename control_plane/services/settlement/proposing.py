"""What a proposer reads: what its oracle says, and the block that it proposes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.header import InvalidHeader, check_header, encode_header
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement import decode_rollup, rollup_call
from control_plane.domain.settlement.outputs import (
    PROPOSED,
    Output,
    Parent,
    Proposal,
    decode_final,
    decode_number,
    decode_output,
    decode_parent,
    latest_final_call,
    locks_call,
    next_index_call,
    output_call,
    parent_call,
)
from control_plane.domain.settlement.proofs import MESSAGE_PASSER
from control_plane.domain.trie import InvalidProof, prove_account

_AT_ONCE: Final = 50


class Asks(Protocol):
    """What of a Link is needed to read."""

    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], timeout: float | None = ...
    ) -> list[Any]: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a rollup's outputs are."""

    count: int
    """Outputs: the index of the next."""
    parent: Parent
    """What the next one follows; its hash is zero until the genesis is named."""
    posted: int
    """Last block of the last complete channel."""
    commitment: bytes
    """The inbox's accumulator, after that channel."""


@dataclass(frozen=True, slots=True)
class Now:
    """What would be so in the block that the L1 would make now: its time passes without blocks."""

    last_final: int | None
    """Index of the last final output."""
    time: int
    """Unix seconds."""


class Oracle:
    """One rollup's outputs on the L1 behind `link`."""

    def __init__(self, link: Asks, address: bytes, inbox: bytes, chain_id: int) -> None:
        self.address: Final = "0x" + address.hex()
        self._inbox = "0x" + inbox.hex()
        self._link = link
        self._chain_id = chain_id

    async def standing(self) -> Standing:
        """Where the outputs are in the L1's latest block. TemporaryFailure."""
        inbox = (self._inbox, rollup_call(self._chain_id))
        count, rollup = await self._call([(self.address, next_index_call()), inbox])
        try:
            outputs, state = decode_number(count), decode_rollup(rollup)
            (parent,) = await self._call([(self.address, parent_call(outputs))])
            return Standing(outputs, decode_parent(parent), state.next_block - 1, state.accumulator)
        except ValueError as error:
            raise TemporaryFailure("The oracle on the L1 does not answer", str(error)) from error

    async def count(self) -> int:
        """How many outputs there are. TemporaryFailure."""
        (answer,) = await self._call([(self.address, next_index_call())])
        return self._number(answer)

    async def disputes(self, indices: Sequence[int]) -> list[int]:
        """How many are open over each of the outputs with these `indices`. TemporaryFailure."""
        found: list[int] = []
        for at in range(0, len(indices), _AT_ONCE):
            some = indices[at : at + _AT_ONCE]
            found += map(
                self._number, await self._call([(self.address, locks_call(n)) for n in some])
            )
        return found

    async def now(self) -> Now:
        """What is final by now. TemporaryFailure."""
        (final,) = await self._call([(self.address, latest_final_call())], "pending")
        (block,) = await self._link.batch([("eth_getBlockByNumber", ("pending", False))])
        if not isinstance(block, dict):
            raise TemporaryFailure("The L1 does not say what time it is", str(block))
        try:
            return Now(decode_final(final), int(block["timestamp"], 16))
        except ValueError as error:
            raise TemporaryFailure("The oracle on the L1 does not answer", str(error)) from error

    async def was_proposed(self, root: bytes) -> bool:
        """Whether an output with that root was proposed before. TemporaryFailure."""
        topics = ["0x" + PROPOSED.hex(), "0x" + root.hex()]
        request = {"address": self.address, "fromBlock": "0x0", "topics": topics}
        (logs,) = await self._link.batch([("eth_getLogs", (request,))])
        if not isinstance(logs, list):
            raise TemporaryFailure("The oracle on the L1 does not answer", str(logs))
        return bool(logs)

    async def outputs(self, indices: Sequence[int]) -> list[Output]:
        """The outputs with these `indices`. TemporaryFailure, also when one is gone meanwhile."""
        found: list[Output] = []
        for at in range(0, len(indices), _AT_ONCE):
            some = indices[at : at + _AT_ONCE]
            answers = await self._call([(self.address, output_call(n)) for n in some])
            try:
                found += [decode_output(answer) for answer in answers]
            except ValueError as error:
                raise TemporaryFailure("An output can't be read", str(error)) from error
        return found

    def _number(self, answer: bytes) -> int:
        try:
            return decode_number(answer)
        except ValueError as error:
            raise TemporaryFailure("The oracle on the L1 does not answer", str(error)) from error

    async def _call(self, calls: Sequence[tuple[str, bytes]], tag: str = "latest") -> list[bytes]:
        requests = [({"to": to, "data": "0x" + data.hex()}, tag) for to, data in calls]
        answers = await self._link.batch([("eth_call", request) for request in requests])
        for answer in answers:
            if isinstance(answer, RpcError):
                raise TemporaryFailure("The oracle on the L1 does not answer", answer.message)
        return [bytes.fromhex(answer[2:]) for answer in answers]


async def read_proposal(link: Asks, number: int) -> Proposal:
    """Block `number` of the rollup behind `link`, checked as the L1 will. TemporaryFailure."""
    (block,) = await link.batch([("eth_getBlockByNumber", (hex(number), False))])
    if not isinstance(block, dict):
        raise TemporaryFailure(f"Block {number} can't be read", str(block or "the node has none"))
    address = "0x" + MESSAGE_PASSER.hex()
    asked = ("eth_getProof", (address, (), {"blockHash": block["hash"]}))
    (answer,) = await link.batch([asked])
    if not isinstance(answer, dict):
        raise TemporaryFailure(f"No proof of the state of block {number}", str(answer))
    proof = tuple(bytes.fromhex(node[2:]) for node in answer["accountProof"])
    try:
        header = check_header(block, bytes.fromhex(block["hash"][2:]))
        account = prove_account(header.state_root, MESSAGE_PASSER, proof)
    except (InvalidHeader, InvalidProof) as error:
        raise TemporaryFailure(f"Block {number} can't be proposed", str(error)) from error
    if account is None:
        raise TemporaryFailure(
            f"Block {number} can't be proposed", f"there is no message passer at {address}"
        )
    return Proposal(number, encode_header(block), proof)
