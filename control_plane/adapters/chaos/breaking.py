"""Begins and ends faults. Imported with the first of them."""

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable
from functools import singledispatchmethod
from types import ModuleType
from typing import Any, Final

from control_plane.adapters.chaos.attesters import (
    Equivocating,
    Late,
    Lying,
    Misdeeds,
    NotFinal,
    Silent,
)
from control_plane.adapters.chaos.forgery import forge
from control_plane.adapters.chaos.relayers import Rival, censor
from control_plane.adapters.evm.rpc import connect
from control_plane.domain.errors import CalderaError, Conflict, PermanentFailure
from control_plane.domain.faults import (
    ChainPaused,
    ChallengeInBadFaith,
    CommitteeSilent,
    ConnectionDropped,
    DataCorrupted,
    DataWithheld,
    Fault,
    ForgedCertificate,
    GuardianEquivocating,
    GuardianLate,
    GuardianLying,
    GuardianNotFinal,
    GuardianSilent,
    OutputForged,
    RelayerCensoring,
    RelayerDuplicate,
    Reorg,
    SequencerCensoring,
)
from control_plane.domain.hub import Hub, Missed
from control_plane.domain.network import Chain, GuardianKeys
from control_plane.domain.ports.chaos import Ground
from control_plane.domain.seams import WrapAttester
from control_plane.domain.settlement import settles
from control_plane.domain.settlement.deposits import has_portal

_DAEMONS: Final = (
    GuardianSilent,
    GuardianLate,
    GuardianLying,
    GuardianEquivocating,
    GuardianNotFinal,
    RelayerCensoring,
    RelayerDuplicate,
    ConnectionDropped,
    SequencerCensoring,
    OutputForged,
)
"""Faults that stand between agents and their ports, which only those of this process have here."""


_OF_DATA: Final = (DataWithheld, DataCorrupted, CommitteeSilent)


def _data() -> ModuleType:
    from control_plane.adapters.chaos import data

    return data


class ChaosBreaker:
    """Implements ``ports.chaos.Breaker`` for all devnets of a daemon."""

    def __init__(self) -> None:
        self._mend: dict[tuple[str, str], Callable[[], Awaitable[None]]] = {}
        """What ends a fault that is more than an entry in the seams."""
        self._stand: dict[tuple[str, str], Hub] = {}
        """What stands already, and on which run of its devnet."""

    # ------------------------------------------------------------------ what is to be had

    def check(self, fault: Fault, ground: Ground) -> None:
        """See the port."""
        if ground.network.plan.agents == "containers" and isinstance(fault, _DAEMONS):
            raise Conflict(
                f"{fault.kind} is not to be had here",
                "the agents of this devnet run in containers, and it stands between them",
                "Start the devnet with `agents: daemon`; what containers do can be stopped: "
                "`caldera stop --service NAME`.",
            )
        for service in _stands_beside(fault):
            if ground.services.is_elsewhere(service):
                raise Conflict(
                    f"{fault.kind} is not to be had here",
                    f"{service} runs in a process of its own, and it stands between the daemon's",
                    f"End that process, and `caldera start --service {service}`.",
                )
        if isinstance(fault, OutputForged | ChallengeInBadFaith):
            _check_disputed(fault, ground)
        if isinstance(fault, GuardianNotFinal):
            _settled(fault, ground)
        if isinstance(fault, Reorg):
            _check_reorg(fault, ground)
        if isinstance(fault, SequencerCensoring):
            _check_censored(fault, ground)
        if isinstance(fault, _OF_DATA):
            _data().check(fault, ground)
        if isinstance(fault, ChainPaused) and _sequencer(fault) not in ground.services:
            raise Conflict(
                f"{fault.target} can't be paused",
                "its blocks are made by its framework's own services, not by a sequencer of ours",
                f"`caldera stop --service {fault.target}/…` stops one of those.",
            )

    # ------------------------------------------------------------------ beginning

    async def begin(self, fault: Fault, ground: Ground) -> str | None:
        """See the port."""
        self.check(fault, ground)
        key = ground.network.devnet, ground.id
        known = self._stand.get(key)
        if known is ground.hub and not isinstance(fault, ChainPaused):
            return None
        if known is not None and known is not ground.hub:
            await self.end(fault, ground)
        found: str | None = await self._begin(fault, ground)
        if not fault.at_once:
            self._stand[key] = ground.hub
        return found

    @singledispatchmethod
    async def _begin(self, fault: Any, ground: Ground) -> str | None:  # noqa: ARG002
        raise PermanentFailure(  # a test holds that there is no such kind
            f"{fault.kind} can't be begun", "nobody has said here how it is done"
        )

    @_begin.register
    async def _(self, fault: GuardianSilent, ground: Ground) -> None:
        _stand(ground, fault.target, Silent)

    @_begin.register
    async def _(self, fault: GuardianLate, ground: Ground) -> None:
        _stand(ground, fault.target, lambda honest: Late(honest, fault.ms / 1000))

    @_begin.register
    async def _(self, fault: GuardianLying, ground: Ground) -> None:
        misdeeds = Misdeeds(ground, _keys(ground, fault.target), fault.times)
        chain = fault.chain or ground.network.plan.rollups[0].name
        domain = ground.network.chain(chain).domain
        _stand(ground, fault.target, lambda honest: Lying(honest, misdeeds, domain))

    @_begin.register
    async def _(self, fault: GuardianEquivocating, ground: Ground) -> None:
        misdeeds = Misdeeds(ground, _keys(ground, fault.target), fault.times)
        _stand(ground, fault.target, lambda honest: Equivocating(honest, misdeeds))

    @_begin.register
    async def _(self, fault: GuardianNotFinal, ground: Ground) -> None:
        from control_plane.adapters.chaos.outputs import last_output

        misdeeds = Misdeeds(ground, _keys(ground, fault.target), fault.times)
        chain = _settled(fault, ground)
        last = functools.partial(last_output, ground.network, chain)
        _stand(ground, fault.target, lambda each: NotFinal(each, misdeeds, chain.domain, last))

    @_begin.register
    async def _(self, fault: ForgedCertificate, ground: Ground) -> str:
        signers = [int(part) for part in fault.signers.split(",") if part]
        return await forge(ground, ground.network.chain(fault.target), signers)

    @_begin.register
    async def _(self, fault: RelayerDuplicate, ground: Ground) -> None:
        rival = Rival(ground, ground.network.chain(fault.target))
        await rival.open()
        ground.seams.senders.setdefault(fault.target, {})[ground.id] = rival.around
        self._mend[ground.network.devnet, ground.id] = rival.close

    @_begin.register
    async def _(self, fault: RelayerCensoring, ground: Ground) -> None:
        ground.seams.withhold[ground.id] = censor(ground, fault)

    @_begin.register
    async def _(self, fault: Reorg, ground: Ground) -> str:
        rpc = await connect(ground.network.chain(fault.target).ws_url)
        try:
            head = int(await rpc.call("eth_blockNumber"), 16)
            if fault.depth >= head:
                raise Conflict(
                    f"{fault.target} has no {fault.depth} blocks to replace",
                    f"its head is block {head}, and block 1 stays: its contracts are set up there",
                    f"Name a depth up to {head - 1}." if head > 1 else "Send it a transaction.",
                )
            # Anvil 1.7.1 loses blocks when it seals during a reorg
            await ground.services.hold(_sequencer(fault))
            try:
                await rpc.call("anvil_reorg", fault.depth, [])
            finally:
                ground.services.release(_sequencer(fault))
        finally:
            await rpc.close()
        first = head - fault.depth + 1
        if first == head:
            return f"block {head} of {fault.target} was replaced"
        return f"blocks {first} to {head} of {fault.target} were replaced"

    @_begin.register
    async def _(self, fault: ChainPaused, ground: Ground) -> None:
        await ground.services.hold(_sequencer(fault))

    @_begin.register
    async def _(self, fault: SequencerCensoring, ground: Ground) -> None:
        from control_plane.adapters.chaos.sequencers import Censor, CensoringEngine

        around = ground.seams.sequencers.setdefault(fault.target, {})
        around[ground.id] = lambda honest: Censor(honest, fault)
        engines = ground.seams.engines.setdefault(fault.target, {})
        engines[ground.id] = lambda honest, node: CensoringEngine(honest, node, fault.account)

    @_begin.register
    async def _(self, fault: OutputForged, ground: Ground) -> None:
        from control_plane.adapters.chaos.outputs import Forger

        forger = Forger(ground, ground.network.chain(fault.target), fault.lie, fault.times)
        ground.seams.proposals.setdefault(fault.target, {})[ground.id] = forger

    @_begin.register
    async def _(self, fault: ChallengeInBadFaith, ground: Ground) -> None:
        from control_plane.adapters.chaos.outputs import BadFaith

        rival = BadFaith(ground, ground.network.chain(fault.target))
        self._mend[ground.network.devnet, ground.id] = rival.close
        await rival.open()

    @_begin.register(DataWithheld)
    @_begin.register(DataCorrupted)
    @_begin.register(CommitteeSilent)
    async def _(self, fault: Fault, ground: Ground) -> None:
        await _data().begin(fault, ground)

    @_begin.register
    async def _(self, fault: ConnectionDropped, ground: Ground) -> None:
        url = ground.network.chain(fault.target).ws_url
        ground.seams.cut[url] = f"cut on purpose (`caldera chaos heal {ground.id}`)"
        await asyncio.gather(*(rpc.close() for rpc in ground.seams.opened(url)))

    # ------------------------------------------------------------------ ending

    async def end(self, fault: Fault, ground: Ground) -> None:
        """See the port."""
        seams, id_ = ground.seams, ground.id
        self._stand.pop((ground.network.devnet, id_), None)
        found = (*seams.attesters.values(), *seams.senders.values(), *seams.proposals.values())
        for around in (*found, *seams.sequencers.values(), *seams.engines.values()):
            around.pop(id_, None)  # type: ignore[attr-defined]
        mend = self._mend.pop((ground.network.devnet, id_), None)
        if mend is not None:
            with contextlib.suppress(CalderaError):
                await mend()
        if seams.withhold.pop(id_, None):
            ground.hub.tell(Missed("messages that were held back"))
        if isinstance(fault, _OF_DATA):
            await _data().end(fault, ground)
        if isinstance(fault, ConnectionDropped):
            seams.cut.pop(ground.network.chain(fault.target).ws_url, None)
        if isinstance(fault, ChainPaused) and _sequencer(fault) in ground.services:
            ground.services.release(_sequencer(fault))


def _stands_beside(fault: Fault) -> tuple[str, ...]:
    """The agents that would have to be the daemon's."""
    if fault.aim == "guardian":
        return ("aggregator",)
    if isinstance(fault, SequencerCensoring):
        return (_sequencer(fault),)
    return ("relayer",) if isinstance(fault, RelayerCensoring | RelayerDuplicate) else ()


def _settled(fault: GuardianNotFinal, ground: Ground) -> Chain:
    """The rollup that is meant; Conflict where it has no outputs."""
    chains = [chain for chain in ground.network.chains if settles(chain.plan)]
    found = next((chain for chain in chains if fault.chain in {"", chain.name}), None)
    if found is None:
        raise Conflict(
            f"{fault.kind} is not to be had here",
            f"{fault.chain or 'no rollup'} has {'no' if fault.chain else 'any'} outputs on the L1",
            "Name a `proof` and a `da` at its start.",
        )
    return found


def _check_censored(fault: SequencerCensoring, ground: Ground) -> None:
    chain = ground.network.chain(fault.target).plan
    if _sequencer(fault) not in ground.services:
        raise Conflict(
            f"{fault.kind} is not to be had on {fault.target}",
            "its blocks are not made by a sequencer of ours",
            "Choose a chain whose sequencer `caldera status --json` lists.",
        )
    if fault.deposits and not has_portal(chain):
        raise Conflict(
            f"{fault.target} takes no deposits that could be left out",
            "it settles nothing on the L1",
            "Name a `proof` and a `da` at its start.",
        )


def _check_reorg(fault: Reorg, ground: Ground) -> None:
    chain = ground.network.chain(fault.target)
    if chain.plan.engine != "anvil":
        raise Conflict(
            f"{fault.target} can't be reorganised",
            f"{chain.plan.engine} has no call that replaces blocks; Anvil has (anvil_reorg)",
            "Choose a chain on Anvil. A rollup on op-geth follows a reorg of its L1.",
        )


def _check_disputed(fault: Fault, ground: Ground) -> None:
    proof = ground.network.chain(fault.target).plan.proof
    if proof is None or (proof != "fraud" and isinstance(fault, ChallengeInBadFaith)):
        raise Conflict(
            f"{fault.kind} is not to be had on {fault.target}",
            "its outputs are proven, and never disputed" if proof else "it has no outputs",
            "Name a rollup whose spec says `proof: fraud`.",
        )


def _sequencer(fault: Fault) -> str:
    return f"{fault.target}/sequencer"


def _stand(ground: Ground, guardian: str, wrap: WrapAttester) -> None:
    ground.seams.attesters.setdefault(guardian, {})[ground.id] = wrap


def _keys(ground: Ground, guardian: str) -> GuardianKeys:
    return next(g for g in ground.keys.guardians if f"guardian-{g.index}" == guardian)
