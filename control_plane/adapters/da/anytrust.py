"""An AnyTrust committee: each member's JSON-RPC takes data, its REST gives them.

``das_store`` of every member at once; when enough have signed, the others have half a second more.
For a get the certificate is checked against the committee's keys before any member is believed,
and what a member gives against the hash in the certificate.

Source: OffchainLabs/nitro, daprovider/anytrust/{rpc_client,aggregator,restful_client}.go.
"""

import asyncio
import json
import time
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from control_plane.adapters.da.das import (
    WEEK,
    Certificate,
    Keyset,
    certify,
    check_key,
    signable,
    store_hash,
    tree_hash,
    verify,
)
from control_plane.adapters.da.http import Service, fields
from control_plane.domain.errors import CalderaError, PermanentFailure, TemporaryFailure
from control_plane.domain.hexes import from_hex
from control_plane.domain.ports.da import (
    CommitmentType,
    DataCorrupted,
    DataExpired,
    DataUnavailable,
    DataWithheld,
    NoQuorum,
)

MAX_BYTES: Final = 2_500_000
"""In hex they fit into a member's limit for a request's body, 5 MiB by default."""
RETENTION: Final = 15 * 24 * 60 * 60
"""Seconds for which members are asked to keep data: as Nitro's batch poster does by default."""

_GRACE: Final = 0.5
"""Seconds for those who have not signed yet when enough have: who hangs holds nobody up."""

Signer = Callable[[bytes], bytes]
"""From a 32-byte digest to r, s and the recovery id, 65 bytes: the batch poster's key."""


@dataclass(frozen=True, slots=True)
class Member:
    """One of a committee."""

    rpc_url: str
    rest_url: str
    key: bytes
    """As in a keyset, 289 bytes."""


class AnyTrustClient:
    """Implements ``ports.da.DataAvailability``. Its put raises NoQuorum when too few sign: what
    Nitro does then is to post the data themselves to the L1."""

    def __init__(
        self,
        members: Sequence[Member],
        assumed_honest: int,
        *,
        sign: Signer | None = None,
        retention: int = RETENTION,
        timeout: float = 5.0,
    ) -> None:
        """`members` in the keyset's order; `sign` where members ask for the batch poster's
        signature; `timeout` (seconds) for each of them. Raises ValueError, also for a key
        whose proof of possession does not hold."""
        if retention <= WEEK:
            raise ValueError("data are kept for more than a week")
        for member in members:
            check_key(member.key)
        self.keyset = Keyset(assumed_honest, tuple(member.key for member in members))
        self._sign = sign
        self._retention = retention
        names = [f"AnyTrust's member {number}" for number in range(len(members))]
        self._writers = [
            Service(name, member.rpc_url, timeout=timeout)
            for name, member in zip(names, members, strict=True)
        ]
        self._readers = [
            Service(name, member.rest_url, timeout=timeout)
            for name, member in zip(names, members, strict=True)
        ]

    async def put(self, data: bytes) -> bytes:
        """As in the port. PermanentFailure for what is too large."""
        if len(data) > MAX_BYTES:
            raise PermanentFailure(
                "AnyTrust takes no data of that size", f"{len(data)} bytes; {MAX_BYTES} at most"
            )
        timeout = int(time.time()) + self._retention
        digest = tree_hash(data)
        asked = await self._ask(data, digest, timeout)
        signatures = [one if isinstance(one, bytes) else None for one in asked]
        signed = sum(1 for one in signatures if one is not None)
        if signed < self.keyset.quorum:
            raise NoQuorum(
                "AnyTrust's committee has no quorum",
                f"{signed} of {len(asked)} members signed, {self.keyset.quorum} must: "
                + "; ".join(str(one) for one in asked if isinstance(one, CalderaError)),
                "Start the members that are down.",
            )
        certificate = certify(self.keyset, digest, timeout, signatures)
        return bytes([CommitmentType.ANYTRUST]) + certificate.encoded()

    async def get(self, commitment: bytes) -> bytes:
        """As in the port; ValueError also for a certificate that this committee did not sign."""
        certificate = decoded(commitment)
        certificate.check(self.keyset)
        failures: list[DataUnavailable] = []
        for reader in self._readers:
            try:
                return await _given(reader, certificate.data_hash)
            except DataUnavailable as error:
                failures.append(error)
        detail = "; ".join(str(failure) for failure in failures)
        if any(isinstance(failure, DataCorrupted) for failure in failures):
            raise DataCorrupted("No member of AnyTrust's committee gives the data", detail)
        if certificate.timeout < time.time():
            raise DataExpired("AnyTrust's committee need not keep the data any more", detail)
        raise DataWithheld("No member of AnyTrust's committee gives the data", detail)

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _ask(
        self, data: bytes, digest: bytes, timeout: int
    ) -> list[bytes | CalderaError | None]:
        """Each member's signature or refusal; None of one that was not waited for."""
        members = range(len(self._writers))
        tasks = [
            asyncio.create_task(self._store(number, data, digest, timeout)) for number in members
        ]
        try:
            waiting = set(tasks)
            while waiting and sum(map(_signed, tasks)) < self.keyset.quorum:
                _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if waiting:
                await asyncio.wait(waiting, timeout=_GRACE)
            return [_outcome(task) if task.done() else None for task in tasks]
        finally:
            for task in tasks:
                task.cancel()

    async def _store(self, number: int, data: bytes, digest: bytes, timeout: int) -> bytes:
        """The signature of a member. Raises CalderaError."""
        member, key = self._writers[number], self.keyset.keys[number]
        signed = self._sign(store_hash(data, timeout)) if self._sign else b""
        answer = await member.call(
            "das_store", "0x" + data.hex(), hex(timeout), "0x" + signed.hex()
        )
        try:
            texts = fields(answer, ("dataHash", "timeout", "sig"))
            given, until, signature = from_hex(texts[0]), int(texts[1], 16), from_hex(texts[2])
            same = given == digest and until == timeout
            good = same and verify([key], signable(digest, timeout), signature)
        except (ValueError, TypeError, AttributeError):
            good = False
        if not good:
            raise TemporaryFailure(f"{member.name} did not sign what it was given", member.url)
        return signature


def decoded(commitment: bytes) -> Certificate:
    """Raises ValueError."""
    if commitment[:1] != bytes([CommitmentType.ANYTRUST]):
        raise ValueError(f"no commitment of AnyTrust's: 0x{commitment.hex()[:80]}")
    return Certificate.decoded(commitment[1:])


def _signed(task: "asyncio.Task[bytes]") -> bool:
    return task.done() and task.exception() is None


def _outcome(task: "asyncio.Task[bytes]") -> bytes | CalderaError:
    try:
        return task.result()
    except CalderaError as error:
        return error


async def _given(member: Service, digest: bytes) -> bytes:
    status, body = await member.fetch(f"/get-by-hash/{digest.hex()}")
    if status != 200:
        raise DataWithheld(f"{member.name} does not give the data", f"it answered {status}")
    try:
        data = b64decode(json.loads(body).get("data", ""), validate=True)
    except (ValueError, AttributeError, TypeError):
        data = None
    if data is None or tree_hash(data) != digest:
        raise DataCorrupted(f"{member.name} gave other data", f"not of 0x{digest.hex()}")
    return data
