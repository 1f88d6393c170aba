"""Rewards of guardians: uptime reports that they sign, what is due, payments."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from control_plane.domain import staking
from control_plane.domain.calls import Call, encode_call, execute_batch, selector
from control_plane.domain.errors import CalderaError, Conflict
from control_plane.domain.formats import Member
from control_plane.domain.ids import Hex
from control_plane.domain.network import Network
from control_plane.domain.ports.metalayer import DecodeError
from control_plane.domain.ports.node import Account, Connect, Rpc
from control_plane.domain.ports.store import Database
from control_plane.domain.records import GuardianSetRecord
from control_plane.domain.rpc import RpcError
from control_plane.domain.uptime import UptimeReport, pay_calldata, report_calldata
from control_plane.schemas.guardian import RewardsView, RewardView
from control_plane.services.control import ControlPlane
from control_plane.services.faucet import PayFrom
from control_plane.services.live import Live
from control_plane.services.metalayer.lineup import Lineup
from control_plane.services.metalayer.uptime import UptimeSigner, agree, known_epochs
from control_plane.services.units import whole

_GAS: Final = 1_500_000
_GAS_EACH: Final = 30_000


@dataclass(frozen=True, slots=True)
class _Due:
    """What one member earned in one set, in wei."""

    lineup: Lineup
    member: Member
    earned: int
    due: int


class Rewards:
    """Implements the API's ``Rewards``."""

    def __init__(
        self,
        control: ControlPlane,
        database: Database,
        connect: Connect,
        pay_from: PayFrom,
        decode: DecodeError,
        signers: Callable[[str], Sequence[UptimeSigner]],
    ) -> None:
        """`signers`: the guardians of a devnet that run here."""
        self._control = control
        self._database = database
        self._connect = connect
        self._pay_from = pay_from
        self._decode = decode
        self._signers = signers

    async def show(self, name: str) -> RewardsView:
        """What guardians earned so far, as the L1 says."""
        _, network = await self._control.live(name)
        rpc = await self._connect(network.chains[0].ws_url)
        try:
            return await self._view(name, network, rpc)
        finally:
            await rpc.close()

    async def report(self, name: str) -> RewardsView:
        """Have the guardians sign how often each of them was there, and post it. Raises Conflict
        (no quorum, nothing to report, the contract refuses)."""
        live, network = await self._control.live(name)
        rpc = await self._connect(network.chains[0].ws_url)
        try:
            posted = 0
            for record in await self._sets(name):
                posted += await self._report(name, live, network, record, rpc)
            if not posted:
                raise Conflict("Nothing to report", "no epoch was certified since the last report")
            return await self._view(name, network, rpc)
        finally:
            await rpc.close()

    async def pay(self, name: str) -> RewardsView:
        """Pay every guardian what is due; the treasury makes up what the pot lacks."""
        live, network = await self._control.live(name)
        rpc = await self._connect(network.chains[0].ws_url)
        contract = network.contracts["guardianRewards"]
        try:
            dues = [due for due in await self._dues(name, network, rpc) if due.due]
            if not dues:
                raise Conflict(
                    "Nothing is due", "no uptime report counts anything that is not paid"
                )
            era = network.contracts["era"]
            lacking = sum(due.due for due in dues) - await self._pot(network, rpc)
            if lacking > 0:
                grant = Call(bytes.fromhex(era[2:]), staking.transfer(contract, lacking))
                executor = network.contracts["governanceExecutor"]
                await self._send(network, live.keys.governor, executor, execute_batch([grant]), rpc)
            for due in dues:
                call = pay_calldata(due.lineup.roster, due.member)
                await self._send(network, live.keys.governor, contract, call, rpc)
            return await self._view(name, network, rpc)
        finally:
            await rpc.close()

    # ------------------------------------------------------------------ reports

    async def _sets(self, name: str) -> Sequence[GuardianSetRecord]:
        async with self._database.begin() as unit:
            return await unit.guardian_sets.list(name)

    async def _report(
        self, name: str, live: Live, network: Network, record: GuardianSetRecord, rpc: Rpc
    ) -> bool:
        """Report on one set; False when there is nothing to say of it."""
        contract, registry = (network.contracts[k] for k in ("guardianRewards", "guardianRegistry"))
        found = await _ask(rpc, contract, encode_call("reported(uint64)", record.set_id))
        counted, paid_until = int.from_bytes(found[:32]), int.from_bytes(found[32:64])
        began = await _ask(rpc, registry, encode_call("sealedAt(uint64)", record.set_id))
        end = await _ask(rpc, registry, encode_call("sealedAt(uint64)", record.set_id + 1))
        head = await rpc.call("eth_getBlockByNumber", "latest", False)
        until = int.from_bytes(end) or int(head["timestamp"], 16)
        epochs = await known_epochs(self._database, name, counted + 1)
        report = UptimeReport.count(record.set_id, epochs, until)
        if report is None or until <= (paid_until or int.from_bytes(began)):
            return False  # a set that another one followed within a second is paid for none
        of, current = Lineup.of(record).roster, await self._current(name)
        quorum = await agree(report, of, current, self._signers(name), network.network_id)
        call = report_calldata(report, of, quorum)
        await self._send(network, live.keys.governor, contract, call, rpc)
        return True

    async def _current(self, name: str) -> Lineup:
        async with self._database.begin() as unit:
            record = await unit.guardian_sets.active(name)
        if record is None:
            raise Conflict(f"{name} has no guardian set yet", "it is starting")
        return Lineup.of(record)

    # ------------------------------------------------------------------ what is due

    async def _dues(self, name: str, network: Network, rpc: Rpc) -> list[_Due]:
        contract = network.contracts["guardianRewards"]
        found = []
        for record in await self._sets(name):
            lineup = Lineup.of(record)
            for member in lineup.roster.members:
                call = encode_call(
                    "earned(uint64,address,uint96)", record.set_id, member.guardian, member.stake
                )
                answer = await _ask(rpc, contract, call)
                earned, due = int.from_bytes(answer[:32]), int.from_bytes(answer[32:64])
                found.append(_Due(lineup, member, earned, due))
        return found

    async def _pot(self, network: Network, rpc: Rpc) -> int:
        holder = bytes.fromhex(network.contracts["guardianRewards"][2:])
        call = encode_call("balanceOf(address)", holder)
        return int.from_bytes(await _ask(rpc, network.contracts["era"], call))

    async def _view(self, name: str, network: Network, rpc: Rpc) -> RewardsView:
        rate = await _ask(rpc, network.contracts["guardianRewards"], selector("rate()"))
        sums: dict[str, tuple[int, int]] = {}
        for due in await self._dues(name, network, rpc):
            who = due.lineup.name_at(due.member.index)
            earned, open_ = sums.get(who, (0, 0))
            sums[who] = earned + due.earned, open_ + due.due
        return RewardsView(
            rate=int.from_bytes(rate) / 10_000,
            pot=whole(await self._pot(network, rpc)),
            guardians=tuple(
                RewardView(name=who, earned=whole(earned), due=whole(due))
                for who, (earned, due) in sums.items()
            ),
        )

    async def _send(self, network: Network, payer: Account, to: Hex, data: bytes, rpc: Rpc) -> None:
        """Try a transaction out, then send it. Conflict names why it would revert."""
        l1 = network.chains[0]
        request = {"from": payer.address, "to": to, "data": "0x" + data.hex()}
        try:
            await rpc.call("eth_call", request, "latest")
        except RpcError as error:
            why = error.message
            with suppress(CalderaError, ValueError):
                why = self._decode(error.data) if isinstance(error.data, str) else why
            raise Conflict("The rewards' contract refuses", why) from error
        gas = _GAS + _GAS_EACH * network.plan.metalayer.guardians.count
        async with self._pay_from(l1, payer) as sender:
            sent = await sender.send(to, data, gas=gas)
            receipt = await sent.receipt()
        if int(receipt["status"], 16) != 1:
            raise Conflict("A transaction on the L1 was reverted", f"{sent.hash} to {to}")


async def _ask(rpc: Rpc, to: Hex, data: bytes) -> bytes:
    request = {"to": to, "data": "0x" + data.hex()}
    return bytes.fromhex((await rpc.call("eth_call", request, "latest"))[2:])
