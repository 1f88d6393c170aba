"""Proofs for recipients that are guarded by a module of their own, on one destination.

Most recipients leave it to the mailbox's default module, which wants a meta-proof. What is known
here besides is Hyperlane's message-id multisig module, which wants validators' signatures.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from control_plane.domain.calls import encode_call, selector
from control_plane.domain.hyperlane import MULTISIG, Checkpoint, SignedCheckpoint, metadata
from control_plane.domain.ports.checkpoints import Checkpoints
from control_plane.domain.records import MessageRecord
from control_plane.services.metalayer.blocks import Caller
from control_plane.services.metalayer.outbox import Waiting

_RECIPIENT_ISM: Final = "recipientIsm(address)"
_MODULE_TYPE: Final = selector("moduleType()")
_VALIDATORS: Final = "validatorsAndThreshold(bytes)"
_WORD: Final = 32


@dataclass(frozen=True, slots=True)
class Multisig:
    """Whom a message-id multisig module asks for signatures."""

    validators: tuple[str, ...]
    """Addresses, 0x-hex, in the order that signatures must have."""
    threshold: int


class Modules:
    """What guards the recipients of one destination."""

    def __init__(self, rpc: Caller, mailbox: str, checkpoints: Checkpoints) -> None:
        self._rpc = rpc
        self._mailbox = mailbox
        self._checkpoints = checkpoints
        self._of_recipient: dict[str, str] = {}
        """Address of the module, by recipient (bytes32)."""
        self._multisigs: dict[str, Multisig | None] = {}
        """By address; None for a module of another type."""
        self.waiting: set[str] = set()
        """Messages that want for signatures."""

    async def prove(self, entries: Sequence[Waiting]) -> dict[str, str]:
        """Give each of `entries` the proof that its recipient's module wants, where that is no
        meta-proof; by id, what is missing of the others. Raises TemporaryFailure, RpcError,
        StorageFailed."""
        await self._learn(entries)
        reasons: dict[str, str] = {}
        for entry in entries:
            record = entry.record
            multisig = self._multisigs.get(self._of_recipient.get(record.recipient, ""))
            if multisig is None:
                entry.proof = None
                continue
            entry.proof, reason = await self._signatures(record, multisig)
            if reason:
                reasons[record.id] = reason
        self.waiting.difference_update(entry.record.id for entry in entries)
        self.waiting.update(reasons)
        return reasons

    async def _signatures(
        self, record: MessageRecord, multisig: Multisig
    ) -> tuple[bytes | None, str]:
        """The module's metadata, or what is missing."""
        signed: dict[Checkpoint, list[SignedCheckpoint]] = defaultdict(list)
        absent, others = [], 0
        for validator in multisig.validators:
            found = await self._checkpoints.find(validator, record.origin, record.tree_index)
            if found is None:
                absent.append(validator)
            elif "0x" + found.checkpoint.message_id.hex() != record.id:
                others += 1  # before a reorg
            else:
                signed[found.checkpoint].append(found)
        quorum = max(signed.values(), key=len, default=[])
        if len(quorum) >= multisig.threshold:
            return metadata(quorum[: multisig.threshold]), ""
        reason = f"its checkpoint has {len(quorum)} of {multisig.threshold} signatures"
        if others:
            reason += f"; {others} validators signed another message in its place, before a reorg"
        if absent:
            reason += f"; none by {', '.join(absent)}"
        return None, reason

    # ------------------------------------------------------------------ what the chain says

    async def _learn(self, entries: Sequence[Waiting]) -> None:
        """Ask for what is not known yet, and anew for what failed before."""
        fresh = {
            entry.record.recipient
            for entry in entries
            if entry.suspect or entry.record.recipient not in self._of_recipient
        }
        if fresh:
            await self._learn_recipients(sorted(fresh))
        unknown = {
            self._of_recipient[entry.record.recipient]: entry.record
            for entry in entries
            if self._of_recipient.get(entry.record.recipient, "") not in {"", *self._multisigs}
        }
        if unknown:
            await self._learn_modules(unknown)

    async def _learn_recipients(self, recipients: Collection[str]) -> None:
        calls = [
            self._call(self._mailbox, encode_call(_RECIPIENT_ISM, bytes.fromhex(recipient[26:])))
            for recipient in recipients
        ]
        for recipient, answer in zip(recipients, await self._rpc.batch(calls), strict=True):
            word = answer if isinstance(answer, str) else ""
            self._of_recipient[recipient] = "0x" + word[-40:] if len(word) == 66 else ""

    async def _learn_modules(self, modules: Mapping[str, MessageRecord]) -> None:
        calls = []
        for module, record in modules.items():
            message = bytes.fromhex(record.raw[2:])
            calls.append(self._call(module, _MODULE_TYPE))
            calls.append(self._call(module, encode_call(_VALIDATORS, message)))
        answers = await self._rpc.batch(calls)
        for module, type_, members in zip(modules, answers[::2], answers[1::2], strict=True):
            is_multisig = isinstance(type_, str) and int(type_, 16) == MULTISIG
            self._multisigs[module] = _multisig(members) if is_multisig else None

    @staticmethod
    def _call(to: str, data: bytes) -> tuple[str, Sequence[Any]]:
        return "eth_call", ({"to": to, "data": "0x" + data.hex()}, "latest")


def _multisig(answer: object) -> Multisig | None:
    """From what ``validatorsAndThreshold`` returned; None if it is not (address[], uint8)."""
    if not isinstance(answer, str) or len(answer) < 2 + 2 * 3 * _WORD:
        return None
    data = bytes.fromhex(answer[2:])
    words = [data[at : at + _WORD] for at in range(0, len(data), _WORD)]
    count, members = int.from_bytes(words[2]), words[3:]
    if count > len(members):
        return None
    addresses = tuple("0x" + member[12:].hex() for member in members[:count])
    return Multisig(addresses, int.from_bytes(words[1]))
