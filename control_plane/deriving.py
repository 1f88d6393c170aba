"""A rollup derived from its L1 and followed, for who disputes its outputs and who proves them.

A process of its own, because executing blocks takes all of a core. JSON lines. The first one on
stdin says what to derive, as for ``verify``: ``{"l1": URL, "inbox": ADDRESS, "chain_id": N,
"genesis": {…}, "das": […], "portal": ADDRESS, "sequencing_window": SECONDS}``, the last two of a
rollup that takes deposits; a prover's has ``"attest"`` besides, ``{"key": HEX, "l1_chain_id": N,
"verifier": ADDRESS}``. ``"keep"``, ``{"path": FILE, "oracle": ADDRESS}``, names the file in which
it writes down how far it was at a final output, to go on from there when it is started anew. Each
further line is a question, ``{"id": N, "ask": NAME, …}``, and gets an answer on stdout, one after
the other: ``{"id": N, …}``, or ``{"id": N, "problem": {…}, "withheld": BOOL}``, where the latter
says whether it is for data that nobody gives.
Between them come lines ``{"at": BLOCK}`` while it executes, and ``{"at": null}`` where one block
takes it long. When stdin ends, so does the process.

It reads the L1 and the genesis, and asks no node of the rollup.
"""

import asyncio
import contextlib
import json
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from control_plane.adapters.da.opening import open_reader
from control_plane.adapters.derivation.at_work import at_work
from control_plane.adapters.derivation.chronicle import Chronicle, Forgotten, NotDerived
from control_plane.adapters.derivation.copied import serve
from control_plane.adapters.derivation.copies import COPIES
from control_plane.adapters.derivation.keeping import EVERY, Keeper, subject_of
from control_plane.adapters.derivation.l1 import Inbox, NotDerivable
from control_plane.adapters.derivation.ordered import Ordered, rules_of
from control_plane.adapters.evm.rpc import connect
from control_plane.domain.errors import CalderaError, NotFound, PermanentFailure, TemporaryFailure
from control_plane.domain.ports.da import DataUnavailable
from control_plane.domain.ports.node import Rpc
from control_plane.domain.rpc import RpcError

if TYPE_CHECKING:
    from control_plane.adapters.derivation.proving import Attesting

_LINE: Final = 64 * 1024 * 1024
"""Bytes of the longest question: the first one holds the genesis."""
_EVERY: Final = 0.5
"""Seconds between two lines that say how far it is."""
_SAYING: Final = threading.Lock()


class Session:
    """What one process derives."""

    def __init__(self, order: Mapping[str, Any]) -> None:
        self._order = order
        self._l1: Rpc | None = None
        self._reader = open_reader(order["l1"], order.get("das", ()))
        self._told = self._began = 0.0
        self._keeper = _keeper(order)
        self.chronicle = Chronicle(order["genesis"], _ordered(order), self._keeper)
        self.attesting = _attesting(order)
        self.seconds = 0.0
        """That executing took so far."""

    async def follow(self) -> None:
        """Derive all that is posted by now."""
        try:
            inbox = await self._inbox()
            self._began = time.perf_counter()
            await self.chronicle.follow(inbox, self._tell)
            await self._keep()
        except TemporaryFailure:
            await self.close()
            raise
        except NotDerivable as error:
            raise TemporaryFailure("What is posted is no rollup", str(error)) from error

    async def look_further_back(self, why: str) -> None:
        """Derive anew what is not kept any more, if the L1 lost the final output before which it
        was. TemporaryFailure if it did not: who asked looks at the L1 again."""
        if not await self.went_back():
            raise TemporaryFailure("It is final by now", why)
        self.chronicle.begin_anew()
        await self.follow()

    async def went_back(self) -> bool:
        """Whether the L1 lost the final output before which nothing is kept."""
        base = self.chronicle.base
        if self._keeper is None or base == 0:
            return False
        final = await self._keeper.final((await self._inbox()).l1, sys.maxsize)
        return final is None or final.output.block_number < base

    async def close(self) -> None:
        """Close the connection to the L1; the next question makes a new one."""
        await self._reader.close()  # it opens again what it needs
        l1, self._l1 = self._l1, None
        if l1 is not None:
            with contextlib.suppress(CalderaError, OSError):
                await l1.close()

    async def _inbox(self) -> Inbox:
        if self._l1 is None:
            self._l1 = await connect(self._order["l1"])
        chain_id = int(self._order["chain_id"])
        return Inbox(self._l1, self._order["inbox"], chain_id, self._reader)

    async def _tell(self, at: int) -> None:
        now = time.perf_counter()
        self.seconds += now - self._began
        if now - self._told > _EVERY:
            self._told = now
            _say({"at": at})
        await self._keep()
        await asyncio.sleep(0)  # whoever ends this process is heard
        self._began = time.perf_counter()

    async def _keep(self) -> None:
        if self._keeper is not None and self._l1 is not None:
            await self._keeper.keep(self.chronicle, self._l1)


def _attesting(order: Mapping[str, Any]) -> "Attesting | None":
    """Of a prover's process."""
    attest = order.get("attest")
    if not attest:
        return None
    from control_plane.adapters.derivation.proving import Attesting

    return Attesting(int(order["chain_id"]), attest)


def _keeper(order: Mapping[str, Any]) -> Keeper | None:
    """Of a process that is told where to keep what it found."""
    keep = order.get("keep")
    if keep is None:
        return None
    every = int(keep.get("every", EVERY))
    return Keeper(Path(keep["path"]), keep["oracle"], subject_of(order), every=every)


def _ordered(order: Mapping[str, Any]) -> Ordered | None:
    """Deposits, of a rollup that takes some."""
    if order.get("portal") is None:
        return None
    window, rules = float(order["sequencing_window"]), rules_of(order["genesis"])
    return Ordered(order["portal"], window, rules)


async def _follow(session: Session, _: Mapping[str, Any]) -> dict[str, Any]:
    await session.follow()
    reach, wrong = session.chronicle.reach, session.chronicle.first_wrong()
    return {
        "last": reach.last,
        "stuck": reach.stuck,
        "wrong": wrong[1] if wrong else None,
        "seconds": round(session.seconds, 4),
        "transactions": session.chronicle.transactions,
    }


async def _block(session: Session, question: Mapping[str, Any]) -> dict[str, Any]:
    try:
        found = session.chronicle.block(int(question["number"]))
    except Forgotten:
        raise
    except NotDerived:
        return {"block": None}
    block = {
        "number": found.number,
        "hash": _hex(found.hash),
        "header": _hex(found.header),
        "transactions": found.transactions,
    }
    return {"block": block}


async def _trace(session: Session, question: Mapping[str, Any]) -> dict[str, Any]:
    try:
        found = session.chronicle.trace(int(question["number"]))
    except Forgotten:
        raise
    except NotDerived:
        return {"trace": None}
    trace = {
        "number": found.number,
        "parentHash": _hex(found.parent_hash),
        "hash": _hex(found.hash),
        "steps": [[_hex(s.state_root), s.gas_used, _hex(s.logs_hash)] for s in found.steps],
    }
    return {"trace": trace}


async def _last_of(session: Session, question: Mapping[str, Any]) -> dict[str, Any]:
    commitment = bytes.fromhex(question["commitment"][2:])
    found = session.chronicle.last_of(commitment)
    if found is None and await session.went_back():
        await session.look_further_back("its batches were read long ago")
        found = session.chronicle.last_of(commitment)
    return {"last": found}


async def _prove(session: Session, question: Mapping[str, Any]) -> dict[str, Any]:
    if session.attesting is None:
        raise PermanentFailure("This process has no prover's key")
    if session.chronicle.commitment(int(question["last"])) is None:
        await session.follow()
    try:
        return session.attesting.prove(session.chronicle, question)
    except PermanentFailure:  # unless the L1 is another one since
        await session.follow()
        return session.attesting.prove(session.chronicle, question)


Answer = Callable[[Session, Mapping[str, Any]], Awaitable[dict[str, Any]]]

ANSWERS: Final[Mapping[str, Answer]] = {
    "follow": _follow,
    "block": _block,
    "trace": _trace,
    "last_of": _last_of,
    "prove": _prove,
}
"""What it can be asked, by name."""


def main(arguments: Sequence[str] = ()) -> int:
    """Answer until stdin ends, or have copies of this process do so."""
    if COPIES in arguments:
        return serve(int(arguments[-1]), main)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve())
    return 0


async def _serve() -> None:
    """Until stdin ends, also in the middle of an answer."""
    questions = asyncio.StreamReader(limit=_LINE)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(questions), sys.stdin)
    session = Session(json.loads(await questions.readline()))
    waiting: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
    answering = asyncio.create_task(_answer_all(session, waiting))
    answering.add_done_callback(lambda _: questions.feed_eof())  # who can't answer ends
    try:
        while line := await questions.readline():
            waiting.put_nowait(json.loads(line))
    finally:
        answering.cancel()
        (failed,) = await asyncio.gather(answering, return_exceptions=True)
        await session.close()
    if isinstance(failed, Exception):
        raise failed


async def _answer_all(session: Session, waiting: "asyncio.Queue[Mapping[str, Any]]") -> None:
    while True:
        question = await waiting.get()
        try:
            with at_work(lambda: _say({"at": None})):
                answer = await _answer(session, question)
        except CalderaError as error:
            answer = {
                "problem": _problem(error),
                "withheld": isinstance(error, DataUnavailable),
            }
        _say({"id": question["id"], **answer})


async def _answer(session: Session, question: Mapping[str, Any]) -> dict[str, Any]:
    found = ANSWERS.get(question["ask"])
    if found is None:
        raise NotFound(f"Nothing is called '{question['ask']}' here", ", ".join(ANSWERS))
    try:
        try:
            return await found(session, question)
        except Forgotten as error:
            await session.look_further_back(str(error))
            return await found(session, question)
    except RpcError as error:
        raise TemporaryFailure("The L1 refused a call", str(error)) from error


def _problem(error: CalderaError) -> dict[str, str]:
    """As much of the problem document as who asked needs; its model would double the memory."""
    return {
        "type": error.type,
        "title": error.title,
        "detail": error.detail,
        "hint": error.hint,
    }


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _say(line: Mapping[str, Any]) -> None:
    with _SAYING:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
