"""KZG commitments, in a process of its own: ``python -m control_plane.adapters.da.kzg_process``.

Loading the trusted setup takes two to three seconds and holds the interpreter's lock meanwhile,
which neither a daemon nor whoever derives a chain can wait for.

Requests on stdin: ``u8 what ‖ u16 count ‖ blobs`` (131,072 bytes each). Answers on stdout: ``u8 0 ‖
u32 length ‖ commitments`` (48 bytes each), and for :data:`PROVE` as many proofs; or ``u8 1 ‖ u32
length ‖ text`` where the blobs are none. Ends with its stdin.
"""

import importlib.util
import sys
from pathlib import Path
from typing import BinaryIO, Final

from control_plane.domain.blobs import BLOB_BYTES

COMMIT: Final = 0
PROVE: Final = 1
_SETUP: Final = "typed_transactions/blob_transactions/kzg_trusted_setup.txt"
"""Ethereum's, of the KZG ceremony, as eth_account ships it."""


def setup_file() -> Path:
    """Where the trusted setup is. FileNotFoundError."""
    found = importlib.util.find_spec("eth_account")
    for place in (found.submodule_search_locations or ()) if found else ():
        if (path := Path(place) / _SETUP).is_file():
            return path
    raise FileNotFoundError(f"eth_account/{_SETUP}")


def main() -> None:
    """Answer until stdin ends."""
    import ckzg

    setup = ckzg.load_trusted_setup(str(setup_file()), 0)
    source, target = sys.stdin.buffer, sys.stdout.buffer
    while head := source.read(3):
        blobs = [source.read(BLOB_BYTES) for _ in range(int.from_bytes(head[1:]))]
        try:
            commitments = [ckzg.blob_to_kzg_commitment(blob, setup) for blob in blobs]
            proofs = []
            if head[0] == PROVE:
                pairs = zip(blobs, commitments, strict=True)
                proofs = [ckzg.compute_blob_kzg_proof(blob, c, setup) for blob, c in pairs]
        except (RuntimeError, ValueError) as error:
            _answer(target, 1, f"{type(error).__name__}: {error}".encode())
        else:
            _answer(target, 0, b"".join((*commitments, *proofs)))


def _answer(target: BinaryIO, status: int, body: bytes) -> None:
    target.write(bytes((status,)) + len(body).to_bytes(4) + body)
    target.flush()


if __name__ == "__main__":
    main()
