"""What Docker says when something fails, as errors that name the next step.

Docker has no codes for most of these: its CLI and its API pass on the engine's sentences, which
are matched here and nowhere else.
"""

import re
from typing import Final

from control_plane.domain.errors import (
    CalderaError,
    MissingDependency,
    ServiceFailed,
    StorageFailed,
)

_UNREACHABLE: Final = re.compile(
    r"cannot connect to the docker daemon|error during connect|connection refused"
    r"|error while fetching server api version|no such file or directory.*docker\.sock"
    r"|is the docker daemon running|connection aborted|failed to connect to the docker api",
    re.IGNORECASE,
)
_FORBIDDEN: Final = re.compile(r"permission ?(denied|error)", re.IGNORECASE)
_SOCKET: Final = re.compile(
    r"docker(\.sock| daemon| api)|server api|connection aborted", re.IGNORECASE
)
_PORT: Final = re.compile(
    r"(?:bind for|listen tcp4?|exposing port tcp) [\d.]+:(\d+)"
    r".*?(?:already allocated|already in use)|:(\d+):? bind: address already in use",
    re.IGNORECASE,
)
_OVERLAP: Final = re.compile(
    r"pool overlaps|address already in use|overlaps with other", re.IGNORECASE
)
_FULL: Final = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_NO_IMAGE: Final = re.compile(
    r"no such image|pull access denied|manifest (?:unknown|for)|failed to resolve"
    r"|not found: manifest|image .* not found|repository does not exist"
    r"|dial tcp.*(?:registry|ghcr|docker\.(?:io|pkg))|https?://[^ ]+/v2/",
    re.IGNORECASE,
)


class PortTaken(Exception):
    """A port could not be published."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} is taken")
        self.port = port


class NetworkTaken(Exception):
    """The devnet's network overlaps one that the engine has."""


def translate(said: str, command: tuple[str, ...] = ()) -> Exception:
    """What `said`, Docker's words, means: a CalderaError, PortTaken or NetworkTaken."""
    lines = tuple(line.strip() for line in said.splitlines() if line.strip())
    last = lines[-1] if lines else "it said nothing"
    if _FORBIDDEN.search(said) and _SOCKET.search(said):
        return _forbidden()
    if _UNREACHABLE.search(said):
        return unreachable(last)
    if port := _PORT.search(said):
        return PortTaken(int(port[1] or port[2]))
    if _OVERLAP.search(said):
        return NetworkTaken(last)
    if _FULL.search(said):
        return StorageFailed(
            "The Docker engine's disk is full",
            last,
            "Free some space where the engine keeps its data; see `docker system df`.",
        )
    if _NO_IMAGE.search(said):
        return MissingDependency(
            "An image is missing and can't be pulled",
            last,
            "Run `caldera images build`, which makes all of them on this machine.",
        )
    return ServiceFailed(
        "Docker could not start the devnet's containers",
        last,
        "See what Docker says, and `caldera doctor`.",
        service="docker",
        command=command,
        last_lines=lines[-15:],
    )


def as_error(found: Exception) -> CalderaError:
    """`found` for a user, where nothing can be done about a taken port or network."""
    if isinstance(found, CalderaError):
        return found
    return ServiceFailed("Docker could not do it", str(found), service="docker")


def no_command() -> MissingDependency:
    """There is no docker on PATH."""
    return MissingDependency(
        "Docker is missing",
        "there is no `docker` on PATH",
        "Install Docker with its Compose plugin, or leave `runtime` at process.",
    )


def no_compose(said: str) -> MissingDependency:
    """There is a docker without Compose."""
    return MissingDependency(
        "Docker Compose is missing",
        said,
        "Install Docker's Compose plugin, version 2.20 or later; `caldera doctor` checks it.",
    )


def unreachable(why: str) -> MissingDependency:
    """No engine answers."""
    return MissingDependency(
        "The Docker engine does not answer",
        why,
        "Start Docker, or set DOCKER_HOST to where it listens; `caldera doctor` checks it.",
    )


def _forbidden() -> MissingDependency:
    return MissingDependency(
        "The Docker engine may not be used by this user",
        "permission denied at its socket",
        "Add the user to the group `docker` and log in again, or use rootless Docker.",
    )
