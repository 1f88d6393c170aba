"""A rollup's outputs, as its oracle on the L1 has them now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from control_plane.domain.errors import Conflict
from control_plane.domain.network import Network
from control_plane.domain.ports.node import Connect
from control_plane.domain.settlement import inbox_address, settles
from control_plane.domain.settlement.outputs import Output, oracle_address
from control_plane.schemas.output import OutputsView, OutputView
from control_plane.services.live import Live
from control_plane.services.settlement.proposing import Oracle


class Running(Protocol):
    """What is asked of the control plane here."""

    async def live(self, name: str) -> tuple[Live, Network]:
        """Conflict when the devnet's chains are not up."""
        ...

    def must_answer(self, name: str, chain: str) -> None:
        """Conflict when a chain's node does not run."""
        ...


@dataclass(frozen=True, slots=True)
class Outputs:
    """Implements the API's ``Outputs``."""

    devnets: Running
    connect: Connect

    async def list(
        self, name: str, rollup: str, *, limit: int, before: int | None = None
    ) -> OutputsView:
        """The newest `limit`, or those before index `before`. `rollup` is known to be there.

        Raises Conflict (not up, or no outputs by its spec), TemporaryFailure.
        """
        _, network = await self.devnets.live(name)
        chain = network.chain(rollup)
        if not settles(chain.plan):
            raise Conflict(
                f"{rollup} has no outputs",
                "its spec names no `proof`",
                f"Name one at its start, e.g. --set rollups.{rollup}.proof=fraud, with a `da`.",
            )
        l1 = network.chain(network.plan.l1.name)
        self.devnets.must_answer(name, l1.name)
        rpc = await self.connect(l1.ws_url)
        try:
            contracts, chain_id = network.contracts, chain.plan.chain_id
            at = oracle_address(contracts, chain_id)
            oracle = Oracle(rpc, at, inbox_address(contracts), chain_id)
            total = await oracle.count()
            end = total if before is None else min(total, before)
            indices = range(max(0, end - limit), end)
            outputs = await oracle.outputs(indices)
            disputes = await oracle.disputes(indices)
            final = (await oracle.now()).last_final
        finally:
            await rpc.close()
        views = _views(indices, outputs, disputes, -1 if final is None else final)
        return OutputsView(oracle=oracle.address, total=total, last_final=final, outputs=views)


def _views(
    indices: Sequence[int],
    outputs: Sequence[Output],
    disputes: Sequence[int],
    last_final: int,
) -> tuple[OutputView, ...]:
    rows = list(zip(indices, outputs, disputes, strict=True))
    return tuple(_view(*row, last_final) for row in reversed(rows))


def _view(index: int, output: Output, disputes: int, last_final: int) -> OutputView:
    is_final = index <= last_final
    return OutputView(
        index=index,
        state="final" if is_final else "disputed" if disputes else "proposed",
        block=output.block_number,
        block_hash=_hex(output.block_hash),
        state_root=_hex(output.state_root),
        message_passer_storage_root=_hex(output.message_passer_storage_root),
        output_root=_hex(output.output_root),
        batch_commitment=_hex(output.batch_commitment),
        proposed_at=_moment(output.proposed_at),
        final_at=None if disputes and not is_final else _moment(output.final_at),
        disputes=disputes,
        proposer=_hex(output.proposer),
        bond=str(output.bond),
    )


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
