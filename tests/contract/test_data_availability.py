"""What every client of a data availability service keeps to, against its stand-in."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from control_plane.adapters.da.alt_da import AltDaClient
from control_plane.adapters.da.anytrust import AnyTrustClient
from control_plane.adapters.da.celestia import CelestiaClient
from control_plane.adapters.da.eigenda import EigenDaClient
from control_plane.adapters.da.servers.making import stand_in
from control_plane.adapters.da.shares import namespace
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.ports.da import (
    CommitmentType,
    DataAvailability,
    DataCorrupted,
    DataWithheld,
)
from tests.unit.da.serving import break_, process, serving
from tests.unit.da.test_anytrust import members_of

pytestmark = pytest.mark.contract

DATA = bytes(range(256)) * 300

Make = Callable[[str, Path], DataAvailability]
SERVICES: dict[str, tuple[CommitmentType, Make]] = {
    "celestia": (
        CommitmentType.CELESTIA,
        lambda url, directory: CelestiaClient(
            url, namespace(b"contract"), (directory / "write.token").read_text()
        ),
    ),
    "eigenda": (CommitmentType.EIGENDA, lambda url, _: EigenDaClient(url)),
    "anytrust": (
        CommitmentType.ANYTRUST,
        lambda url, directory: AnyTrustClient(members_of(url, directory), 2),
    ),
    "alt-da": (CommitmentType.ALT_DA, lambda url, _: AltDaClient(url)),
}


@dataclass
class Kept:
    """A service that is there, and a client of it."""

    type: CommitmentType
    url: str
    directory: Path
    client: DataAvailability

    async def break_(self, commitment: bytes, fault: str | None) -> None:
        assert await break_(self.url, self.directory, commitment, fault) == 200


@pytest.fixture(params=SERVICES)
async def kept(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Kept]:
    type_, make = SERVICES[request.param]
    async with serving(stand_in(request.param, tmp_path).app()) as url:
        client = make(url, tmp_path)
        yield Kept(type_, url, tmp_path, client)
        await client.close()


async def test_a_commitment_begins_with_its_type_and_gives_the_data_back(kept: Kept) -> None:
    for data in (b"\0", b"x" * 477, DATA):
        commitment = await kept.client.put(data)
        assert commitment[0] == kept.type
        assert await kept.client.get(commitment) == data


async def test_many_at_once_do_not_mix(kept: Kept) -> None:
    parts = [bytes([number]) * (number * 700 + 1) for number in range(12)]
    commitments = await asyncio.gather(*(kept.client.put(part) for part in parts))
    assert len(set(commitments)) == len(parts)
    got = await asyncio.gather(*(kept.client.get(one) for one in commitments))
    assert got == parts


async def test_the_same_data_twice_are_both_there(kept: Kept) -> None:
    first, second = await kept.client.put(DATA), await kept.client.put(DATA)
    assert await kept.client.get(first) == await kept.client.get(second) == DATA


async def test_withheld_corrupted_and_healed(kept: Kept) -> None:
    commitment, other = await kept.client.put(DATA), await kept.client.put(b"other")
    await kept.break_(commitment, "withhold")
    with pytest.raises(DataWithheld) as withheld:
        await kept.client.get(commitment)
    assert withheld.value.detail
    await kept.break_(commitment, "corrupt")
    with pytest.raises(DataCorrupted):
        await kept.client.get(commitment)
    assert await kept.client.get(other) == b"other"
    await kept.break_(commitment, None)
    assert await kept.client.get(commitment) == DATA


async def test_what_another_service_committed_to_is_refused(kept: Kept) -> None:
    own = await kept.client.put(DATA)
    others = [bytes([type_]) + own[1:] for type_ in CommitmentType if type_ != kept.type]
    for wrong in (b"", own[:1], own[:-1], own + b"!", b"\xff" + own[1:], *others):
        with pytest.raises((ValueError, DataWithheld, DataCorrupted)):
            await kept.client.get(wrong)
    for type_ in others:
        with pytest.raises(ValueError, match=r".+"):
            await kept.client.get(type_)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_that_is_away_withholds_and_comes_back_with_everything(
    service: str, tmp_path: Path
) -> None:
    _, make = SERVICES[service]
    with process(service, tmp_path) as url:
        client = make(url, tmp_path)
        commitment = await client.put(DATA)
    with pytest.raises(DataWithheld):
        await client.get(commitment)
    with pytest.raises(TemporaryFailure):
        await client.put(DATA)
    port = url.rpartition(":")[2]
    with process(service, tmp_path, "--port", port):
        assert await client.get(commitment) == DATA
        assert await client.get(await client.put(b"more")) == b"more"
