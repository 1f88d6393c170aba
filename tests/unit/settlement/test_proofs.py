"""What an attestation prover signs: vectors that Solidity runs too (ProofVectors.t.sol)."""

import json

import pytest

from control_plane.adapters.evm.signer import sign_digest
from control_plane.domain.hashing import keccak256
from control_plane.domain.settlement.proofs import PublicInputs, attestation_digest
from tests.unit.metalayer.test_vectors import script
from tests.unit.metalayer.vectors import load

_VECTORS = load("proofs")


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _inputs(encoded: bytes) -> PublicInputs:
    words = [encoded[at : at + 32] for at in range(0, len(encoded), 32)]
    return PublicInputs(int.from_bytes(words[0]), *words[1:])


@pytest.mark.parametrize("vector", _VECTORS["proofs"])
def test_vectors(vector: dict[str, str]) -> None:
    inputs = _inputs(_bytes(vector["inputs"]))
    assert inputs.encode() == _bytes(vector["inputs"])
    assert keccak256(inputs.encode()) == _bytes(vector["hash"])
    digest = attestation_digest(inputs, _VECTORS["l1ChainId"], _bytes(_VECTORS["verifier"]))
    assert digest == _bytes(vector["digest"])
    assert sign_digest(_bytes(_VECTORS["key"]), digest) == _bytes(vector["proof"])


def test_the_file_is_what_the_script_makes() -> None:
    assert script("proof_vectors").vectors() == _VECTORS


def test_json_there_and_back() -> None:
    inputs = _inputs(_bytes(_VECTORS["proofs"][0]["inputs"]))
    found = inputs.to_json()
    assert PublicInputs.from_json(json.loads(json.dumps(found))) == inputs
    with pytest.raises(KeyError):
        PublicInputs.from_json({"chain_id": 901})
    for wrong in ({"block_hash": "0x00"}, {"chain_id": "0x01"}, {"state_root": 5}):
        with pytest.raises(ValueError, match="six hashes"):
            PublicInputs.from_json({**found, **wrong})
