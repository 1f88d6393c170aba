"""Commitments, proofs and signed transactions are what other implementations make of the same."""

import os
from collections.abc import AsyncIterator
from functools import cache
from typing import Any

import ckzg
import pytest
from eth_account import Account

from control_plane.adapters.da.kzg import Kzg
from control_plane.adapters.da.kzg_process import setup_file
from control_plane.adapters.evm.signer import Transaction, checksum, sign
from control_plane.domain import rlp
from control_plane.domain.blobs import BLOB_BYTES, Sidecar, encode_blobs
from control_plane.domain.hashing import keccak256


@pytest.fixture
async def kzg() -> AsyncIterator[Kzg]:
    made = Kzg()
    try:
        yield made
    finally:
        await made.close()


@cache
def setup() -> Any:
    return ckzg.load_trusted_setup(str(setup_file()), 0)


async def test_proofs_are_proofs_and_a_child_is_started_anew(kzg: Kzg) -> None:
    blobs = encode_blobs(os.urandom(200_000))
    sidecar = await kzg.sidecar(blobs)
    parts = (b"".join(sidecar.commitments), b"".join(sidecar.proofs), setup())
    assert ckzg.verify_blob_kzg_proof_batch(b"".join(blobs), *parts)
    assert not ckzg.verify_blob_kzg_proof_batch(b"".join(blobs[::-1]), *parts)
    assert await kzg.commitments(blobs) == sidecar.commitments

    with pytest.raises(ValueError, match="RuntimeError"):
        await kzg.commitments([b"\xff" * BLOB_BYTES])
    await kzg.close()
    assert await kzg.commitments(blobs[:1]) == sidecar.commitments[:1]


def test_the_same_is_signed_as_by_eth_account() -> None:
    blobs = encode_blobs(b"hello")
    commitments = tuple(ckzg.blob_to_kzg_commitment(blob, setup()) for blob in blobs)
    proofs = tuple(
        ckzg.compute_blob_kzg_proof(blob, commitment, setup())
        for blob, commitment in zip(blobs, commitments, strict=True)
    )
    sidecar = Sidecar(tuple(blobs), commitments, proofs)
    to, key = b"\7" * 20, b"\1" * 32
    raw, hash_ = sign(Transaction(900, 3, to, 0, b"data", 50_000, 7, 2, sidecar, 9), key)
    reference = Account.sign_transaction(
        {
            "type": 3,
            "chainId": 900,
            "nonce": 3,
            "to": checksum(to.hex()),
            "value": 0,
            "data": b"data",
            "gas": 50_000,
            "maxFeePerGas": 7,
            "maxPriorityFeePerGas": 2,
            "maxFeePerBlobGas": 9,
            "blobVersionedHashes": list(sidecar.hashes),
        },
        key,
        blobs=blobs,
    )
    # beside it eth_account puts Osaka's proofs of cells: the transaction itself is the same
    (ours, *_), (theirs, *_) = (
        rlp.decode_list(each[1:]) for each in (raw, bytes(reference.raw_transaction))
    )
    assert ours == theirs
    assert hash_ == "0x" + keccak256(b"\x03" + rlp.encode(ours)).hex()
