"""Where something else can be put between a devnet's agents and what they work through.

Agents know nothing of it: they are handed ports, and whoever makes them hands them ports that look
here at every call. They find nothing unless somebody breaks something on purpose; then a fault's
own implementation of the port stands between (``adapters/chaos``).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.formats import EpochHeader, Leaf
from control_plane.domain.ids import Hex
from control_plane.domain.ports.metalayer import Attester, Pending, Refusal, Sender
from control_plane.domain.ports.node import Connect, Rpc
from control_plane.domain.reads import Answer
from control_plane.domain.records import MessageRecord

if TYPE_CHECKING:
    from control_plane.domain.ports.engine_api import (
        EngineApi,
        ForkChoice,
        Payload,
        PayloadAttributes,
    )
    from control_plane.domain.settlement.outputs import Proposal

WrapAttester = Callable[[Attester], Attester]
WrapSender = Callable[[Sender], Sender]
Withhold = Callable[[MessageRecord], str | None]
"""Why a relayer does not carry a message; None when it does."""
WrapRpc = Callable[[Rpc], Rpc]
WrapEngine = Callable[["EngineApi", Rpc], "EngineApi"]
"""The second one: a connection to the same node's ordinary JSON-RPC."""


class Seams:
    """Of one devnet. Faults stand here by their ids, the later around the earlier."""

    def __init__(self) -> None:
        self.attesters: Final[dict[str, dict[str, WrapAttester]]] = {}
        """By the guardian's name."""
        self.senders: Final[dict[str, dict[str, WrapSender]]] = {}
        """By the chain's name."""
        self.sequencers: Final[dict[str, dict[str, WrapRpc]]] = {}
        """By the chain's name: what its sequencer says to its node and to the L1's."""
        self.engines: Final[dict[str, dict[str, WrapEngine]]] = {}
        """By the chain's name: how its sequencer has its engine build blocks."""
        self.withhold: Final[dict[str, Withhold]] = {}
        self.cut: Final[dict[str, str]] = {}
        """WebSocket URLs that agents can't reach, and why."""
        self.proposals: Final[dict[str, dict[str, Callable[[Proposal], Awaitable[Proposal]]]]] = {}
        """What is proposed instead of a rollup's block, by the rollup's name."""
        self._open: WeakKeyDictionary[Any, str] = WeakKeyDictionary()

    def attester(self, honest: Attester) -> "SeamAttester":
        """`honest` with whatever stands around it at the moment of a call."""
        return SeamAttester(honest, self.attesters.setdefault(honest.name, {}))

    def sender(self, chain: str, honest: Sender) -> Sender:
        """`honest` with whatever stands around it at the moment of a call."""
        return _SeamSender(honest, self.senders.setdefault(chain, {}))

    def withheld(self, message: MessageRecord) -> str | None:
        """Why the relayer does not carry `message`; None when it does."""
        for reason in self.withhold.values():
            why = reason(message)
            if why is not None:
                return why
        return None

    def proposing(self, chain: str) -> "Callable[[Proposal], Awaitable[Proposal]]":
        """What `chain`'s proposer proposes instead of an honest proposal; the same otherwise."""
        around = self.proposals.setdefault(chain, {})

        async def proposed(honest: "Proposal") -> "Proposal":
            made = honest
            for alter in tuple(around.values()):
                made = await alter(made)
            return made

        return proposed

    def connecting(self, connect: Connect) -> Connect:
        """`connect`, whose connections can be cut."""

        async def through(url: str, *, deadline: float | None = None) -> Rpc:
            why = self.cut.get(url)
            if why is not None:
                raise TemporaryFailure(f"Can't connect to {url}", why)
            rpc = await connect(url, deadline=deadline)
            self._open[rpc] = url
            return rpc

        return through

    def sequencing(self, chain: str, connect: Connect) -> Connect:
        """`connect`, for the sequencer of `chain`."""
        around = self.sequencers.setdefault(chain, {})

        async def through(url: str, *, deadline: float | None = None) -> Rpc:
            return _SeamRpc(await connect(url, deadline=deadline), around)

        return through

    def building(self, chain: str) -> WrapEngine:
        """Puts whatever stands there at the moment of a call before the engine of `chain`."""
        around = self.engines.setdefault(chain, {})
        return lambda engine, node: _SeamEngine(engine, node, around)

    def opened(self, url: str) -> Sequence[Rpc]:
        """Connections to `url` that agents may have open."""
        return [rpc for rpc, where in self._open.items() if where == url]


class SeamAttester:
    """Implements ``ports.metalayer.Attester``."""

    def __init__(self, honest: Attester, around: Mapping[str, WrapAttester]) -> None:
        self.name = honest.name
        self.index = honest.index
        self._honest = honest
        self._around = around

    @property
    def available(self) -> bool:
        return self._honest.available

    def hear(self, standing: Any) -> None:
        """Pass on how it is in another process."""
        getattr(self._honest, "hear")(standing)  # noqa: B009 - of those that listen

    async def check_and_sign(
        self,
        header: EpochHeader,
        leaves: Sequence[Leaf],
        parent: EpochHeader | None,
        answers: Sequence[Answer] = (),
    ) -> bytes | Refusal:
        """As whoever stands there now."""
        asked: Attester = self._honest
        for wrap in self._around.values():
            asked = wrap(asked)
        return await asked.check_and_sign(header, leaves, parent, answers)


class _SeamSender:
    """Implements ``ports.metalayer.Sender``."""

    def __init__(self, honest: Sender, around: Mapping[str, WrapSender]) -> None:
        self._honest = honest
        self._around = around

    async def send(self, to: Hex, data: bytes, *, gas: int) -> Pending:
        asked = self._honest
        for wrap in self._around.values():
            asked = wrap(asked)
        return await asked.send(to, data, gas=gas)


class _SeamRpc:
    """Implements ``ports.node.Rpc``."""

    def __init__(self, honest: Rpc, around: Mapping[str, WrapRpc]) -> None:
        self._honest = honest
        self._around = around

    def _asked(self) -> Rpc:
        asked = self._honest
        for wrap in self._around.values():
            asked = wrap(asked)
        return asked

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        return await self._asked().call(method, *params, timeout=timeout)

    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], timeout: float | None = None
    ) -> list[Any]:
        return await self._asked().batch(calls, timeout=timeout)

    def subscribe(self, kind: str, *params: Any) -> AsyncIterator[Any]:
        return self._honest.subscribe(kind, *params)

    async def close(self) -> None:
        await self._honest.close()


class _SeamEngine:
    """Implements ``ports.engine_api.EngineApi``."""

    def __init__(self, honest: "EngineApi", node: Rpc, around: Mapping[str, WrapEngine]) -> None:
        self._honest = honest
        self._node = node
        self._around = around

    async def forkchoice_updated(
        self, choice: "ForkChoice", attributes: "PayloadAttributes | None" = None
    ) -> str | None:
        asked = self._honest
        for wrap in self._around.values():
            asked = wrap(asked, self._node)
        return await asked.forkchoice_updated(choice, attributes)

    async def get_payload(self, identity: str) -> "Payload":
        return await self._honest.get_payload(identity)

    async def new_payload(self, payload: "Payload") -> None:
        await self._honest.new_payload(payload)

    async def close(self) -> None:
        await self._honest.close()


class SeamBook:
    """The seams of all devnets of this process."""

    def __init__(self) -> None:
        self._of: dict[str, Seams] = {}

    def of(self, devnet: str) -> Seams:
        """Those of `devnet`, the same at every call."""
        return self._of.setdefault(devnet, Seams())

    def forget(self, devnet: str) -> None:
        """The devnet is gone."""
        self._of.pop(devnet, None)
