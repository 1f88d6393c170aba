"""What stands of an app on a rollup: its record, held against the chain."""

from collections.abc import Mapping, Sequence
from typing import Any

from control_plane.domain.apps.pieces import ContractPiece, Pieces
from control_plane.domain.apps.record import Act
from control_plane.domain.errors import Failed
from control_plane.domain.ids import Hex
from control_plane.domain.ports.node import Rpc
from control_plane.domain.rpc import RpcError
from control_plane.schemas.app import AppCallView, AppContractView, AppRollupView

_NOBODYS = "something stands there that no record knows of"
_OTHER = "what stands there was made of other code, arguments or owner"


async def survey(rpc: Rpc, pieces: Pieces, acts: Mapping[str, Act], factory: Hex) -> AppRollupView:
    """How each piece stands, by the chain. Failed where the rollup has no CREATE3 factory."""
    addresses = [factory, *(piece.address for piece in pieces.contracts)]
    codes = await _answers(rpc, [("eth_getCode", (at, "latest")) for at in addresses])
    if codes[0] == "0x":
        raise Failed(
            f"{pieces.rollup} has no contract that deploys apps",
            f"there is no code at {factory}, where the devnet's CREATE3 factory is",
        )
    calls = {piece.id: acts.get(f"call:{piece.id}") for piece in pieces.calls}
    there = await _still_there(rpc, [act for act in calls.values() if act is not None])
    contracts = zip(pieces.contracts, codes[1:], strict=True)
    return AppRollupView(
        rollup=pieces.rollup,
        chain_id=pieces.chain_id,
        contracts=tuple(
            contract_view(piece, acts.get(f"contract:{piece.name}"), stands=code != "0x")
            for piece, code in contracts
        ),
        calls=tuple(
            AppCallView(
                contract=piece.contract,
                function=piece.function,
                peer=piece.peer,
                state="stands" if piece.id in there else "planned",
                tx=there.get(piece.id),
            )
            for piece in pieces.calls
        ),
    )


def contract_view(piece: ContractPiece, act: Act | None, *, stands: bool) -> AppContractView:
    """How a contract stands: whether there is code at its address, and what is remembered."""
    if not stands:
        return AppContractView(name=piece.name, state="planned")
    if act is None:
        return AppContractView(name=piece.name, state="conflict", detail=_NOBODYS)
    if act.digest == piece.digest:
        return AppContractView(name=piece.name, state="stands", tx=act.tx)
    if act.made_of == piece.made_of:
        was = ", ".join(act.peers) or "no other"
        detail = f"its arguments are those of when the app's other rollups were: {was}"
        return AppContractView(name=piece.name, state="older", tx=act.tx, detail=detail)
    return AppContractView(name=piece.name, state="conflict", tx=act.tx, detail=_OTHER)


async def _still_there(rpc: Rpc, acts: Sequence[Act]) -> dict[str, str]:
    """Transactions of calls whose blocks the chain still has, by the call's id. A block that a node
    has forgotten is there: only another one in its place, or a lower head, says that it went."""
    done = [act for act in acts if act.block is not None]
    if not done:
        return {}
    asked = [("eth_getBlockByNumber", (hex(act.block or 0), False)) for act in done]
    head, *blocks = await _answers(rpc, [("eth_blockNumber", ()), *asked])
    return {
        act.digest: act.tx
        for act, block in zip(done, blocks, strict=True)
        if (act.block or 0) <= int(head, 16) and (block is None or block["hash"] == act.block_hash)
    }


async def _answers(rpc: Rpc, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
    answers = await rpc.batch(calls)
    for answer in answers:
        if isinstance(answer, RpcError):
            raise answer
    return answers
