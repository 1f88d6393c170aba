"""A throw-away Anvil on which contracts are deployed for their state; blocking, seconds."""

import contextlib
import gzip
import http.client
import json
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from control_plane.domain.errors import DeadlineExceeded, PermanentFailure, ServiceFailed

START_SECONDS = 30.0
_CALL_SECONDS = 60.0
_LISTENING = re.compile(r"Listening on 127\.0\.0\.1:(\d+)")
_GAS = 30_000_000


class BakeNode:
    """JSON-RPC to the throw-away node; every transaction is mined at once."""

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=_CALL_SECONDS)
        self._next_id = 0

    def call(self, method: str, *params: Any) -> Any:
        """The result; PermanentFailure for an error answer."""
        self._next_id += 1
        request = {"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": params}
        self._http.request("POST", "/", json.dumps(request), {"Content-Type": "application/json"})
        answer = json.loads(self._http.getresponse().read())
        if "error" in answer:
            raise PermanentFailure(f"{method} failed while baking", str(answer["error"]))
        return answer["result"]

    def send(self, to: str, data: bytes, what: str) -> None:
        """A transaction from the funded account; PermanentFailure when it reverts."""
        request = {
            "from": self.call("eth_accounts")[0],
            "to": to,
            "data": "0x" + data.hex(),
            "gas": hex(_GAS),
        }
        tx = self.call("eth_sendTransaction", request)
        if self._receipt(tx)["status"] != "0x1":
            raise PermanentFailure("A contract can't be deployed", f"{what} reverted")

    def _receipt(self, tx: str) -> dict[str, Any]:
        # the node mines at once, yet answers a send before the receipt is there
        deadline = time.monotonic() + _CALL_SECONDS
        while time.monotonic() < deadline:
            receipt: dict[str, Any] | None = self.call("eth_getTransactionReceipt", tx)
            if receipt is not None:
                return receipt
            time.sleep(0.001)
        raise DeadlineExceeded("A transaction is not mined", f"{tx} while baking")

    def dump(self) -> dict[str, dict[str, Any]]:
        """Every account by lower-case address: nonce, balance, code, storage."""
        raw = bytes.fromhex(self.call("anvil_dumpState")[2:])
        state = json.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
        return {address.lower(): account for address, account in state["accounts"].items()}

    def close(self) -> None:
        self._http.close()


@contextlib.contextmanager
def bake_node(
    anvil: Path, chain_id: int, timestamp: int, genesis: Path | None = None
) -> Iterator[BakeNode]:
    """A fresh chain, gone with everything that it wrote when the block ends."""
    with tempfile.TemporaryDirectory(prefix="caldera-bake-") as scratch:
        command = [str(anvil), "--host", "127.0.0.1", "--port", "0", "--accounts", "1"]
        command += ["--chain-id", str(chain_id), "--timestamp", str(timestamp)]
        command += ["--hardfork", "prague", "--gas-limit", str(2 * _GAS)]
        command += ["--cache-path", scratch, "--no-request-size-limit"]
        command += ["--init", str(genesis)] if genesis else []
        process = subprocess.Popen(
            command,
            cwd=scratch,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        try:
            with contextlib.closing(BakeNode(_port_of(process, command))) as node:
                # clocks play no part: every block is one second after the one before
                node.call("anvil_setBlockTimestampInterval", 1)
                yield node
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _port_of(process: subprocess.Popen[str], command: list[str]) -> int:
    """The port that the node chose, from its own words; what follows of them is thrown away."""
    lines: list[str] = []
    ports: list[int] = []
    heard = threading.Event()

    def listen(stream: IO[str]) -> None:
        # the stream is closed under us when the node is ended
        with contextlib.suppress(ValueError, OSError):
            for line in stream:
                lines.append(line.rstrip())
                if not heard.is_set() and (match := _LISTENING.search(line)):
                    ports.append(int(match[1]))
                    heard.set()
        heard.set()

    if process.stdout is None:
        raise AssertionError("started with a pipe")
    threading.Thread(target=listen, args=(process.stdout,), daemon=True).start()
    if not heard.wait(START_SECONDS):
        raise DeadlineExceeded("The node for baking does not start", f"{command[0]} says nothing")
    if not ports:
        raise ServiceFailed(
            "The node for baking ended at once",
            f"exit code {process.wait()}",
            command=tuple(command),
            last_lines=tuple(lines[-10:]),
        )
    return ports[0]
