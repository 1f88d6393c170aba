"""Several runtimes behind one: each node goes to the one that its plan names."""

from collections.abc import Mapping
from pathlib import Path

from control_plane.domain.ports.node import First, NodeHandle, NodeSpec, Rpc, Runtime, SavedState
from control_plane.domain.ports.program import Programs


class SelectingRuntime:
    """Implements ``ports.node.Runtime`` over `runtimes`, by the names of the spec's `runtime`.
    Strays may be `programs` that run beside nodes, too."""

    def __init__(self, runtimes: Mapping[str, Runtime], programs: Programs | None = None) -> None:
        self._runtimes = runtimes
        self._programs = programs

    def _of(self, spec: NodeSpec) -> Runtime:
        return self._runtimes["external" if spec.chain.is_external else spec.plan.runtime]

    def _running(self, handle: NodeHandle) -> Runtime:
        if handle.is_external:
            return self._runtimes["external"]
        return self._runtimes["process" if handle.pid else "compose"]

    async def start_node(self, spec: NodeSpec) -> NodeHandle:
        """See the port."""
        return await self._of(spec).start_node(spec)

    async def adopt_node(
        self, spec: NodeSpec, pid: int | None, identity: str | None
    ) -> NodeHandle | None:
        """See the port."""
        return await self._of(spec).adopt_node(spec, pid, identity)

    async def save_state(self, spec: NodeSpec, rpc: Rpc, first: First | None = None) -> SavedState:
        """See the port."""
        return await self._of(spec).save_state(spec, rpc, first)

    def saved_state(self, spec: NodeSpec) -> SavedState | None:
        """See the port."""
        return self._of(spec).saved_state(spec)

    async def stop_node(self, handle: NodeHandle, *, grace: float = 2.0) -> None:
        """See the port."""
        await self._running(handle).stop_node(handle, grace=grace)

    async def wait_exit(self, handle: NodeHandle) -> str | None:
        """See the port."""
        return await self._running(handle).wait_exit(handle)

    def trouble(self, handle: NodeHandle) -> str | None:
        """See the port."""
        return self._running(handle).trouble(handle)

    async def kill_strays(self, directory: Path) -> int:
        """See the port."""
        programs = await self._programs.end_below(directory) if self._programs else 0
        nodes = [await runtime.kill_strays(directory) for runtime in self._runtimes.values()]
        return programs + sum(nodes)

    async def forget(self, directory: Path) -> None:
        """See the port."""
        for runtime in self._runtimes.values():
            await runtime.forget(directory)
