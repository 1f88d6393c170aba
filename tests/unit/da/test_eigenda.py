"""EigenDA's client and its stand-in."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.adapters.da.eigenda import (
    MAX_BYTES,
    EigenDaClient,
    blob_symbols,
    check_certificate,
    parts,
)
from control_plane.adapters.da.http import Service
from control_plane.adapters.da.servers.eigenda import certificate
from control_plane.adapters.da.servers.making import stand_in
from control_plane.domain import rlp
from control_plane.domain.errors import PermanentFailure
from control_plane.domain.hashing import keccak256
from control_plane.domain.ports.da import CommitmentType, DataCorrupted, DataWithheld
from tests.unit.da.serving import break_, serving

DATA = b"my-eigenda-payload"


@pytest.fixture
async def proxy(tmp_path: Path) -> AsyncIterator[str]:
    async with serving(stand_in("eigenda", tmp_path).app()) as url:
        yield url


async def test_what_is_put_is_got(proxy: str) -> None:
    client = EigenDaClient(proxy)
    for data in (DATA, b"\0", bytes(300_000)):
        commitment = await client.put(data)
        assert commitment[0] == CommitmentType.EIGENDA
        assert commitment[1:33] == keccak256(data)
        assert await client.get(commitment) == data


async def test_the_readme_s_example_is_answered(proxy: str) -> None:
    """Layr-Labs/eigenda, api/proxy/README.md, "Quick Start With Memstore Backend": the answer to
    the POST is raw bytes, and the GET takes them in hex with no 0x."""
    raw = Service("proxy", proxy)
    status, made = await raw.ask("POST", "/put?commitment_mode=standard", DATA)
    assert status == 200
    assert await raw.ask("GET", f"/get/{made.hex()}?commitment_mode=standard") == (200, DATA)


async def test_op_generic_commitments_name_the_same_certificate(proxy: str) -> None:
    """README, "Optimism Commitment Mode": 0x01, 0x00, version byte, certificate."""
    raw = Service("proxy", proxy)
    _, made = await raw.ask("POST", "/put", DATA)
    assert made[:3] == b"\1\0\2"
    assert await raw.ask("GET", f"/get/0x{made.hex()}") == (200, DATA)
    standard = f"/get/0x{made[2:].hex()}?commitment_mode=standard"
    assert await raw.ask("GET", standard) == (200, DATA)


async def test_statuses_are_the_proxy_s(proxy: str) -> None:
    """servers/rest/middleware/error.go and routing.go; 418: coretypes/derivation_errors.go."""
    raw = Service("proxy", proxy)
    absent = (b"\2" + certificate(2)).hex()
    status, said = await raw.ask("GET", f"/get/0x{absent}?commitment_mode=standard")
    assert (status, said[:17]) == (500, b"payload not found")
    status, said = await raw.ask("GET", "/get/0x02ffff?commitment_mode=standard")
    assert status == 418
    assert json.loads(said)["StatusCode"] == 1
    assert (await raw.ask("GET", "/get/0x05?commitment_mode=optimism"))[0] == 400
    assert (await raw.ask("GET", "/get/0xzz?commitment_mode=standard"))[0] == 400
    assert (await raw.ask("POST", "/put", bytes(MAX_BYTES + 1)))[0] == 400
    assert (await raw.ask("GET", "/health"))[0] == 200
    assert b"caldera-stand-in" in (await raw.ask("GET", "/config"))[1]


async def test_withheld_corrupted_and_refused(proxy: str, tmp_path: Path) -> None:
    client = EigenDaClient(proxy)
    commitment = await client.put(DATA)
    await break_(proxy, tmp_path, commitment, "withhold")
    with pytest.raises(DataWithheld, match="not found"):
        await client.get(commitment)
    await break_(proxy, tmp_path, commitment, "corrupt")
    with pytest.raises(DataCorrupted):
        await client.get(commitment)
    await break_(proxy, tmp_path, commitment, None)
    assert await client.get(commitment) == DATA


async def test_too_much_is_refused_before_it_is_sent(proxy: str) -> None:
    with pytest.raises(PermanentFailure, match="that size"):
        await EigenDaClient(proxy).put(bytes(MAX_BYTES))


@given(st.integers(1, 2**22))
def test_a_certificate_is_rlp_of_the_proxy_s_fields(symbols: int) -> None:
    """Order: contracts/bindings/IEigenDACertTypeBindings, EigenDACertV3: batch header, inclusion
    info, non-signers, quorums; the blob's length stands in its commitment."""
    made = b"\2" + certificate(symbols)
    check_certificate(made)
    batch, inclusion, signature, quorums = rlp.decode_list(made[1:])
    assert (len(batch), len(inclusion), len(signature), quorums) == (2, 3, 8, b"\0\1")
    blob_header = inclusion[0][0]  # type: ignore[index]
    assert blob_header[2][3] == rlp.encode_int(symbols)  # type: ignore[index]


def test_a_certificate_may_be_nested_as_deep_as_it_likes() -> None:
    body = b"\xc0"
    for _ in range(20_000):
        size = len(body).to_bytes((len(body).bit_length() + 7) // 8)
        short = bytes([0xC0 + len(body)]) if len(body) < 56 else bytes([0xF7 + len(size)]) + size
        body = short + body
    check_certificate(b"\2" + body)
    with pytest.raises(ValueError, match="list"):
        check_certificate(b"\2" + body[:-1])


@pytest.mark.parametrize(("size", "symbols"), [(1, 2), (31, 2), (32, 4), (93, 4), (94, 8)])
def test_a_blob_is_a_power_of_two_of_field_elements(size: int, symbols: int) -> None:
    """EigenDA specification, integration/spec/3-data-structs.md."""
    assert blob_symbols(size) == symbols


@pytest.mark.parametrize(
    "wrong",
    [b"", b"\3", b"\2" + bytes(60), b"\3" + bytes(33) + b"\xc0", b"\3" + bytes(32) + b"\2x"],
)
def test_what_is_no_commitment_is_refused(wrong: bytes) -> None:
    with pytest.raises(ValueError, match=r"commitment|version|list"):
        parts(wrong)
