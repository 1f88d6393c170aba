"""Proofs against certified aggregate roots."""

from pydantic import Field

from control_plane.schemas.common import Address, Hash, HexData, Model


class AttestedView(Model):
    """What a proof hangs on."""

    epoch: int = Field(description="Certified epoch whose aggregate root the proof leads to.")
    aggregate_root: Hash
    domain: int = Field(description="The chain that is spoken of.")
    block_number: int
    block_hash: Hash
    state_root: Hash
    certificate: HexData = Field(
        description="ABI-encoded `Certificate` for `RootVerifier.submit`, on chains that do not "
        "know the epoch yet."
    )


class MessageProofView(Model):
    """A meta-proof: takes one message to an aggregate root."""

    id: Hash
    attested: AttestedView
    proof: HexData = Field(
        description="Metadata of `AggregateRootIsm`; `StateVerifier.verifyMessage` takes it too."
    )


class SlotValue(Model):
    """A storage slot of an account at the attested block."""

    slot: Hash
    value: Hash = Field(description="Zero when the slot is proven to be unset.")


class StorageProofView(Model):
    """A state proof: takes storage slots of an account to an aggregate root."""

    rollup: str
    address: Address
    slots: tuple[SlotValue, ...]
    attested: AttestedView
    proof: HexData = Field(description="ABI-encoded `StateProof`.")
    calldata: HexData = Field(description="Call of `StateVerifier.verifyStorage` with it.")
