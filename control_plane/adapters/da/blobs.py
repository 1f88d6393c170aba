"""Reads blobs back, by the beacon API that an Anvil has at its own port.

Anvil serves them by the number of the block and without proofs; so each blob's commitment is made
anew and compared with the versioned hash that the L1's transaction has.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Final

from control_plane.adapters.da.http import Service
from control_plane.adapters.da.kzg import Kzg
from control_plane.domain.blobs import BLOB_BYTES, decode_blobs, versioned_hash
from control_plane.domain.hexes import from_hex
from control_plane.domain.ports.da import DataCorrupted, DataExpired, DataWithheld

_PATH: Final = "/eth/v1/beacon/blobs/"


class BlobReader:
    """Of the L1 at `url` (HTTP)."""

    def __init__(self, url: str, kzg: Kzg) -> None:
        self._l1 = Service("The L1", url)
        self._kzg = kzg

    async def read(self, hashes: Sequence[bytes], block: int) -> bytes:
        """What the blobs with these versioned hashes hold, posted in the L1's block number
        `block`. DataWithheld, DataCorrupted, DataExpired; ValueError when they hold no data of
        ours; TemporaryFailure."""
        query = ",".join("0x" + each.hex() for each in hashes)
        status, body = await self._l1.fetch(f"{_PATH}{block}?versioned_hashes={query}")
        where = f"L1 block {block}, versioned hashes {query}"
        if status != 200:
            raise DataWithheld(
                "The L1 gives no blobs", f"{where}: it answered {status}", _NEEDS_BEACON
            )
        blobs = _blobs(body, where)
        if not blobs:
            raise DataExpired("The blobs are gone", where, _EXPIRED)
        found = dict(
            zip(map(versioned_hash, await self._commitments(blobs, where)), blobs, strict=True)
        )
        missing = [each for each in hashes if each not in found]
        if missing:
            names = ", ".join("0x" + each.hex() for each in missing)
            raise DataCorrupted(
                "The L1 gives other blobs than were posted",
                f"L1 block {block}: none has the versioned hash {names}",
                "Ask another node of the L1: `caldera verify ROLLUP --from-l1 URL`.",
            )
        return await asyncio.to_thread(decode_blobs, [found[each] for each in hashes])

    async def close(self) -> None:
        await self._kzg.close()

    async def _commitments(self, blobs: Sequence[bytes], where: str) -> Sequence[bytes]:
        try:
            return await self._kzg.commitments(blobs)
        except ValueError as error:
            raise DataCorrupted("The L1 gives blobs that are none", f"{where}: {error}") from error


_EXPIRED: Final = (
    "Nodes keep blobs for some weeks only (EIP-4844), an Anvil as long as the block's transactions."
    " Ask one that keeps them longer: `caldera verify ROLLUP --from-l1 URL`."
)
_NEEDS_BEACON: Final = "Is it an Anvil, or anything else with /eth/v1/beacon/blobs/ at that port?"


def _blobs(body: bytes, where: str) -> list[bytes]:
    try:
        blobs = [from_hex(each) for each in json.loads(body)["data"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataCorrupted("The L1 gives no list of blobs", f"{where}: {error!r}") from error
    if any(len(blob) != BLOB_BYTES for blob in blobs):
        raise DataCorrupted("The L1 gives blobs of another size", where)
    return blobs
