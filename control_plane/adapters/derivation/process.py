"""Asks `control_plane.deriving`, a process of its own: py-evm is not imported here."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import IO, Any, Final

from control_plane.adapters.derivation.copies import (
    IS_AVAILABLE,
    LONGEST_LINE,
    PROGRAM,
    Child,
    original,
)
from control_plane.domain.errors import (
    CalderaError,
    DeadlineExceeded,
    PermanentFailure,
    TemporaryFailure,
)
from control_plane.domain.ports.da import DataUnavailable
from control_plane.domain.settlement.proofs import PublicInputs
from control_plane.domain.settlement.tracing import DerivedBlock, Reach, Step, Trace

_SILENCE: Final = 60.0
"""Seconds without a line: a working process says every half second how far it is."""
_LOG_BYTES: Final = 1_000_000

MakeSite = Callable[[], Awaitable[Mapping[str, Any]]]


class DerivingProcess:
    """Implements ``ports.derivation.Derivation``. The process runs from the first question to
    `close`; one that died is started anew with the next question."""

    def __init__(self, site: MakeSite, log: Path) -> None:
        """`site` makes the process's first line; `log` gets what it has to say of its failures."""
        self._site = site
        self._log = log
        self._child: Child | None = None
        self._turn = asyncio.Lock()
        self._next = 1

    async def follow(self) -> Reach:
        """See the port."""
        answer = await self._ask({"ask": "follow"})
        figures = answer["seconds"], answer["transactions"]
        return Reach(answer["last"], answer["stuck"], answer["wrong"], *figures)

    async def block(self, number: int) -> DerivedBlock | None:
        """See the port."""
        found = (await self._ask({"ask": "block", "number": number}))["block"]
        if found is None:
            return None
        header, hash_ = _bytes(found["header"]), _bytes(found["hash"])
        return DerivedBlock(found["number"], hash_, header, found["transactions"])

    async def trace(self, number: int) -> Trace | None:
        """See the port."""
        found = (await self._ask({"ask": "trace", "number": number}))["trace"]
        if found is None:
            return None
        steps = tuple(Step(_bytes(root), gas, _bytes(logs)) for root, gas, logs in found["steps"])
        return Trace(found["number"], _bytes(found["parentHash"]), _bytes(found["hash"]), steps)

    async def last_of(self, commitment: bytes) -> int | None:
        """See the port."""
        question = {"ask": "last_of", "commitment": "0x" + commitment.hex()}
        last: int | None = (await self._ask(question))["last"]
        return last

    async def prove(self, inputs: PublicInputs, first: int, last: int) -> bytes:
        """See ``ports.proving.Proves``; for a site with a prover's key."""
        question = {"inputs": inputs.to_json(), "first": first, "last": last}
        return _bytes((await self._ask({"ask": "prove", **question}))["proof"])

    async def close(self) -> None:
        """See the port."""
        child, self._child = self._child, None
        if child is not None and child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
        if IS_AVAILABLE:
            await original().leave(self)

    # ------------------------------------------------------------------ inside

    async def _ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        async with self._turn:
            number, self._next = self._next, self._next + 1
            try:
                child = await self._running()
                _write(child, {"id": number, **question})
                return await self._answer(child, number)
            except BaseException as error:
                # what it would say next answers nothing any more
                answered = isinstance(error, TemporaryFailure | PermanentFailure)
                if not answered or self._ended():
                    await asyncio.shield(self.close())
                raise

    def _ended(self) -> bool:
        return self._child is not None and self._child.returncode is not None

    async def _running(self) -> Child:
        if self._child is not None and self._child.returncode is None:
            return self._child
        site = await self._site()
        with _bounded(self._log) as log:
            self._child = await self._start(log)
        _write(self._child, site)
        return self._child

    async def _start(self, log: IO[bytes]) -> Child:
        if IS_AVAILABLE:
            return await original().start(self, log)
        return await asyncio.create_subprocess_exec(
            *PROGRAM,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            limit=LONGEST_LINE,
            start_new_session=True,  # a Ctrl-C is not meant for it
        )

    async def _answer(self, child: Child, number: int) -> dict[str, Any]:
        if child.stdout is None:
            raise ValueError("it is a pipe")
        while True:
            try:
                async with asyncio.timeout(_SILENCE):
                    line = await child.stdout.readline()
            except TimeoutError as error:
                raise DeadlineExceeded(
                    "A rollup is not derived",
                    f"process {child.pid} said nothing for {_SILENCE:g} s; log: {self._log}",
                    "It is started anew with the next question.",
                ) from error
            if not line:
                await child.wait()
                raise TemporaryFailure(
                    "The process that derives a rollup ended",
                    f"exit code {child.returncode}; log: {self._log}",
                    "It is started anew with the next question.",
                )
            answer: dict[str, Any] = json.loads(line)
            if answer.get("id") != number:
                continue  # how far it is
            if "problem" in answer:
                problem = answer["problem"]
                kind: type[CalderaError] = TemporaryFailure
                if answer.get("withheld"):
                    kind = DataUnavailable
                elif problem["type"].endswith(PermanentFailure.type):
                    kind = PermanentFailure
                raise kind(problem["title"], problem["detail"], problem["hint"])
            return answer


def _write(child: Child, document: Mapping[str, Any]) -> None:
    if child.stdin is None:
        raise ValueError("it is a pipe")
    child.stdin.write(json.dumps(document).encode() + b"\n")


def _bounded(log: Path) -> Any:
    """The log to append to; begun anew when it grew long."""
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    long = log.exists() and log.stat().st_size > _LOG_BYTES
    return log.open("wb" if long else "ab")


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])
