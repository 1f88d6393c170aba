"""One rollup's part of an app: looked at, and brought to what the manifest says."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from control_plane.domain.apps.abi import error_told
from control_plane.domain.apps.pieces import CallPiece, ContractPiece, Pieces
from control_plane.domain.apps.record import Act
from control_plane.domain.calls import Call
from control_plane.domain.errors import Failed
from control_plane.domain.hexes import from_hex
from control_plane.domain.ids import Hex
from control_plane.domain.ports.node import Rpc
from control_plane.domain.rpc import RpcError
from control_plane.schemas.app import AppRollupView, Artifact
from control_plane.services.apps.book import Book
from control_plane.services.apps.sending import Sender
from control_plane.services.apps.survey import survey

Tell = Callable[[str, Mapping[str, Any]], Awaitable[None]]
"""An event of the devnet: its type and data."""


@dataclass(slots=True)
class OneRollup:
    """The pieces of an app and the rollup that they are for."""

    pieces: Pieces
    factory: Hex
    rpc: Rpc
    sender: Sender
    book: Book
    decode: Callable[[str], str]
    tell: Tell
    view: AppRollupView | None = None
    """How it stands, once it was looked at."""

    @property
    def acts(self) -> Mapping[str, Act]:
        return self.book.record.acts(self.pieces.rollup)

    async def resume(self) -> None:
        """Finish what an earlier daemon left under way."""
        for act in list(self.acts.values()):
            if act.is_under_way:
                await self.sender.resume(act)

    async def look(self) -> None:
        """See how everything stands."""
        self.view = await survey(self.rpc, self.pieces, self.acts, self.factory)

    @property
    def conflicts(self) -> list[str]:
        """What stands in the way."""
        assert self.view is not None  # noqa: S101 - looked at before
        found = [one for one in self.view.contracts if one.state == "conflict"]
        return [f"{one.name}: {one.detail}" for one in found]

    async def contracts(self) -> None:
        """Deploy what does not stand, in order. Failed."""
        assert self.view is not None  # noqa: S101 - looked at before
        views = list(self.view.contracts)
        for at, piece in enumerate(self.pieces.contracts):
            if views[at].state == "planned":
                done = await self._deploy(piece)
                views[at] = views[at].model_copy(update={"state": "deployed", "tx": done.tx})
                self.view = self.view.model_copy(update={"contracts": tuple(views)})

    async def calls(self) -> None:
        """Make the calls that were not made, in order. Failed."""
        assert self.view is not None  # noqa: S101 - looked at before
        views = list(self.view.calls)
        for at, piece in enumerate(self.pieces.calls):
            if views[at].state == "planned":
                done = await self._call(piece)
                views[at] = views[at].model_copy(update={"state": "made", "tx": done.tx})
                self.view = self.view.model_copy(update={"calls": tuple(views)})

    async def _deploy(self, piece: ContractPiece) -> Act:
        act = Act(
            kind="contract",
            contract=piece.name,
            digest=piece.digest,
            address=piece.address,
            made_of=piece.made_of,
            peers=self.pieces.peers,
        )
        try:
            done = await self.sender.do(act, Call(from_hex(self.factory), piece.data))
        except RpcError as error:
            why = await self._why_not(piece, error)
            raise Failed(f"{piece.name} can't be deployed", why) from error
        await self.tell(
            "app.contract",
            {"contract": piece.name, "address": piece.address, "tx": done.tx, "block": done.block},
        )
        return done

    async def _call(self, piece: CallPiece) -> Act:
        act = Act(
            kind="call",
            contract=piece.contract,
            digest=piece.id,
            function=piece.function,
            peer=piece.peer,
        )
        what = f"{piece.contract}.{piece.function}" + (f" for {piece.peer}" if piece.peer else "")
        try:
            done = await self.sender.do(act, Call(from_hex(piece.address), piece.data))
        except RpcError as error:
            raise Failed(f"{what} fails", self._reason(piece.artifact, error)) from error
        data = {"contract": piece.contract, "function": piece.function}
        data |= {"peer": piece.peer} if piece.peer else {}
        await self.tell("app.call", {**data, "tx": done.tx, "block": done.block})
        return done

    async def _why_not(self, piece: ContractPiece, error: RpcError) -> str:
        """What the constructor says, if it is that which fails: the factory does not tell."""
        if not error.data:
            return self._reason(piece.artifact, error)
        creation = {"from": self.pieces.owner, "data": "0x" + piece.creation.hex()}
        try:
            await self.rpc.call("eth_call", creation, "latest")
        except RpcError as found:
            return self._reason(piece.artifact, found)
        why = self._reason(piece.artifact, error)
        return f"{why}; by itself its constructor works: does it look at msg.sender?"

    def _reason(self, artifact: Artifact, error: RpcError) -> str:
        if not error.data:
            return f"{error.message} (sent by {self.pieces.owner})"
        data = str(error.data)
        return error_told(artifact, data) or self.decode(data)
