"""Write tests/vectors/proofs.json: what attestation provers sign, for Solidity and Python.

    python -m scripts.proof_vectors            write the file
    python -m scripts.proof_vectors --check    exit 1 if it would change

Digests are made by another implementation of EIP-712 (eth-account); everything is derived from
fixed labels.
"""

import sys
from pathlib import Path
from typing import Final

from eth_account import Account
from eth_account.messages import _hash_eip191_message, encode_typed_data

from control_plane.domain.hashing import keccak256
from control_plane.domain.settlement.proofs import DOMAIN_NAME, DOMAIN_VERSION, PublicInputs
from scripts.vector_values import Json, fixed, hex_text, write_or_check

TARGET: Final = Path(__file__).resolve().parent.parent / "tests" / "vectors" / "proofs.json"
L1_CHAIN_ID: Final = 900
VERIFIER: Final = fixed("attestation verifier", 20)
KEY: Final = fixed("prover", 32)
_FIELDS: Final = [
    ("chainId", "uint256"),
    ("previousBlockHash", "bytes32"),
    ("previousStateRoot", "bytes32"),
    ("blockHash", "bytes32"),
    ("stateRoot", "bytes32"),
    ("messagePasserStorageRoot", "bytes32"),
    ("batchCommitment", "bytes32"),
]


def _inputs(number: int) -> PublicInputs:
    hashes = [fixed(f"{name} {number}", 32) for name, _ in _FIELDS[1:]]
    return PublicInputs(901 + number, *hashes)


def _vector(number: int) -> Json:
    inputs = _inputs(number)
    words = [inputs.encode()[at : at + 32] for at in range(0, 224, 32)]
    message = dict(zip([name for name, _ in _FIELDS], [inputs.chain_id, *words[1:]], strict=True))
    domain = {
        "name": DOMAIN_NAME,
        "version": DOMAIN_VERSION,
        "chainId": L1_CHAIN_ID,
        "verifyingContract": hex_text(VERIFIER),
    }
    types = {"PublicInputs": [{"name": name, "type": kind} for name, kind in _FIELDS]}
    signable = encode_typed_data(domain, types, message)
    signed = Account.from_key(KEY).sign_message(signable)
    return {
        "inputs": hex_text(inputs.encode()),
        "hash": hex_text(keccak256(inputs.encode())),
        "digest": hex_text(bytes(_hash_eip191_message(signable))),
        "proof": hex_text(bytes(signed.signature)),
    }


def vectors() -> Json:
    """The file's content."""
    return {
        "about": "Made by scripts/proof_vectors.py; not edited by hand.",
        "l1ChainId": L1_CHAIN_ID,
        "verifier": hex_text(VERIFIER),
        "prover": Account.from_key(KEY).address.lower(),
        "key": hex_text(KEY),
        "proofs": [_vector(number) for number in range(3)],
    }


if __name__ == "__main__":
    sys.exit(write_or_check(TARGET, vectors(), sys.argv[1:]))
