"""Offences of guardians on their way to `Slasher` on the L1, and what came of them.

Evidence is durable before it is sent. Whether it was judged is always read from the chain: from
`punished` before a report, from the `Slashed` logs after it, whoever reported. So each offence is
reported once over restarts, and each slashing is told once.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from control_plane.domain.calls import encode_call
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.hashing import keccak256
from control_plane.domain.hub import Hub, Published
from control_plane.domain.ports.metalayer import DecodeError, Sender
from control_plane.domain.ports.store import Database, UnitOfWork
from control_plane.domain.records import CursorRecord, OffenceRecord
from control_plane.domain.rpc import RpcError
from control_plane.services.metalayer.blocks import Caller

KINDS: Final = ("equivocation", "false-leaf", "not-final", "false-verdict")
"""By the number that the contract gives them."""
SLASHED_TOPIC: Final = (
    "0x" + keccak256(b"Slashed(address,uint8,bytes32,uint64,uint96,uint96,address)").hex()
)
_AGENT: Final = "watcher"
_GAS_ROOM: Final = 1.2
_RANGE: Final = 5_000
"""Blocks in which logs are looked for at once."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Site:
    """The L1, as the watcher knows it."""

    devnet: str
    l1: str
    """Name of the chain."""
    slasher: str
    reporter: str
    """Account that the watcher sends from."""
    names: Mapping[str, str]
    """Guardians by their accounts, 0x-hex in lower case."""


class Reports:
    """The offences of one devnet."""

    def __init__(
        self,
        site: Site,
        rpc: Caller,
        sender: Sender,
        database: Database,
        hub: Hub,
        decode: DecodeError,
        clock: Callable[[], float],
    ) -> None:
        self._site = site
        self._rpc = rpc
        self._sender = sender
        self._database = database
        self._hub = hub
        self._decode = decode
        self._clock = clock

    # ------------------------------------------------------------------ evidence

    async def file(self, offence: OffenceRecord) -> bool:
        """Keep evidence, unless there is some of that offence; whether it is new."""
        async with self._database.begin() as unit:
            known = await unit.offences.get(offence.devnet, offence.id)
            if known is not None:
                return False
            await unit.offences.put(offence)
            name = await self._name(unit, offence.guardian)
            data = {"guardian": name, "offence": offence.kind, "epoch": offence.epoch}
            await self._tell(unit, f"guardian.{_PAST[offence.kind]}", name, data)
        return True

    async def report(self) -> None:
        """Report what is not judged yet. TemporaryFailure, RpcError when the L1 does not answer or
        does not take transactions."""
        async with self._database.begin() as unit:
            offences = await unit.offences.list(self._site.devnet)
        for one in offences:
            if one.evidence and one.tx is None and one.problem is None:
                await self._report(one)

    async def _report(self, offence: OffenceRecord) -> None:
        slasher, evidence = self._site.slasher, str(offence.evidence)
        known = "0x" + encode_call("punished(bytes32)", bytes.fromhex(offence.id[2:])).hex()
        if int(await self._rpc.call("eth_call", {"to": slasher, "data": known}, "latest"), 16):
            return  # its log tells of it
        call = {"from": self._site.reporter, "to": slasher, "data": evidence}
        try:
            gas = int(await self._rpc.call("eth_estimateGas", call), 16)
        except RpcError as error:
            if not isinstance(error.data, str):
                raise
            await self._refused(offence, self._decode(error.data))
            return
        pending = await self._sender.send(
            slasher,  # type: ignore[arg-type]
            bytes.fromhex(evidence[2:]),
            gas=int(gas * _GAS_ROOM),
        )
        await pending.receipt()
        log.info("offence %s of %s is reported", offence.id, offence.guardian)

    async def _refused(self, offence: OffenceRecord, why: str) -> None:
        """The contract does not take the evidence; it will not be sent again."""
        log.warning("evidence against %s is refused: %s", offence.guardian, why)
        async with self._database.begin() as unit:
            await unit.offences.put(replace(offence, problem=why))
            name = await self._name(unit, offence.guardian)
            data = {"guardian": name, "offence": offence.kind, "reason": why}
            await self._tell(unit, "guardian.evidence_refused", name, data)

    async def final_block(self, domain: int, number: int) -> tuple[bytes, bytes] | None:
        """Hash and state root of a chain's block as final outputs tell them; None where they do
        not, or where `Slasher` is told of no outputs. Asked as of the L1's next block, in which a
        report would be judged. TemporaryFailure, RpcError."""
        outputs = "0x" + (await self._view(self._site.slasher, "finalOutputs()"))[12:32].hex()
        if not int(outputs, 16):
            return None
        found = await self._view(outputs, "finalBlock(uint32,uint64)", domain, number)
        return (found[32:64], found[64:96]) if int.from_bytes(found[:32]) else None

    async def _view(self, to: str, signature: str, *arguments: int) -> bytes:
        call = {"to": to, "data": "0x" + encode_call(signature, *arguments).hex()}
        return bytes.fromhex((await self._rpc.call("eth_call", call, "pending"))[2:])

    # ------------------------------------------------------------------ what came of it

    async def read(self) -> None:
        """Record every slashing that the L1 tells of and that is not recorded.

        TemporaryFailure, RpcError.
        """
        head = await self._rpc.call("eth_getBlockByNumber", "latest", False)
        number = int(head["number"], 16)
        first = await self._first(number)
        while first <= number:
            last = min(first + _RANGE - 1, number)
            logs = await self._rpc.call(
                "eth_getLogs",
                {
                    "address": self._site.slasher,
                    "topics": [SLASHED_TOPIC],
                    "fromBlock": hex(first),
                    "toBlock": hex(last),
                },
            )
            block = head if last == number else await self._block(last)
            await self._record(logs, last, block["hash"])
            first = last + 1

    async def _first(self, head: int) -> int:
        """The first block that was not read; what a reorg of the L1 took back is forgotten."""
        async with self._database.begin() as unit:
            cursor = await unit.cursors.get(self._site.devnet, _AGENT, self._site.l1)
        if cursor is None:
            return 0
        if cursor.block <= head and (await self._block(cursor.block))["hash"] == cursor.block_hash:
            return cursor.block + 1
        await self._take_back()
        return 0

    async def _take_back(self) -> None:
        """The L1 is another: what it slashed is read anew."""
        async with self._database.begin() as unit:
            for one in await unit.offences.list(self._site.devnet):
                if one.tx is not None:
                    await unit.offences.put(replace(one, tx=None, block=None, slashed_at=None))

    async def _block(self, number: int) -> Mapping[str, Any]:
        found = await self._rpc.call("eth_getBlockByNumber", hex(number), False)
        if found is None:
            raise TemporaryFailure(f"{self._site.l1} has no block {number} any more")
        block: Mapping[str, Any] = found
        return block

    async def _record(self, logs: list[Mapping[str, Any]], block: int, hash_: str) -> None:
        async with self._database.begin() as unit:
            for one in logs:
                await self._slashed(unit, one)
            cursor = CursorRecord(self._site.devnet, _AGENT, self._site.l1, block, hash_)
            await unit.cursors.put(cursor)

    async def _slashed(self, unit: UnitOfWork, entry: Mapping[str, Any]) -> None:
        _, guardian, kind, id_ = entry["topics"]
        data = bytes.fromhex(entry["data"][2:])
        epoch, amount, reward = (int.from_bytes(data[at : at + 32]) for at in (0, 32, 64))
        account = "0x" + guardian[26:]
        known = await unit.offences.get(self._site.devnet, id_)
        told = known is not None and known.amount is not None
        now = self._clock()
        found = known or OffenceRecord(
            self._site.devnet, id_, account, KINDS[int(kind, 16)], epoch, now
        )
        found = replace(
            found,
            tx=entry["transactionHash"],
            block=int(entry["blockNumber"], 16),
            amount=amount,
            reward=reward,
            reporter="0x" + data[108:128].hex(),
            slashed_at=now,
            problem=None,
        )
        await unit.offences.put(found)
        if told:
            return
        name = await self._name(unit, account)
        told_data = {
            "guardian": name,
            "offence": found.kind,
            "epoch": epoch,
            "amount": str(amount),
            "reward": str(reward),
            "reporter": found.reporter,
            "tx": found.tx,
        }
        await self._tell(unit, "guardian.slashed", name, told_data)

    # ------------------------------------------------------------------ telling

    async def _name(self, unit: UnitOfWork, account: str) -> str:
        """``guardian-2``; the account where it is somebody else's guardian."""
        known = self._site.names.get(account.lower())
        if known is not None:
            return known
        joined = await unit.guardians.list(self._site.devnet)
        names = {one.address.lower(): f"guardian-{one.number}" for one in joined}
        return names.get(account.lower(), account)

    async def _tell(
        self, unit: UnitOfWork, type_: str, service: str, data: Mapping[str, Any]
    ) -> None:
        """An event in the same transaction as what it tells of."""
        event = await unit.events.append(self._site.devnet, self._clock(), type_, service, data)
        self._hub.tell(Published(event.id))


_PAST: Final = {
    "equivocation": "equivocated",
    "false-leaf": "lied",
    "not-final": "signed_not_final",
}
