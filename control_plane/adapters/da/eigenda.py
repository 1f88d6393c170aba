"""EigenDA, through the REST of its proxy.

``POST /put?commitment_mode=standard`` answers a certificate: a version byte and RLP. The proxy is
the one that checks it, against EigenDA's contracts and by KZG: run it yourself. What we add to the
certificate is the data's Keccak-256 hash, so that whatever comes back is checked.

Source: Layr-Labs/eigenda, api/proxy/README.md, api/proxy/servers/rest/{routing,handlers_cert}.go
and clients/standard_client/client.go.
"""

import json
from contextlib import suppress
from typing import Final

from control_plane.adapters.da.http import Service
from control_plane.domain.errors import PermanentFailure, TemporaryFailure
from control_plane.domain.hashing import keccak256
from control_plane.domain.ports.da import CommitmentType, DataCorrupted, DataWithheld

VERSIONS: Final = {1: "V2", 2: "V3", 3: "V4"}
"""Version byte of a certificate, and its name; 0 was EigenDA V1's."""
MAX_BYTES: Final = 16 * 1024 * 1024
"""Of a request's body (MaxServerPOSTRequestBodySize); encoded, data are a 31st longer."""
MODE: Final = "?commitment_mode=standard"
TEAPOT: Final = 418
"""Status for a certificate that nobody may accept."""


class EigenDaClient:
    """Implements ``ports.da.DataAvailability``."""

    def __init__(self, url: str, *, timeout: float = 120.0) -> None:
        """Raises ValueError for what is no URL."""
        self._proxy = Service("EigenDA's proxy", url, timeout=timeout)

    async def put(self, data: bytes) -> bytes:
        """As in the port. PermanentFailure for what is too large."""
        if blob_symbols(len(data)) * 32 > MAX_BYTES:
            raise PermanentFailure(
                "EigenDA takes no blob of that size",
                f"{len(data)} bytes; encoded, a blob has {MAX_BYTES} at most",
            )
        status, certificate = await self._proxy.ask("POST", "/put" + MODE, data)
        if status != 200:
            raise self._proxy.refused("the data", status, certificate)
        try:
            check_certificate(certificate)
        except ValueError as error:
            raise TemporaryFailure("EigenDA's proxy answered no certificate", str(error)) from error
        return bytes([CommitmentType.EIGENDA]) + keccak256(data) + certificate

    async def get(self, commitment: bytes) -> bytes:
        """As in the port; DataCorrupted also for a certificate that the proxy refuses."""
        certificate, digest = parts(commitment)
        status, data = await self._proxy.fetch(f"/get/0x{certificate.hex()}{MODE}")
        if status == TEAPOT:
            raise DataCorrupted("EigenDA's proxy refuses the certificate", _why(data))
        if status != 200:
            refused = self._proxy.refused("a certificate", status, data)
            raise DataWithheld(refused.title, refused.detail)
        if keccak256(data) != digest:
            raise DataCorrupted(
                "EigenDA's proxy gave other data", f"they have not the hash 0x{digest.hex()}"
            )
        return data

    async def close(self) -> None:
        """Nothing is kept open."""


def parts(commitment: bytes) -> tuple[bytes, bytes]:
    """Certificate with its version byte, and the data's hash. Raises ValueError."""
    if commitment[:1] != bytes([CommitmentType.EIGENDA]) or len(commitment) < 35:
        raise ValueError(f"no commitment of EigenDA's: 0x{commitment.hex()[:80]}")
    certificate = commitment[33:]
    check_certificate(certificate)
    return certificate, commitment[1:33]


def check_certificate(certificate: bytes) -> None:
    """Raises ValueError unless it has a known version and is an RLP list."""
    if certificate[:1] not in {bytes([version]) for version in VERSIONS}:
        raise ValueError(f"no version of a certificate: 0x{certificate[:1].hex()}")
    if not _is_list(certificate[1:]):
        raise ValueError("a certificate is one list of RLP")


def _is_list(data: bytes) -> bool:
    """Told by its head alone: what is in it, however deep, is the proxy's to look at."""
    if not data or data[0] < 0xC0:
        return False
    if data[0] <= 0xF7:
        return data[0] - 0xC0 == len(data) - 1
    size = data[0] - 0xF7
    return int.from_bytes(data[1 : 1 + size]) == len(data) - 1 - size > 55


def blob_symbols(size: int) -> int:
    """Field elements of the blob that `size` bytes make: a header of one, 31 bytes in each, then
    filled up to a power of two.

    Source: EigenDA's specification, integration/spec/3-data-structs.md ("EncodedPayload", "Blob").
    """
    return 1 << (-(-size // 31)).bit_length()


def _why(body: bytes) -> str:
    with suppress(ValueError, AttributeError):
        answer = json.loads(body)
        return f"status {answer.get('StatusCode')}: {answer.get('Msg')}"
    return body[:200].decode(errors="replace")
