"""What a proposer carries to the L1 besides outputs: a word of the rollup's state, proven against
an output that is final.

Nodes forget states, often before an output of theirs is final, so the proof is read when the output
is proposed. A word of which that was missed goes with the next output that has another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from control_plane.domain.calls import encode_call
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.hexes import hex_word
from control_plane.domain.ids import Hex
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement.carried import Carried
from control_plane.services.settlement.proposing import Asks, Oracle


@dataclass(frozen=True, slots=True)
class _Noted:
    """The word after a block, and its proof."""

    index: int
    """Of the block's output."""
    block_hash: bytes
    value: bytes
    account_proof: Sequence[bytes]
    storage_proof: Sequence[bytes]


class Carrier:
    """One rollup's. `to`: its contract on the L1."""

    def __init__(self, carried: Carried, to: Hex, rollup: Asks, l1: Asks, oracle: Oracle) -> None:
        self.to = to
        self._carried = carried
        self._rollup, self._l1, self._oracle = rollup, l1, oracle
        self._noted: list[_Noted] = []
        self._is_new = True

    async def note(self, index: int, block_hash: bytes) -> None:
        """Keep the word as it is in the output `index`, unless it was so before.
        TemporaryFailure."""
        asked = {"blockHash": "0x" + block_hash.hex()}
        slot = hex_word(self._carried.slot)
        request = ("eth_getProof", (self._carried.address, (slot,), asked))
        try:
            (answer,) = await self._rollup.batch([request])
        except TemporaryFailure:
            self._is_new = True  # look at the last outputs again
            raise
        if not isinstance(answer, dict):
            return  # the state is forgotten
        found = answer["storageProof"][0]
        value = int(found["value"], 16).to_bytes(32)
        newest = self._noted[-1].value if self._noted else None
        if any(value) and value != newest:
            nodes = _nodes(answer["accountProof"]), _nodes(found["proof"])
            self._noted.append(_Noted(index, block_hash, value, *nodes))

    async def due(self, count: int, last_final: int) -> bytes | None:
        """The call with which the L1 is told of the newest word in a final output, of `count`
        outputs in all; None when it knows. TemporaryFailure."""
        if self._is_new:
            for index in dict.fromkeys((last_final, count - 1)):
                (output,) = await self._oracle.outputs([index])
                await self.note(index, output.block_hash)
            self._is_new = False
        ready = [each for each in self._noted if each.index <= last_final]
        for it in reversed(ready):
            (output,) = await self._oracle.outputs([it.index])
            # another one's, when a dispute removed the first or the rollup was set back
            if output.block_hash == it.block_hash:
                known = await self._known()
                if it.value != known:
                    return self._carried.call(it.index, it.account_proof, it.storage_proof)
                break
        self.forget(last_final)
        return None

    def forget(self, last_final: int) -> None:
        """Drop what is noted of outputs up to `last_final`: it is told, or can't be."""
        self._noted = [each for each in self._noted if each.index > last_final]

    async def _known(self) -> bytes:
        request = {"to": self.to, "data": "0x" + encode_call(self._carried.known).hex()}
        (answer,) = await self._l1.batch([("eth_call", (request, "latest"))])
        if isinstance(answer, RpcError):
            raise TemporaryFailure(
                f"{self._carried.to} on the L1 does not answer",
                answer.message,
                f"Its address: {self.to}",
            )
        return bytes.fromhex(answer[2:])


def _nodes(texts: Sequence[Any]) -> list[bytes]:
    return [bytes.fromhex(text[2:]) for text in texts]
