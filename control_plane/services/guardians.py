"""Guardians that join and leave a running devnet, and their stakes.

A new guardian's process runs before it registers, so that nobody is ever in a set whose process
does not run; one that leaves goes on until a set without it is handed over to.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final, Protocol

from control_plane.domain import staking
from control_plane.domain.calls import Call, encode_call, execute_batch
from control_plane.domain.errors import CalderaError, Conflict, DeadlineExceeded, InvalidInput
from control_plane.domain.hub import Missed, SetChanged
from control_plane.domain.ids import Hex
from control_plane.domain.network import GuardianKeys, Network
from control_plane.domain.ports.metalayer import DecodeError
from control_plane.domain.ports.node import Account, Connect
from control_plane.domain.ports.store import Database
from control_plane.domain.records import GuardianRecord
from control_plane.domain.rpc import RpcError
from control_plane.schemas.guardian import (
    AddGuardian,
    ChangeStake,
    GuardianView,
    SlashGuardian,
    StakeView,
)
from control_plane.services.control import ControlPlane
from control_plane.services.faucet import PayFrom
from control_plane.services.live import Live
from control_plane.services.metalayer.lineup import Lineup
from control_plane.services.settlement.verdicts import verdict_in
from control_plane.services.units import WEI, whole
from control_plane.services.unknown import not_found

_COINS: Final = 10 * WEI
"""For the gas of a new guardian's transactions."""
_WAIT: Final = 60.0
_CALL_GAS: Final = 1_000_000


class Show(Protocol):
    async def guardian(self, name: str, which: str) -> GuardianView: ...


@dataclass(frozen=True, slots=True)
class _Place:
    """A guardian of a devnet that runs."""

    name: str
    live: Live
    network: Network
    keys: GuardianKeys

    @property
    def registry(self) -> Hex:
        return self.network.contracts["guardianRegistry"]


class GuardianDesk:
    """Implements the API's ``Guardians``."""

    def __init__(
        self,
        control: ControlPlane,
        database: Database,
        connect: Connect,
        pay_from: PayFrom,
        decode: DecodeError,
        show: Show,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._control = control
        self._database = database
        self._connect = connect
        self._pay_from = pay_from
        self._decode = decode
        self._show = show
        self._clock = clock
        self._turns: dict[str, asyncio.Lock] = {}
        self._retiring: set[asyncio.Task[None]] = set()

    # ------------------------------------------------------------------ coming and going

    async def add(self, name: str, request: AddGuardian) -> GuardianView:
        """A new embedded guardian, staked from the treasury. Raises Conflict, InvalidInput,
        DeadlineExceeded (it did not get into a set in time; it still may)."""
        live, network = await self._control.live(name)
        if network.plan.agents == "containers":
            raise Conflict(
                f"{name} has its agents in containers",
                "a guardian that joins later would need a container of its own",
                "Start the devnet with `agents: daemon`, or with more guardians.",
            )
        stake = _amount(request.stake) if request.stake else network.plan.metalayer.guardians.stake
        place = await self._control.while_there(name, self._join(name, live, network, stake))
        if request.wait:
            await self._seated(place, seated=True)
        return await self._show.guardian(name, str(place.keys.index))

    async def remove(self, name: str, which: str, *, wait: bool) -> StakeView:
        """Ask for a guardian's exit; its process ends when a set without it is in force."""
        place = await self._place(name, which)
        await self._transact(place, place.keys.account, place.registry, staking.request_exit())
        now = self._clock()
        address = str(place.keys.account.address)
        record = GuardianRecord(name, place.keys.index, address, now, left_at=now)
        async with self._database.begin() as unit:
            known = {r.number: r for r in await unit.guardians.list(name)}
            await unit.guardians.put(replace(known.get(record.number, record), left_at=now))
        retiring = asyncio.create_task(self._retire(place), name=f"retire {place.keys.index}")
        self._retiring.add(retiring)
        retiring.add_done_callback(self._retiring.discard)
        if wait:
            await asyncio.shield(retiring)
        return await self._stake(place)

    async def unjail(self, name: str, which: str, *, wait: bool) -> StakeView:
        """Bring a guardian back whose time in jail is over."""
        place = await self._place(name, which)
        await self._transact(place, place.keys.account, place.registry, staking.unjail())
        if wait:
            await self._seated(place, seated=True)
        return await self._stake(place)

    async def slash(self, name: str, which: str, request: SlashGuardian) -> StakeView:
        """Slash a guardian for a verdict that it signed. Raises NotFound, Conflict."""
        place = await self._place(name, which, gone=True)
        account = str(place.keys.account.address)
        rpc = await self._connect(place.network.chains[0].ws_url)
        try:
            quorum = await verdict_in(rpc, place.network.contracts, Hex(request.verdict))
        finally:
            await rpc.close()
        if any("0x" + one.guardian.hex() == account.lower() for one in quorum.absent):
            raise Conflict(
                f"guardian-{place.keys.index} did not sign that verdict",
                "the certificate names it as absent",
            )
        verdict, share = bytes.fromhex(request.verdict[2:]), round(request.share * 100)
        slasher = bytes.fromhex(place.network.contracts["slasher"][2:])
        call = Call(slasher, staking.slash_verdict(account, verdict, share))
        executor = place.network.contracts["governanceExecutor"]
        await self._transact(place, place.live.keys.governor, executor, execute_batch([call]))
        return await self._stake(place)

    async def _join(self, name: str, live: Live, network: Network, stake: int) -> _Place:
        async with self._turn(name):
            number = await self._reserve(name, live)
            keys = await self._control.join_guardian(name, number)
            place = _Place(name, live, network, keys)
            await self._note(name, keys)
            try:
                await self._endow(place, stake, _COINS)
                registry, chain = place.registry, network.chains[0].plan
                call = staking.register(keys, chain.chain_id, registry, stake)
                era = network.contracts["era"]
                await self._transact(place, keys.account, era, staking.approve(registry, stake))
                await self._transact(place, keys.account, registry, call)
            except CalderaError:
                await self._forget(place)
                raise
        return place

    async def _reserve(self, name: str, live: Live) -> int:
        """The next number: none is ever given twice."""
        async with self._database.begin() as unit:
            joined = await unit.guardians.list(name)
        first = live.plan.metalayer.guardians.count
        return max([first - 1, *(record.number for record in joined)]) + 1

    async def _note(self, name: str, keys: GuardianKeys) -> None:
        record = GuardianRecord(name, keys.index, str(keys.account.address), self._clock())
        async with self._database.begin() as unit:
            await unit.guardians.add(record)

    async def _forget(self, place: _Place) -> None:
        """It could not register: nothing is left but its number."""
        now, address = self._clock(), str(place.keys.account.address)
        record = GuardianRecord(place.name, place.keys.index, address, now, left_at=now)
        async with self._database.begin() as unit:
            await unit.guardians.put(record)
        await self._control.retire_guardian(place.name, place.keys.index)

    async def _retire(self, place: _Place) -> None:
        await self._seated(place, seated=False)
        await self._control.retire_guardian(place.name, place.keys.index)

    async def _seated(self, place: _Place, *, seated: bool) -> None:
        """Until the set in force has the guardian, or has it no more."""
        name = f"guardian-{place.keys.index}"

        async def good() -> bool:
            async with self._database.begin() as unit:
                record = await unit.guardian_sets.active(place.name)
            return record is not None and (place.keys.index in Lineup.of(record).seats) == seated

        await self._until(place, good, f"guardian set {'with' if seated else 'without'} {name}")

    async def _until(self, place: _Place, good: Callable[[], Awaitable[bool]], what: str) -> None:
        """Until a set is in force that is `good`. DeadlineExceeded."""
        async with place.live.hub.listen() as news:
            try:
                async with asyncio.timeout(_WAIT):
                    while not await good():
                        while not isinstance(await news.get(), SetChanged | Missed):
                            pass
            except TimeoutError:
                views = self._control.agents(place.name)
                why = next((v.problem for v in views if v.name == "rotation" and v.problem), None)
                raise DeadlineExceeded(
                    f"No {what}",
                    f"after {_WAIT:g} s; {why or 'no agent complains'}",
                    f"See `caldera logs {place.name} --service rotation`.",
                ) from None

    # ------------------------------------------------------------------ stakes

    async def stake(self, name: str, which: str) -> StakeView:
        """What a guardian has staked, as the L1 says."""
        return await self._stake(await self._place(name, which))

    async def increase(self, name: str, which: str, request: ChangeStake) -> StakeView:
        """Add to a stake, from the treasury."""
        place, amount = await self._place(name, which), _amount(request.amount)

        async def work() -> None:
            await self._endow(place, amount, 0)
            era, payer = place.network.contracts["era"], place.keys.account
            await self._transact(place, payer, era, staking.approve(place.registry, amount))
            await self._transact(place, payer, place.registry, staking.increase(amount))

        return await self._changing(place, work(), wait=request.wait)

    async def decrease(self, name: str, which: str, request: ChangeStake) -> StakeView:
        """Take from a stake; what is taken begins to unbond."""
        place, call = await self._place(name, which), staking.decrease(_amount(request.amount))
        work = self._transact(place, place.keys.account, place.registry, call)
        return await self._changing(place, work, wait=request.wait)

    async def withdraw(self, name: str, which: str) -> StakeView:
        """Pay out what has unbonded."""
        place = await self._place(name, which, gone=True)
        await self._transact(place, place.keys.account, place.registry, staking.withdraw())
        return await self._stake(place)

    async def _changing(
        self, place: _Place, work: Coroutine[Any, Any, None], *, wait: bool
    ) -> StakeView:
        before = await self._active_set(place.name)
        async with self._turn(place.name):
            await self._control.while_there(place.name, work)
        if wait:
            await self._another_set(place, before)
        return await self._stake(place)

    async def _active_set(self, name: str) -> int:
        async with self._database.begin() as unit:
            record = await unit.guardian_sets.active(name)
        return record.set_id if record else 0

    async def _another_set(self, place: _Place, before: int) -> None:
        async def good() -> bool:
            return await self._active_set(place.name) > before

        await self._until(place, good, f"guardian set after set {before}")

    # ------------------------------------------------------------------ the L1

    async def _stake(self, place: _Place) -> StakeView:
        l1 = place.network.chains[0]
        rpc = await self._connect(l1.ws_url)
        account = bytes.fromhex(place.keys.account.address[2:])

        async def ask(signature: str) -> bytes:
            data = "0x" + encode_call(signature, account).hex()
            request = {"to": place.registry, "data": data}
            return bytes.fromhex((await rpc.call("eth_call", request, "latest"))[2:])

        try:
            found = await ask("guardianOf(address)")
            try:
                until = int.from_bytes(await ask("withdrawableAt(address)"))
            except RpcError:  # nothing unbonds, or a set that counts it is still in force
                until = None
        finally:
            await rpc.close()
        stake, unbonding, jailed, active = (
            int.from_bytes(found[32 * at : 32 * at + 32]) for at in range(1, 5)
        )
        return StakeView(
            name=f"guardian-{place.keys.index}",
            address=place.keys.account.address,
            staked=whole(stake),
            unbonding=whole(unbonding),
            withdrawable_at=until,
            jailed_until=jailed or None,
            in_next_set=bool(active),
        )

    async def _endow(self, place: _Place, era: int, coins: int) -> None:
        """From the treasury and the governor."""
        to = bytes.fromhex(place.keys.account.address[2:])
        grant = staking.transfer(place.keys.account.address, era)
        calls = [Call(bytes.fromhex(place.network.contracts["era"][2:]), grant)]
        calls += [Call(to, b"", coins)] if coins else []
        executor = place.network.contracts["governanceExecutor"]
        await self._transact(
            place, place.live.keys.governor, executor, execute_batch(calls), value=coins
        )

    async def _transact(
        self, place: _Place, payer: Account, to: Hex, data: bytes, *, value: int = 0
    ) -> None:
        """Try a transaction on the L1 out, then send it. Conflict names why it would revert."""
        l1 = place.network.chains[0]
        self._control.must_answer(place.name, l1.name)
        await self._try(l1.ws_url, payer, to, data, value)
        async with self._pay_from(l1, payer) as sender:
            sent = await sender.send(to, data, gas=_CALL_GAS, value=value)
            receipt = await sent.receipt()
        if int(receipt["status"], 16) != 1:
            raise Conflict("A transaction on the L1 was reverted", f"{sent.hash} to {to}")

    async def _try(self, url: str, payer: Account, to: Hex, data: bytes, value: int) -> None:
        rpc = await self._connect(url)
        request = {"from": payer.address, "to": to, "data": "0x" + data.hex(), "value": hex(value)}
        try:
            await rpc.call("eth_call", request, "latest")
        except RpcError as error:
            if not isinstance(error.data, str):
                raise
            why = await asyncio.to_thread(self._decode, error.data)
            raise Conflict("The guardian registry refuses", why) from error
        finally:
            await rpc.close()

    # ------------------------------------------------------------------ whom

    async def _place(self, name: str, which: str, *, gone: bool = False) -> _Place:
        """One of ours, by its number or its service's name. NotFound, Conflict."""
        live, network = await self._control.live(name)
        wanted = which.removeprefix("guardian-")
        for keys in live.keys.guardians:
            if str(keys.index) == wanted and (gone or keys.index not in live.keys.retired):
                return _Place(name, live, network, keys)
        known = [f"guardian-{k.index}" for k in live.keys.serving]
        raise not_found("guardian", which, known)

    def _turn(self, name: str) -> asyncio.Lock:
        return self._turns.setdefault(name, asyncio.Lock())


def _amount(text: str) -> int:
    """ERA in wei. InvalidInput."""
    amount = int(Decimal(text) * WEI)
    if amount <= 0 or amount >= 2**96:
        raise InvalidInput("That is no stake", f"{text} ERA", "Name an amount above 0.")
    return amount
