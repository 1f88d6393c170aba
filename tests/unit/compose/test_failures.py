"""Docker's own words, and what users are told: every sentence here was said by a real engine."""

import pytest

from control_plane.adapters.runtime.compose.failures import NetworkTaken, PortTaken, translate
from control_plane.domain.errors import CalderaError, MissingDependency, StorageFailed


@pytest.mark.parametrize(
    ("said", "title"),
    [
        (
            (
                "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. "
                "Is the docker daemon running?"
            ),
            "The Docker engine does not answer",
        ),
        (
            (
                "Error while fetching server API version: ('Connection aborted.', "
                "FileNotFoundError(2, 'No such file or directory'))"
            ),
            "The Docker engine does not answer",
        ),
        (
            (
                "Error while fetching server API version: ('Connection aborted.', "
                "PermissionError(13, 'Permission denied'))"
            ),
            "The Docker engine may not be used by this user",
        ),
        (
            (
                "permission denied while trying to connect to the Docker daemon socket at "
                'unix:///var/run/docker.sock: Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.45/json": '
                "dial unix /var/run/docker.sock: connect: permission denied"
            ),
            "The Docker engine may not be used by this user",
        ),
        (
            "Error response from daemon: No such image: caldera/anvil:1.7.1",
            "An image is missing and can't be pulled",
        ),
        (
            (
                'Error response from daemon: Get "https://ghcr.io/v2/": dial tcp: lookup ghcr.io: '
                "no such host"
            ),
            "An image is missing and can't be pulled",
        ),
        (
            (
                "failed to copy files: userspace copy failed: write /var/lib/docker/x: "
                "no space left on device"
            ),
            "The Docker engine's disk is full",
        ),
    ],
)
def test_what_users_are_told(said: str, title: str) -> None:
    found = translate(said)
    assert isinstance(found, CalderaError)
    assert found.title == title
    assert found.hint
    assert isinstance(found, MissingDependency | StorageFailed)


@pytest.mark.parametrize(
    "said",
    [
        (
            "Error response from daemon: driver failed programming external connectivity on "
            "endpoint "
            "caldera-gate-1 (4c): Bind for 127.0.0.1:9545 failed: port is already allocated"
        ),
        (
            "Error response from daemon: driver failed programming external connectivity on "
            "endpoint "
            "x (5f): Error starting userland proxy: listen tcp4 127.0.0.1:9545: bind: address "
            "already in use"
        ),
    ],
)
def test_a_taken_port_is_known(said: str) -> None:
    found = translate(said)
    assert isinstance(found, PortTaken)
    assert found.port == 9545


def test_a_taken_network_is_known() -> None:
    said = (
        "failed to create network x: Error response from daemon: Pool overlaps with other one on "
        "this address space"
    )
    assert isinstance(translate(said), NetworkTaken)
