"""Evidence against guardians, as `Slasher` takes it (docs/formats.md, "Evidence").

Built from what guardians signed and from what a chain proves; whether it convinces is for the
contract to say. Byte strings are as in `formats`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from control_plane.domain.abi_formats import CERTIFICATE_TYPE, GROUP_TYPE, ITEM_TYPE, SET_TYPE
from control_plane.domain.calls import selector
from control_plane.domain.formats import (
    COUNT_SLOT,
    ROOT_SLOT,
    Certificate,
    EpochHeader,
    GuardianSet,
    Leaf,
    Member,
    QuorumProof,
    member_tree,
)
from control_plane.domain.hashing import keccak256
from control_plane.domain.header import check_header, encode_header
from control_plane.domain.quorum import Roster
from control_plane.domain.state_proof import make_state_proof

VOTE_TYPE: Final = f"({CERTIFICATE_TYPE},({SET_TYPE},uint32,uint96,bytes32[])[])"
REFUTATION_TYPE: Final = "(bytes,bytes,bytes[],bytes,bytes,bytes)"
_EQUIVOCATION: Final = f"reportEquivocation(address,{VOTE_TYPE},{VOTE_TYPE})"
_NOT_FINAL: Final = f"reportNotFinal(address,{VOTE_TYPE},bytes)"
_FALSE_LEAF: Final = f"reportFalseLeaf(address,{VOTE_TYPE},{REFUTATION_TYPE})"
_CERTIFICATES: Final = f"{CERTIFICATE_TYPE}[]"
_CALLS: Final[Mapping[bytes, str]] = {
    selector(f"submit({CERTIFICATE_TYPE})"): CERTIFICATE_TYPE,
    selector(f"processBatch({_CERTIFICATES},{ITEM_TYPE}[])"): _CERTIFICATES,
    selector(f"processGroups({_CERTIFICATES},{GROUP_TYPE}[],{ITEM_TYPE}[])"): _CERTIFICATES,
}
"""What the first argument of each call is that brings certificates."""


class Offence(IntEnum):
    """As `ISlasher` numbers them."""

    EQUIVOCATION = 0
    FALSE_LEAF = 1
    NOT_FINAL = 2
    FALSE_VERDICT = 3
    """By governance alone: no evidence is looked at."""


@dataclass(frozen=True, slots=True)
class Seat:
    """That a guardian is one of those whose signatures a certificate sums up."""

    guardian_set: GuardianSet
    index: int
    stake: int
    """ERA, in wei, as it counts in the set."""
    proof: tuple[bytes, ...]
    """From its member hash to the set's root."""


@dataclass(frozen=True, slots=True)
class Vote:
    """A header that a guardian signed; `seat` is None for its own signature, not a sum."""

    signed: Certificate
    seat: Seat | None = None

    @classmethod
    def alone(cls, header: EpochHeader, signature: bytes) -> "Vote":
        """One guardian's own signature."""
        return cls(Certificate(header, QuorumProof((), (), (), signature)))

    @classmethod
    def among(cls, certificate: Certificate, roster: Roster, index: int) -> "Vote":
        """Of guardian `index`, who is not absent. ValueError if it is."""
        if any(member.index == index for member in certificate.quorum.absent):
            raise ValueError(f"guardian {index} is absent in the certificate")
        proof = member_tree(roster.members).proof(index)
        stake = roster.members[index].stake
        return cls(certificate, Seat(roster.guardian_set, index, stake, tuple(proof)))


@dataclass(frozen=True, slots=True)
class Refutation:
    """A leaf under a signed header, and what contradicts it."""

    leaf_proof: bytes
    block_header: bytes
    """RLP that hashes to the leaf's block hash."""
    nodes: tuple[bytes, ...] = ()
    account_path: bytes = b""
    count_path: bytes = b""
    root_path: bytes = b""


def refute(
    leaf: Leaf,
    leaf_proof: bytes,
    hook: bytes,
    block: Mapping[str, Any],
    answer: Mapping[str, Any] | None,
) -> Refutation | None:
    """What shows that `leaf` is false; None when it is true.

    `block` is the JSON of the leaf's own block, asked for by its hash, and `answer` that of
    `eth_getProof` for the hook's slots 32 and 33 at that hash; it may be None where the header
    alone is at odds with the leaf. InvalidHeader and InvalidProof if they prove nothing.
    """
    header = check_header(block, leaf.block_hash)
    encoded = encode_header(block)
    if header.number != leaf.block_number or header.state_root != leaf.state_root:
        return Refutation(leaf_proof, encoded)
    if answer is None:
        raise ValueError("the header agrees with the leaf: a proof of its state is needed")
    wanted = [(hook, (COUNT_SLOT, ROOT_SLOT))]
    proof = make_state_proof(leaf_proof, leaf.state_root, wanted, [answer])
    account = proof.accounts[0]
    count, root = account.slots
    if count.value == leaf.message_count and root.value.to_bytes(32) == leaf.message_root:
        return None
    return Refutation(leaf_proof, encoded, proof.nodes, account.path, count.path, root.path)


def equivocation_calldata(guardian: bytes, first: Vote, second: Vote) -> bytes:
    """Call of `Slasher.reportEquivocation`."""
    types = ["address", VOTE_TYPE, VOTE_TYPE]
    return _call(_EQUIVOCATION, types, [guardian, _vote(first), _vote(second)])


def false_leaf_calldata(guardian: bytes, vote: Vote, refutation: Refutation) -> bytes:
    """Call of `Slasher.reportFalseLeaf`."""
    parts = (
        refutation.leaf_proof,
        refutation.block_header,
        list(refutation.nodes),
        refutation.account_path,
        refutation.count_path,
        refutation.root_path,
    )
    types = ["address", VOTE_TYPE, REFUTATION_TYPE]
    return _call(_FALSE_LEAF, types, [guardian, _vote(vote), parts])


def not_final_calldata(guardian: bytes, vote: Vote, leaf_proof: bytes) -> bytes:
    """Call of `Slasher.reportNotFinal`."""
    return _call(_NOT_FINAL, ["address", VOTE_TYPE, "bytes"], [guardian, _vote(vote), leaf_proof])


def offence_id(offence: Offence, key: bytes, what: bytes | int) -> bytes:
    """Under which `Slasher` punishes it, once: `what` is the epoch number of an equivocation, else
    the leaf's hash."""
    last = what.to_bytes(32) if isinstance(what, int) else what
    return keccak256(offence.to_bytes(32) + keccak256(key) + last)


def certificates_in(call: bytes) -> list[Certificate]:
    """Certificates that a transaction brings to `RootVerifier` or `BatchProcessor`; none where it
    calls something else, or can't be read."""
    from eth_abi import decode  # type: ignore[attr-defined]
    from eth_abi.exceptions import DecodingError

    kind = _CALLS.get(call[:4])
    if kind is None:
        return []
    try:
        (found,) = decode([kind], call[4:], strict=False)
        return [_certificate(one) for one in (found if kind.endswith("[]") else [found])]
    except (DecodingError, ValueError, OverflowError):
        return []


def _certificate(fields: Any) -> Certificate:
    header, (absent, proof, flags, signature) = fields
    members = tuple(Member(i, bytes.fromhex(who[2:]), stake, key) for i, who, stake, key in absent)
    return Certificate(
        EpochHeader(*header), QuorumProof(members, tuple(proof), tuple(flags), signature)
    )


def _call(signature: str, types: list[str], values: list[Any]) -> bytes:
    from eth_abi import encode  # type: ignore[attr-defined]  # there is evidence hardly ever

    encoded: bytes = encode(types, values)
    return keccak256(signature.encode())[:4] + encoded


def _vote(vote: Vote) -> tuple[Any, ...]:
    header, quorum = vote.signed.header, vote.signed.quorum
    fields = (
        header.set_id,
        header.epoch,
        header.timestamp,
        header.parent_hash,
        header.aggregate_root,
    )
    absent = [_member(member) for member in quorum.absent]
    signed = (absent, list(quorum.proof), list(quorum.proof_flags), quorum.signature)
    seats = [] if vote.seat is None else [_seat(vote.seat)]
    return ((fields, signed), seats)


def _member(member: Member) -> tuple[Any, ...]:
    return (member.index, member.guardian, member.stake, member.key)


def _seat(seat: Seat) -> tuple[Any, ...]:
    of = seat.guardian_set
    fields = (of.set_id, of.size, of.total_stake, of.root, of.aggregate_key)
    return (fields, seat.index, seat.stake, list(seat.proof))
