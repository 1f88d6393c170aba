"""Blobs' commitments and proofs, by a child process that is started with the first of them."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Final

from control_plane.adapters.da.kzg_process import COMMIT, PROVE
from control_plane.domain.blobs import Sidecar
from control_plane.domain.errors import TemporaryFailure

_PROGRAM: Final = (sys.executable, "-P", "-m", "control_plane.adapters.da.kzg_process")
_DEADLINE: Final = 60.0
"""Seconds for an answer: 3 to load the setup, 0.1 a blob, and a busy machine."""
_GRACE: Final = 1.0
_POINT_BYTES: Final = 48


class Kzg:
    """One child process. Close it after use; it can then be used again."""

    def __init__(self) -> None:
        self._child: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def sidecar(self, blobs: Sequence[bytes]) -> Sidecar:
        """`blobs` with their commitments and proofs. ValueError for what is no blob,
        TemporaryFailure when the child does not answer."""
        points = await self._ask(PROVE, blobs)
        return Sidecar(tuple(blobs), points[: len(blobs)], points[len(blobs) :])

    async def commitments(self, blobs: Sequence[bytes]) -> tuple[bytes, ...]:
        """Of `blobs`, in their order. Errors as above."""
        return await self._ask(COMMIT, blobs)

    async def close(self) -> None:
        """End the child. Idempotent."""
        child, self._child = self._child, None
        if child is None or child.returncode is not None:
            return
        if child.stdin is not None:
            child.stdin.close()
        try:
            async with asyncio.timeout(_GRACE):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()

    async def _ask(self, what: int, blobs: Sequence[bytes]) -> tuple[bytes, ...]:
        request = bytes((what,)) + len(blobs).to_bytes(2) + b"".join(blobs)
        async with self._turn:
            try:
                async with asyncio.timeout(_DEADLINE):
                    status, body = await self._exchange(request)
            except (OSError, EOFError, TimeoutError) as error:
                await self._kill()
                raise TemporaryFailure(
                    "KZG commitments can't be made",
                    f"the process that makes them gave no answer: {error!r}",
                    f"It is started anew; by hand: {' '.join(_PROGRAM)}",
                ) from error
            except BaseException:  # half an answer would be the next one's
                await self._kill()
                raise
        if status:
            raise ValueError(body.decode(errors="replace"))
        return tuple(body[at : at + _POINT_BYTES] for at in range(0, len(body), _POINT_BYTES))

    async def _exchange(self, request: bytes) -> tuple[int, bytes]:
        child = self._child
        if child is None or child.returncode is not None:
            pipe = asyncio.subprocess.PIPE
            names = {k: v for k, v in os.environ.items() if not k.startswith("CALDERA_")}
            child = self._child = await asyncio.create_subprocess_exec(
                *_PROGRAM, stdin=pipe, stdout=pipe, env=names
            )
        if child.stdin is None or child.stdout is None:
            raise ValueError("both are pipes")
        child.stdin.write(request)
        await child.stdin.drain()
        head = await child.stdout.readexactly(5)
        return head[0], await child.stdout.readexactly(int.from_bytes(head[1:]))

    async def _kill(self) -> None:
        child, self._child = self._child, None
        if child is not None and child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await asyncio.shield(child.wait())
