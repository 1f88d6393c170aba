"""Nodes that somebody else runs: connected to and watched, never started, saved or stopped."""

import asyncio
import json
import time
from pathlib import Path
from typing import Final

from control_plane.domain.errors import CalderaError, PermanentFailure, StorageFailed
from control_plane.domain.ids import node_service
from control_plane.domain.ports.node import Connect, First, NodeHandle, NodeSpec, Rpc, SavedState

_DEADLINE: Final = 3.0
_WATCHED_BY: Final = "eth_blockNumber"
_LOOK: Final = 1.0
"""Seconds between two questions whether a node answers; a frozen one breaks no connection."""


class ExternalRuntime:
    """Implements ``ports.node.Runtime``."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._watched: dict[str, Rpc] = {}
        """By the handle's identity."""

    async def start_node(self, spec: NodeSpec) -> NodeHandle:
        """Connect to the chain. Raises TemporaryFailure when it does not answer,
        PermanentFailure when it is not the chain that joined."""
        chain = spec.chain
        rpc = await self._connect(chain.ws_url, deadline=_DEADLINE)
        try:
            await _check(spec, rpc)
        except BaseException:
            await rpc.close()
            raise
        identity = f"{chain.http_url} {time.monotonic_ns()}"
        self._watched[identity] = rpc
        return NodeHandle(
            service=node_service(chain.name),
            pid=0,
            identity=identity,
            port=chain.port,
            http_url=chain.http_url,
            ws_url=chain.ws_url,
            command=(),
            log=Path(),
            is_external=True,
        )

    async def adopt_node(
        self,
        spec: NodeSpec,  # noqa: ARG002 - the port's
        pid: int | None,  # noqa: ARG002
        identity: str | None,  # noqa: ARG002
    ) -> NodeHandle | None:
        """A connection does not outlive the process that made it."""
        return None

    async def save_state(
        self,
        spec: NodeSpec,  # noqa: ARG002
        rpc: Rpc,
        first: First | None = None,  # noqa: ARG002
    ) -> SavedState:
        """Its owner saves it, or not."""
        return SavedState(int(await rpc.call("eth_blockNumber"), 16), time.time())

    def saved_state(self, spec: NodeSpec) -> SavedState | None:  # noqa: ARG002
        """Nothing of ours."""
        return None

    async def stop_node(self, handle: NodeHandle, *, grace: float = 2.0) -> None:  # noqa: ARG002
        """Let go of it; it runs on."""
        rpc = self._watched.pop(handle.identity, None)
        if rpc is not None:
            await rpc.close()

    async def wait_exit(self, handle: NodeHandle) -> str | None:
        """Until it does not answer."""
        rpc = self._watched.get(handle.identity)
        if rpc is None:
            return None
        try:
            while True:
                await rpc.call(_WATCHED_BY, timeout=_DEADLINE)
                await asyncio.sleep(_LOOK)
        except CalderaError as error:
            return error.detail or error.title
        finally:
            self._watched.pop(handle.identity, None)
            await rpc.close()

    def trouble(self, handle: NodeHandle) -> str | None:  # noqa: ARG002
        """Whether it answers is all that is known."""
        return None

    async def kill_strays(self, directory: Path) -> int:  # noqa: ARG002
        """None is ours."""
        return 0

    async def forget(self, directory: Path) -> None:
        """Nothing is kept elsewhere."""


async def _check(spec: NodeSpec, rpc: Rpc) -> None:
    chain = spec.chain
    found = int(await rpc.call("eth_chainId"), 16)
    if found != chain.chain_id:
        raise PermanentFailure(
            f"{chain.http_url} is not the chain that joined",
            f"its chain id is {found}, that of {chain.name} is {chain.chain_id}",
            f"Start the right node there, or `caldera rollup rm {chain.name}`.",
        )
    mailbox = _mailbox(spec.directory.parent.parent / "genesis" / "manifest.json")
    if await rpc.call("eth_getCode", mailbox, "latest") == "0x":
        raise PermanentFailure(
            f"{chain.name} has lost the Metalayer's contracts",
            f"no mailbox at {mailbox} of {chain.http_url}: was it started without its state?",
            f"`caldera rollup rm {chain.name}`, then join it again with another --domain.",
        )


def _mailbox(manifest: Path) -> str:
    try:
        return str(json.loads(manifest.read_bytes())["addresses"]["mailbox"])
    except (OSError, ValueError, KeyError) as error:
        raise StorageFailed(
            "The devnet's contracts can't be read", f"{manifest}: {error}"
        ) from error
