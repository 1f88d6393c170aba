"""The Docker engine through its SDK, no more than the runtime asks of it.

The SDK blocks and takes 0.2 s to import: it is imported by the first call, and every method here
is called in a thread.
"""

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, ParamSpec, TypeVar

from control_plane.adapters.runtime.compose import failures
from control_plane.adapters.runtime.compose.project import (
    HOME_LABEL,
    PROJECT_LABEL,
    SERVICE_LABEL,
    Project,
)

P = ParamSpec("P")
T = TypeVar("T")

_TIMEOUT: Final = 30
"""Seconds that one answer of the engine may take."""


@dataclass(frozen=True, slots=True)
class Container:
    id: str
    project: str
    service: str
    """As its label says: ``op/node``, ``gate``."""
    state: str
    """The engine's word: created, running, paused, restarting, exited, dead."""
    status: str
    """The engine's sentence, which tells of its health."""
    ports: frozenset[int]
    """Published ones."""

    @property
    def runs(self) -> bool:
        return self.state in {"running", "paused", "restarting"}


def _translated(method: Callable[P, T]) -> Callable[P, T]:
    """Errors of the SDK and of the connection under it as our own."""

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        import docker.errors
        import requests

        try:
            return method(*args, **kwargs)
        except (docker.errors.DockerException, requests.RequestException, OSError) as error:
            raise failures.as_error(failures.translate(str(error))) from error

    return call


class Link:
    """The engine that the user's Docker context or ``DOCKER_HOST`` names."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._client: Any = None

    @_translated
    def api(self) -> Any:
        """The SDK's low-level client; threads share it."""
        with self._turn:
            if self._client is None:
                self._client = _open()
            return self._client

    def close(self) -> None:
        """Close its connections."""
        with self._turn:
            if self._client is not None:
                self._client.close()
                self._client = None

    @_translated
    def has_image(self, name: str) -> bool:
        """Whether the engine has an image of that name."""
        import docker.errors

        try:
            self.api().inspect_image(name)
        except docker.errors.ImageNotFound:
            return False
        return True

    @_translated
    def containers(self, *, project: str | None = None, home: str | None = None) -> list[Container]:
        """Containers of one devnet or of one home, running or not."""
        labels = [f"{PROJECT_LABEL}={project}"] if project else [f"{HOME_LABEL}={home}"]
        found = self.api().containers(all=True, filters={"label": labels})
        return [
            Container(
                each["Id"],
                each["Labels"].get(PROJECT_LABEL, ""),
                each["Labels"].get(SERVICE_LABEL, ""),
                each["State"],
                each["Status"],
                frozenset(way["PublicPort"] for way in each["Ports"] if "PublicPort" in way),
            )
            for each in found
        ]

    @_translated
    def inspect(self, container: str) -> dict[str, Any] | None:
        """All that the engine knows of a container; None when there is none."""
        import docker.errors

        try:
            found: dict[str, Any] = self.api().inspect_container(container)
        except docker.errors.NotFound:
            return None
        return found

    @_translated
    def remove(self, container: str, *, grace: float = 0) -> None:
        """Stop it within `grace` seconds, else kill it; it is gone then. Idempotent."""
        import docker.errors

        api = self.api()
        with contextlib.suppress(docker.errors.NotFound):
            if grace > 0:
                with contextlib.suppress(docker.errors.APIError):  # paused: it can't be asked to
                    api.stop(container, timeout=round(grace + 0.5))
            try:
                api.remove_container(container, force=True)
            except docker.errors.APIError as error:
                if "already in progress" not in str(error):
                    raise

    @_translated
    def remove_volume(self, project: Project, name: str) -> None:
        """Remove a volume of the devnet, as Compose calls it. Idempotent."""
        import docker.errors

        with contextlib.suppress(docker.errors.NotFound):
            self.api().remove_volume(f"{project.name}_{name}", force=True)

    @_translated
    def remove_rest(self, project: str) -> None:
        """Remove a devnet's networks and volumes; it has no containers any more. Idempotent."""
        import docker.errors

        api = self.api()
        mine = {"label": [f"{PROJECT_LABEL}={project}"]}
        for network in api.networks(filters=mine):
            with contextlib.suppress(docker.errors.NotFound):
                api.remove_network(network["Id"])
        for volume in api.volumes(filters=mine)["Volumes"] or ():
            with contextlib.suppress(docker.errors.NotFound):
                api.remove_volume(volume["Name"], force=True)

    @_translated
    def tail(self, container: str, lines: int) -> str:
        """The last lines of what a container said; empty when there is none."""
        import docker.errors

        try:
            said: bytes = self.api().logs(container, tail=lines)
        except docker.errors.NotFound:
            return ""
        return said.decode(errors="replace")

    @_translated
    def follow(self, container: str, since: float | None) -> Any:
        """What it says from `since` (Unix seconds) on, as an iterator of bytes with `close`."""
        return self.api().logs(container, stream=True, follow=True, since=since)

    @_translated
    def events(self, home: str) -> Any:
        """Events of a home's containers as an iterator of mappings with `close`."""
        filters = {"type": "container", "label": f"{HOME_LABEL}={home}"}
        return self.api().events(decode=True, filters=filters)


def _open() -> Any:
    import docker
    from docker.context import ContextAPI

    address = os.environ.get("DOCKER_HOST")
    if not address and (context := ContextAPI.get_current_context()) is not None:
        address = context.endpoints.get("docker", {}).get("Host")
    if not address:
        return docker.from_env(timeout=_TIMEOUT, max_pool_size=64).api
    environment = {**os.environ, "DOCKER_HOST": address}
    return docker.from_env(timeout=_TIMEOUT, max_pool_size=64, environment=environment).api


def words_of(stream: Any) -> Iterator[bytes]:
    """The pieces of a stream of the SDK, until it ends or breaks."""
    import docker.errors
    import requests
    import urllib3

    of_connection = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
    with contextlib.suppress(
        docker.errors.DockerException, *of_connection, AttributeError, ValueError
    ):
        # the last two: it was closed by another thread while it was read
        yield from stream
