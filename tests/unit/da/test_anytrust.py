"""AnyTrust's client and a committee of stand-ins."""

import asyncio
import json
import time
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from coincurve import PrivateKey

from control_plane.adapters.da.alt_da import AltDaClient
from control_plane.adapters.da.anytrust import MAX_BYTES, AnyTrustClient, Member, decoded
from control_plane.adapters.da.das import MemberKey, certify, signable, tree_hash
from control_plane.adapters.da.http import Service
from control_plane.adapters.da.servers.anytrust import AnyTrustStandIn
from control_plane.adapters.da.servers.store import Store
from control_plane.domain.errors import PermanentFailure, TemporaryFailure
from control_plane.domain.hashing import keccak256
from control_plane.domain.ports.da import (
    CommitmentType,
    DataCorrupted,
    DataExpired,
    DataWithheld,
    NoQuorum,
)
from control_plane.domain.rpc import RpcError
from tests.unit.da.serving import break_, process, serving

DATA = b"a batch " * 20_000


class Committee:
    """Three stand-ins that are listening, and a client of them all."""

    def __init__(self, url: str, directory: Path) -> None:
        self.url = url
        self.directory = directory
        self.members = members_of(url, directory)
        self.client = AnyTrustClient(self.members, 2)

    async def down(self, member: int, down: bool = True) -> int:
        return await set_down(self.url, self.directory, member, down)


@pytest.fixture
async def committee(tmp_path: Path) -> AsyncIterator[Committee]:
    async with serving(AnyTrustStandIn(Store(tmp_path)).app()) as url:
        yield Committee(url, tmp_path)


async def test_what_is_put_is_got(committee: Committee) -> None:
    commitment = await committee.client.put(DATA)
    assert commitment[0] == CommitmentType.ANYTRUST
    certificate = decoded(commitment)
    assert certificate.signers == 0b111
    assert certificate.data_hash == tree_hash(DATA)
    assert certificate.timeout > time.time() + 14 * 24 * 3600
    assert await committee.client.get(commitment) == DATA


async def test_one_member_may_be_down(committee: Committee) -> None:
    await committee.down(0)
    commitment = await committee.client.put(DATA)
    assert decoded(commitment).signers == 0b110
    assert await committee.client.get(commitment) == DATA


async def test_a_member_that_hangs_holds_nobody_up(committee: Committee) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the other side gives up
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    url = "http://{}:{}".format(*server.sockets[0].getsockname())
    members = [replace(committee.members[0], rpc_url=url), *committee.members[1:]]
    client = AnyTrustClient(members, 2, timeout=20)
    async with asyncio.timeout(10):
        commitment = await client.put(DATA)
    assert decoded(commitment).signers == 0b110
    server.close()


async def test_two_members_down_are_no_quorum(committee: Committee) -> None:
    first = await committee.client.put(DATA)
    for member in (0, 2):
        await committee.down(member)
    with pytest.raises(NoQuorum, match="1 of 3 members signed, 2 must"):
        await committee.client.put(DATA)
    assert await committee.client.get(first) == DATA
    with pytest.raises(TemporaryFailure, match="503"):
        await AltDaClient(committee.url).put(DATA)
    await committee.down(1)
    with pytest.raises(DataWithheld):
        await committee.client.get(first)
    await committee.down(2, down=False)
    assert await committee.client.get(first) == DATA


async def test_members_are_asked_in_nitro_s_own_words(committee: Committee) -> None:
    """rpc_server.go (StoreResult), restful_server.go (RestfulServerResponse)."""
    member = Service("member", f"{committee.url}/member/1")
    until = int(time.time()) + 99
    result = await member.call("das_store", "0x" + b"abc".hex(), hex(until), "0x")
    assert list(result) == ["dataHash", "timeout", "signersMask", "keysetHash", "sig", "version"]
    assert result["version"] == "0x1"
    digest = result["dataHash"][2:]
    status, body = await member.ask("GET", f"/get-by-hash/{digest}")
    assert (status, json.loads(body)) == (200, {"data": "YWJj"})
    assert (await member.ask("GET", f"/get-by-hash/0x{digest}"))[0] == 200
    assert (await member.ask("GET", f"/get-by-hash/{'00' * 32}"))[0] == 404
    assert (await member.ask("GET", "/get-by-hash/ab"))[0] == 400
    assert (await member.ask("GET", "/get-by-hash/xy"))[0] == 400
    policy = (await member.ask("GET", "/expiration-policy"))[1]
    assert json.loads(policy) == {"expirationPolicy": "KeepForever"}
    assert await member.call("das_expirationPolicy") == "KeepForever"
    assert await member.call("das_healthCheck") is None
    assert (await member.ask("GET", "/health"))[0] == 200
    with pytest.raises(RpcError, match="does not exist"):
        await member.call("das_startChunkedStore")


async def test_withheld_and_corrupted(committee: Committee) -> None:
    commitment = await committee.client.put(DATA)
    await break_(committee.url, committee.directory, commitment, "withhold")
    with pytest.raises(DataWithheld, match="404"):
        await committee.client.get(commitment)
    await break_(committee.url, committee.directory, commitment, "corrupt")
    with pytest.raises(DataCorrupted):
        await committee.client.get(commitment)
    await break_(committee.url, committee.directory, commitment, None)
    assert await committee.client.get(commitment) == DATA


async def test_one_honest_member_is_enough_to_get(tmp_path: Path) -> None:
    stand_in = AnyTrustStandIn(Store(tmp_path))
    async with serving(stand_in.app()) as url:
        client = AnyTrustClient(members_of(url, tmp_path), 2)
        commitment = await client.put(DATA)
        digest = decoded(commitment).data_hash
        stand_in.members[0].store.break_(digest, "corrupt")
        stand_in.members[1].store.break_(digest, "withhold")
        assert await client.get(commitment) == DATA


async def test_expired_is_told_from_withheld(committee: Committee) -> None:
    keys = [_key(committee, number) for number in range(3)]
    digest, past = tree_hash(b"gone"), int(time.time()) - 1
    signatures = [key.sign(signable(digest, past)) for key in keys]
    certificate = certify(committee.client.keyset, digest, past, signatures)
    with pytest.raises(DataExpired):
        await committee.client.get(bytes([CommitmentType.ANYTRUST]) + certificate.encoded())


async def test_nobody_is_asked_for_what_the_committee_did_not_sign(committee: Committee) -> None:
    commitment = bytearray(await committee.client.put(DATA))
    commitment[40] ^= 1
    with pytest.raises(ValueError, match="does not hold"):
        await committee.client.get(bytes(commitment))
    for wrong in (b"", b"\4", bytes(179)):
        with pytest.raises(ValueError, match=r"no c"):
            await committee.client.get(wrong)


async def test_a_member_with_another_key_does_not_count(committee: Committee) -> None:
    stranger = MemberKey(b"somebody else's secret bytes!!!!")
    members = [*committee.members[:2], Member(*_urls(committee, 2), stranger.public)]
    commitment = await AnyTrustClient(members, 2).put(DATA)
    assert decoded(commitment).signers == 0b011
    with pytest.raises(NoQuorum, match="did not sign"):
        await AnyTrustClient(members, 1).put(DATA)


async def test_a_key_without_possession_is_no_member(committee: Committee) -> None:
    broken = committee.members[0].key[:97] + committee.members[1].key[97:]
    with pytest.raises(ValueError, match="does not hold"):
        AnyTrustClient([Member("http://127.0.0.1:1", "http://127.0.0.1:1", broken)], 1)


async def test_members_ask_for_the_batch_poster_s_signature(tmp_path: Path) -> None:
    """store_signing.go: r, s and recovery id over the hash of prefix, timeout and data."""
    poster = PrivateKey(b"\7" * 32)
    address = "0x" + keccak256(poster.public_key.format(compressed=False)[1:])[-20:].hex()
    async with serving(AnyTrustStandIn(Store(tmp_path), poster=address).app()) as url:
        members = members_of(url, tmp_path)

        def sign(digest: bytes) -> bytes:
            return poster.sign_recoverable(digest, hasher=None)

        client = AnyTrustClient(members, 2, sign=sign)
        assert await client.get(await client.put(DATA)) == DATA
        with pytest.raises(NoQuorum, match="not properly signed"):
            await AnyTrustClient(members, 2).put(DATA)


async def test_too_much_is_refused(committee: Committee) -> None:
    with pytest.raises(PermanentFailure, match="that size"):
        await committee.client.put(bytes(MAX_BYTES + 1))
    status, _ = await Service("m", f"{committee.url}/member/0").ask("POST", "", bytes(5_242_881))
    assert status == 413


async def test_three_processes_are_a_committee_and_one_may_be_killed(tmp_path: Path) -> None:
    with ExitStack() as stack, ExitStack() as first:
        members = []
        for number in range(3):
            place = tmp_path / str(number)
            running = (first if number == 0 else stack).enter_context(
                process("anytrust", place, "--members", "1")
            )
            members += members_of(running, place)
        client = AnyTrustClient(members, 2)
        commitment = await client.put(DATA)
        assert decoded(commitment).signers == 0b111
        first.close()
        assert await client.get(commitment) == DATA
        assert decoded(await client.put(b"more")).signers == 0b110


async def test_members_are_who_they_were_after_a_restart(tmp_path: Path) -> None:
    before = AnyTrustStandIn(Store(tmp_path)).keyset
    assert AnyTrustStandIn(Store(tmp_path)).keyset == before


def members_of(url: str, directory: Path) -> list[Member]:
    described: dict[str, Any] = json.loads((directory / "committee.json").read_bytes())
    return [
        Member(url + one["path"], url + one["path"], b64decode(one["pubkey"]))
        for one in described["members"]
    ]


async def set_down(url: str, directory: Path, member: int, down: bool) -> int:
    token = (directory / "admin.token").read_text()
    admin = Service("admin", url, headers={"Authorization": f"Bearer {token}"})
    body = json.dumps({"member": member, "down": down}).encode()
    return (await admin.ask("POST", "/admin/members", body))[0]


def _urls(committee: Committee, number: int) -> tuple[str, str]:
    url = f"{committee.url}/member/{number}"
    return url, url


def _key(committee: Committee, number: int) -> MemberKey:
    seed = committee.directory / f"member-{number}" / "das_bls.seed"
    return MemberKey(bytes.fromhex(seed.read_text()))
