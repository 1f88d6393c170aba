"""An app on several rollups at once: first every contract, then every call."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from control_plane.domain.apps.pieces import Pieces
from control_plane.domain.apps.record import AppRecord
from control_plane.domain.errors import CalderaError, Conflict, Failed
from control_plane.domain.network import Chain, Network
from control_plane.domain.ports.app import AppRecords
from control_plane.domain.ports.node import Account, Connect, Rpc
from control_plane.schemas.app import AppRollupView
from control_plane.services.apps.book import Book
from control_plane.services.apps.rollup import OneRollup
from control_plane.services.apps.sending import Sender
from control_plane.services.apps.site import FACTORY
from control_plane.services.send_message import Sign

Publish = Callable[[str, str, Mapping[str, Any]], Awaitable[object]]
"""Records an event: devnet, type, data."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What deploying works through."""

    connect: Connect
    sign: Sign
    decode: Callable[[str], str]
    """Revert data as a sentence."""
    records: AppRecords
    publish: Publish


@dataclass(frozen=True, slots=True)
class Deployment:
    """An app that is to be on some rollups of a devnet."""

    network: Network
    app: str
    account: Account
    pieces: Mapping[str, Pieces]
    """By rollup."""
    record: AppRecord
    tools: Tools

    async def plan(self) -> Sequence[AppRollupView]:
        """How everything stands; touches nothing."""
        async with self._opened() as rollups:
            return await self._looked_at(rollups)

    async def deploy(self) -> Sequence[AppRollupView]:
        """Bring every rollup to what the manifest says. Conflict before anything is touched; Failed
        with what went wrong where, once the other rollups are done."""
        async with self._opened() as rollups:
            await self._on_all(rollups, OneRollup.resume)
            await self._looked_at(rollups)
            self._refuse_conflicts(rollups)
            await self._on_all(rollups, OneRollup.contracts)
            await self._on_all(rollups, OneRollup.calls)
            views = [rollup.view for rollup in rollups if rollup.view is not None]
        await self._tell_done(views)
        return views

    async def _looked_at(self, rollups: Sequence[OneRollup]) -> Sequence[AppRollupView]:
        await self._on_all(rollups, OneRollup.look)
        return [rollup.view for rollup in rollups if rollup.view is not None]

    def _refuse_conflicts(self, rollups: Sequence[OneRollup]) -> None:
        found = _grouped((rollup.pieces.rollup, rollup.conflicts) for rollup in rollups)
        if found:
            raise Conflict(
                f"{self.app} can't be deployed: something else stands at its addresses",
                found,
                "A contract can't be replaced: give it, or the app, another name, or begin with a"
                " new devnet.",
            )

    async def _on_all(
        self, rollups: Sequence[OneRollup], work: Callable[[OneRollup], Awaitable[None]]
    ) -> None:
        """On every rollup, whatever happens on the others."""
        found = await asyncio.gather(*(work(one) for one in rollups), return_exceptions=True)
        failed = []
        for rollup, error in zip(rollups, found, strict=True):
            if isinstance(error, CalderaError):
                failed.append((rollup.pieces.rollup, error))
            elif isinstance(error, BaseException):
                raise error
        if not failed:
            return
        told = _grouped((name, [str(error)]) for name, error in failed)
        await self._tell("app.failed", {"detail": told})
        hint = next((error.hint for _, error in failed if error.hint), "")
        raise Failed(
            f"{self.app} is not whole",
            told,
            hint or "Run the command again when that is mended: what is done is not done twice.",
        )

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[list[OneRollup]]:
        """The rollups with a connection each, closed afterwards."""
        owner = self.account.address
        book = Book(self.tools.records, self.network.devnet, self.record, owner)
        async with AsyncExitStack() as stack:
            rollups = []
            for name, pieces in self.pieces.items():
                chain = self.network.chain(name)
                rpc = await self.tools.connect(chain.ws_url)
                stack.push_async_callback(rpc.close)
                rollups.append(self._one(chain, pieces, rpc, book))
            yield rollups

    def _one(self, chain: Chain, pieces: Pieces, rpc: Rpc, book: Book) -> OneRollup:
        sender = Sender(
            chain=chain,
            rpc=rpc,
            account=self.account,
            sign=self.tools.sign,
            note=partial(book.note, chain.name),
            forget=partial(book.forget, chain.name),
        )
        return OneRollup(
            pieces=pieces,
            factory=self.network.contracts[FACTORY],
            rpc=rpc,
            sender=sender,
            book=book,
            decode=self.tools.decode,
            tell=partial(self._tell, rollup=chain.name),
        )

    async def _tell(self, type: str, data: Mapping[str, Any], rollup: str | None = None) -> None:
        where = {"rollup": rollup} if rollup else {}
        await self.tools.publish(self.network.devnet, type, {"app": self.app, **where, **data})

    async def _tell_done(self, views: Sequence[AppRollupView]) -> None:
        done = [view.rollup for view in views if _changed(view)]
        if done:
            await self._tell("app.deployed", {"rollups": done})


def _grouped(found: Iterable[tuple[str, Sequence[str]]]) -> str:
    """What was found on rollups, what is the same on several of them once."""
    where: dict[str, list[str]] = {}
    for rollup, told in found:
        for line in told:
            where.setdefault(line, []).append(rollup)
    return "; ".join(f"{line} (on {', '.join(names)})" for line, names in where.items())


def _changed(view: AppRollupView) -> bool:
    """Whether something was done there."""
    states = {one.state for one in view.contracts} | {one.state for one in view.calls}
    return bool(states & {"deployed", "made"})
