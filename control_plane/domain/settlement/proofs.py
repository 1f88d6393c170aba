"""What a validity proof proves, and what an attestation prover signs (docs/formats.md, "Proofs").

`IProofVerifier` on the L1 takes the same public inputs whatever makes the proof. An attestation is
the weakest kind: a signature, as good as the holder of its key.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

from control_plane.domain.calls import word
from control_plane.domain.hashing import keccak256

MESSAGE_PASSER: Final = bytes.fromhex("4200000000000000000000000000000000000016")
"""``L2ToL1MessagePasser``, at the OP Stack's address."""
DOMAIN_NAME: Final = "Caldera AttestationVerifier"
DOMAIN_VERSION: Final = "1"
_DOMAIN_TYPE: Final = keccak256(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_INPUTS_TYPE: Final = keccak256(
    b"PublicInputs(uint256 chainId,bytes32 previousBlockHash,bytes32 previousStateRoot,"
    b"bytes32 blockHash,bytes32 stateRoot,bytes32 messagePasserStorageRoot,"
    b"bytes32 batchCommitment)"
)


@dataclass(frozen=True, slots=True)
class PublicInputs:
    """From the block of the output before to the block of this one."""

    chain_id: int
    """Of the rollup."""
    previous_block_hash: bytes
    """Of the genesis before the first output."""
    previous_state_root: bytes
    block_hash: bytes
    state_root: bytes
    message_passer_storage_root: bytes
    """Of ``L2ToL1MessagePasser`` under the state root."""
    batch_commitment: bytes
    """What the inbox holds after the channel that the block ends."""

    def encode(self) -> bytes:
        """``abi.encode`` of the struct, seven words."""
        return b"".join(word(getattr(self, field.name)) for field in fields(self))

    def to_json(self) -> dict[str, int | str]:
        """Hashes as 0x-hex."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {k: "0x" + v.hex() if isinstance(v, bytes) else v for k, v in found.items()}

    @classmethod
    def from_json(cls, found: Mapping[str, int | str]) -> "PublicInputs":
        """ValueError, KeyError for what is none."""
        values = [found[field.name] for field in fields(cls)]
        raw = [bytes.fromhex(v[2:]) if isinstance(v, str) else v for v in values]
        if not isinstance(raw[0], int) or any(
            not isinstance(each, bytes) or len(each) != 32 for each in raw[1:]
        ):
            raise ValueError("public inputs are a chain id and six hashes")
        return cls(*raw)  # type: ignore[arg-type]


def domain_separator(l1_chain_id: int, verifier: bytes) -> bytes:
    """EIP-712's, of the contract at `verifier`."""
    return keccak256(
        _DOMAIN_TYPE
        + keccak256(DOMAIN_NAME.encode())
        + keccak256(DOMAIN_VERSION.encode())
        + word(l1_chain_id)
        + word(verifier)
    )


def attestation_digest(inputs: PublicInputs, l1_chain_id: int, verifier: bytes) -> bytes:
    """What an attestation prover signs (EIP-712)."""
    struct = keccak256(_INPUTS_TYPE + inputs.encode())
    return keccak256(b"\x19\x01" + domain_separator(l1_chain_id, verifier) + struct)
