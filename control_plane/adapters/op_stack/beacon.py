"""Blobs of an Anvil L1, by the beacon API that op-node reads them with.

Anvil serves blobs by block number; op-node asks by slot, and for what else it knows of a beacon
node at its start. A slot is one second here: blocks of an L1 have whole-second times.

Run as ``python -m control_plane.adapters.op_stack.beacon HOST PORT L1_URL DIRECTORY``; the
directory marks the process and is not used.
"""

import asyncio
import json
import logging
import sys
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

from control_plane.adapters.runtime.http import NodeHttp

BLOBS: Final = ("/eth/v1/beacon/blobs/", "/eth/v1/beacon/blob_sidecars/")
_LONGEST: Final = 16_384
_DEADLINE: Final = 10.0

log = logging.getLogger(__name__)

Answer = tuple[int, dict[str, Any]]
"""HTTP status and JSON body."""


class Beacon:
    """Answers for the L1 that listens at `host` and `port`."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._began: int | None = None

    async def answer(self, target: str) -> Answer:
        """The answer to a GET of `target`. Raises OSError and CalderaError when the L1 is away."""
        path = urlsplit(target).path
        for prefix in BLOBS:
            if path.startswith(prefix):
                return await self._blobs(prefix, path.removeprefix(prefix), urlsplit(target).query)
        if path == "/eth/v1/node/version":
            return 200, {"data": {"version": "caldera/anvil"}}
        if path == "/eth/v1/config/spec":
            return 200, {"data": {"SECONDS_PER_SLOT": "1"}}
        if path == "/eth/v1/beacon/genesis":
            return 200, {"data": {"genesis_time": str(await self._genesis_time())}}
        if path == "/healthz":
            await self._genesis_time()
            return 200, {}
        return 404, {"code": 404, "message": f"there is no {path} here"}

    async def _blobs(self, prefix: str, slot: str, query: str) -> Answer:
        """All blobs of the blocks of one second: blocks sealed at once share it."""
        if not slot.isdecimal():
            return 400, {"code": 400, "message": f"{slot[:40]} is no slot"}
        numbers = await self._blocks_at(await self._genesis_time() + int(slot))
        found: list[Any] = []
        for number in numbers:
            status, body = await self._get(f"{prefix}{number}" + (f"?{query}" if query else ""))
            if status == 200:
                found += body["data"]
        if not numbers:
            return 404, {"code": 404, "message": f"there is no block in slot {slot}"}
        return 200, {"execution_optimistic": False, "finalized": False, "data": found}

    async def _blocks_at(self, moment: int) -> list[int]:
        """Numbers of the blocks with that timestamp; times never fall, so it is looked for by
        halves."""
        low, high = 0, int(await self._call("eth_blockNumber"), 16)
        while low < high:
            middle = (low + high) // 2
            if await self._time_of(middle) < moment:
                low = middle + 1
            else:
                high = middle
        found = []
        with suppress(LookupError):
            while await self._time_of(low) == moment:
                found.append(low)
                low += 1
        return found

    async def _time_of(self, number: int) -> int:
        block = await self._call("eth_getBlockByNumber", hex(number), False)
        if block is None:
            raise LookupError(number)
        return int(block["timestamp"], 16)

    async def _genesis_time(self) -> int:
        if self._began is None:
            self._began = await self._time_of(0)
        return self._began

    async def _call(self, method: str, *params: Any) -> Any:
        node = await NodeHttp.connect(self._host, self._port)
        try:
            return await node.call(method, *params)
        finally:
            await node.close()

    async def _get(self, target: str) -> Answer:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            head = f"GET {target} HTTP/1.0\r\nHost: {self._host}:{self._port}\r\n"
            writer.write(f"{head}Accept: application/json\r\n\r\n".encode())
            status = int((await reader.readline()).split()[1])
            whole = await reader.read()
        finally:
            writer.close()
        body = whole.partition(b"\r\n\r\n")[2]
        return status, json.loads(body) if status == 200 else {}


async def serve(host: str, port: int, l1_url: str) -> None:
    """Until cancelled."""
    l1 = urlsplit(l1_url)
    beacon = Beacon(l1.hostname or "", l1.port or 0)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_DEADLINE):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(await _response(beacon, head))
                await writer.drain()
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            pass  # whoever asked goes away or asks again
        finally:
            writer.close()

    server = await asyncio.start_server(handle, host, port, limit=_LONGEST)
    async with server:
        await server.serve_forever()


async def _response(beacon: Beacon, head: bytes) -> bytes:
    method, target, *_ = [*head.split(b" ", 2), b"", b""]
    if method != b"GET":
        status, body = 405, {"code": 405, "message": "GET only"}
    else:
        try:
            status, body = await beacon.answer(target.decode("latin-1"))
        except Exception as error:  # noqa: BLE001 - told to whoever asked, who asks again
            log.warning("%s: %s", target.decode("latin-1")[:200], error)
            status, body = 503, {"code": 503, "message": str(error)}
    content = json.dumps(body).encode()
    lines = (
        f"HTTP/1.1 {status} -",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
        "Connection: close",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def main(arguments: list[str]) -> None:
    """Listen where the arguments say."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    host, port, l1_url, _directory = arguments
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(host, int(port), l1_url))


if __name__ == "__main__":
    main(sys.argv[1:])
