"""Celestia, through celestia-node's JSON-RPC.

What is asked for: ``blob.Submit``, ``blob.Get``, ``blob.GetCommitmentProof`` and
``header.WaitForHeight``. Whatever the node says is checked against the share commitment, which we
compute ourselves; that a blob is in the square is proven up to its block's data root. Whether
Celestia's validators signed that block is left to the node.

Source: celestiaorg/celestia-node, nodebuilder/blob/blob.go and blob/blob.go; its OpenRPC document.
"""

import binascii
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any, Final

from control_plane.adapters.da.http import Service, fields, withheld
from control_plane.adapters.da.shares import (
    ID_BYTES,
    MAX_BYTES,
    check_namespace,
    namespace,
    share_commitment,
    subtree_width,
)
from control_plane.adapters.da.trees import (
    BadProof,
    merkle_root,
    root_by_path,
    root_by_subtrees,
    subtrees,
)
from control_plane.domain.errors import PermanentFailure, TemporaryFailure
from control_plane.domain.ports.da import (
    CommitmentType,
    DataCorrupted,
    DataExpired,
    DataUnavailable,
    DataWithheld,
)
from control_plane.domain.rpc import RpcError

_BYTES: Final = 1 + 8 + ID_BYTES + 32
_MAX_ROOTS: Final = 4 * 512
"""Of rows and columns of the largest square that Celestia may make (SquareSizeUpperBound 512)."""
_EXPIRED: Final = ("window", "pruned")
"""What celestia-node says of blocks that it need not keep any more contains one of these."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a blob is."""

    height: int
    namespace: bytes
    """29 bytes, version 0."""
    commitment: bytes
    """The share commitment, 32 bytes."""

    def encoded(self) -> bytes:
        """As it goes to the L1: 51 bytes, type, height, the namespace's own ten bytes, share
        commitment."""
        return (
            bytes([CommitmentType.CELESTIA])
            + self.height.to_bytes(8)
            + self.namespace[-ID_BYTES:]
            + self.commitment
        )

    @classmethod
    def decoded(cls, commitment: bytes) -> "Place":
        """Raises ValueError."""
        if len(commitment) != _BYTES or commitment[0] != CommitmentType.CELESTIA:
            raise ValueError(f"no commitment of Celestia's: 0x{commitment.hex()}")
        return cls(
            height=int.from_bytes(commitment[1:9]),
            namespace=namespace(commitment[9 : 9 + ID_BYTES]),
            commitment=commitment[9 + ID_BYTES :],
        )


class CelestiaClient:
    """Implements ``ports.da.DataAvailability``."""

    def __init__(
        self, url: str, own_namespace: bytes, token: str | None = None, *, timeout: float = 60.0
    ) -> None:
        """`own_namespace`: 29 bytes, of :func:`shares.namespace`. `token`: celestia-node's, with
        write permission; None where its authentication is switched off. Raises ValueError."""
        check_namespace(own_namespace)
        self._namespace = own_namespace
        headers = {"Authorization": f"Bearer {token}"} if token else None
        self._node = Service("Celestia", url, headers=headers, timeout=timeout)

    async def put(self, data: bytes) -> bytes:
        """As in the port; the commitment's inclusion is proven. PermanentFailure for what is too
        large or a token that may not write."""
        if len(data) > MAX_BYTES:
            raise PermanentFailure(
                "Celestia takes no blob of that size",
                f"{len(data)} bytes; a transaction has {MAX_BYTES} at most",
            )
        commitment = share_commitment(self._namespace, data)
        blob = {
            "namespace": _base64(self._namespace),
            "data": _base64(data),
            "share_version": 0,
            "commitment": _base64(commitment),
            "index": -1,
        }
        height = await self._call("blob.Submit", [blob], {})
        if not isinstance(height, int) or not 0 < height < 2**63:
            raise TemporaryFailure("Celestia answered no height", f"but {height!r:.80}")
        place = Place(height, self._namespace, commitment)
        await self._prove(place, len(data))
        return place.encoded()

    async def get(self, commitment: bytes) -> bytes:
        """As in the port."""
        place = Place.decoded(commitment)
        try:
            blob = await self._node.call(
                "blob.Get", place.height, _base64(place.namespace), _base64(place.commitment)
            )
        except RpcError as error:
            raise _unavailable(place, error) from error
        except TemporaryFailure as error:
            raise withheld(error) from error
        try:
            encoded, version = fields(blob, ("data", "share_version"))
            data = b64decode(encoded, validate=True)
            same = version == 0 and share_commitment(place.namespace, data) == place.commitment
        except (ValueError, TypeError):
            same = False
        if not same:
            raise DataCorrupted(
                "Celestia's node gave another blob",
                f"height {place.height}: it has not the commitment 0x{place.commitment.hex()}",
            )
        return data

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _prove(self, place: Place, size: int) -> None:
        """Raises TemporaryFailure unless the blob is in the square of its block."""
        header = await self._call("header.WaitForHeight", place.height)
        proof = await self._call(
            "blob.GetCommitmentProof",
            place.height,
            _base64(place.namespace),
            _base64(place.commitment),
        )
        try:
            root = bytes.fromhex(header["header"]["data_hash"])
            check_inclusion(proof, place, root)
        except (ValueError, TypeError, KeyError) as error:
            raise TemporaryFailure(
                "Celestia's node does not prove that it took the data",
                f"{size} bytes at height {place.height}: {error}",
            ) from error

    async def _call(self, method: str, *params: Any) -> Any:
        try:
            return await self._node.call(method, *params)
        except RpcError as error:
            if "permission" in error.message:
                raise PermanentFailure(
                    "Celestia's node takes no blobs with this token",
                    error.message,
                    "Give it a token with write permission (`celestia light auth write`).",
                ) from error
            raise TemporaryFailure(error.title, error.detail) from error


def check_inclusion(proof: Any, place: Place, data_root: bytes) -> None:
    """Raises ValueError unless `proof`, of ``blob.GetCommitmentProof``, shows that the blob is in
    the square with `data_root`: its subtree roots make the commitment, lie side by side in rows,
    and those rows' roots under the data root."""
    try:
        roots = [b64decode(root) for root in proof["subtree_roots"]]
        ranges, rows = proof["subtree_root_proofs"], proof["row_proof"]["proofs"]
        if merkle_root(roots) != place.commitment or len(ranges) != len(rows):
            raise BadProof("that is the proof of another commitment")
        _check_rows(roots, ranges, rows, data_root)
    except (TypeError, KeyError, AttributeError, binascii.Error) as error:
        raise BadProof(f"that is no proof: {error!r}") from error


def _check_rows(roots: list[bytes], ranges: Any, rows: Any, data_root: bytes) -> None:
    spans = [(int(one.get("start", 0)), int(one["end"])) for one in ranges]
    if any(not 0 <= start < end <= MAX_BYTES for start, end in spans):
        raise BadProof("a proof of no shares")
    width = subtree_width(sum(end - start for start, end in spans))
    at, before = 0, None
    for (start, end), one, row in zip(spans, ranges, rows, strict=True):
        parts = subtrees(start, end, width)
        root = root_by_subtrees(
            parts, roots[at : at + len(parts)], [b64decode(node) for node in one.get("nodes") or ()]
        )
        at += len(parts)
        number, total = int(row.get("index", 0)), int(row["total"])
        if before is not None and (number != before + 1 or start != 0):
            raise BadProof("the rows do not follow one another")
        before = number
        path = [b64decode(aunt) for aunt in row.get("aunts") or ()]
        if total > _MAX_ROOTS or len(path) > _MAX_ROOTS.bit_length():
            raise BadProof(f"a square has {_MAX_ROOTS} rows and columns at most")
        if root_by_path(root, number, total, path) != data_root:
            raise BadProof(f"row {number} is not in the square")
    if at != len(roots):
        raise BadProof("not all of the blob is proven")


def _unavailable(place: Place, error: RpcError) -> DataUnavailable:
    what = f"height {place.height}, namespace 0x{place.namespace.hex()}: {error.message}"
    if any(word in error.message for word in _EXPIRED):
        return DataExpired("Celestia's node keeps that block no more", what)
    return DataWithheld("Celestia's node does not give the blob", what)


def _base64(data: bytes) -> str:
    return b64encode(data).decode()
