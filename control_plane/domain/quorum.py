"""Who signed how much: the count of one round, and the check that contracts make."""

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Final

from control_plane.domain import bls
from control_plane.domain.formats import GuardianSet, Member, QuorumProof, member_tree
from control_plane.domain.merkle import ArrayTree, process_multiproof


class QuorumError(ValueError):
    """Base of what is wrong with a quorum proof; named like the contract's errors."""


class AbsentNotAscending(QuorumError):
    """Absent guardians are listed strictly ascending by index."""


class InvalidSetProof(QuorumError):
    """The absent guardians are not those of the set."""


class QuorumNotReached(QuorumError):
    """Two thirds of the stake or less signed."""


class InvalidSignature(QuorumError):
    """The signature is not that of the guardians who are not named absent."""


def is_quorum(signed_stake: int, total_stake: int) -> bool:
    """Whether more than two thirds signed; exactly two thirds is not enough."""
    return 3 * signed_stake > 2 * total_stake


class Roster:
    """The members of a set with what is computed of them once."""

    __slots__ = ("_tree", "guardian_set", "members")

    def __init__(self, set_id: int, members: Sequence[Member]) -> None:
        """`members` by index from 0 on; ValueError otherwise."""
        self.members: Final = tuple(members)
        self._tree: Final[ArrayTree] = member_tree(members)
        self.guardian_set: Final = GuardianSet.of(set_id, members)

    def proof(self, absent: Collection[int], signature: bytes) -> QuorumProof:
        """A quorum proof of all members but those with the indices in `absent`."""
        indices = sorted(absent)
        proof, flags = self._tree.multiproof(indices) if indices else ((), ())
        named = tuple(self.members[index] for index in indices)
        return QuorumProof(named, proof, flags, signature)


class Tally:
    """Votes of one round on one digest. Signatures are added unchecked: `bls.verify` them before,
    or `check` the result and `drop` the bad ones."""

    __slots__ = ("_roster", "_signatures", "digest", "signed_stake")

    def __init__(self, roster: Roster, digest: bytes) -> None:
        """`digest`: the 32 bytes that are signed."""
        self._roster = roster
        self._signatures: dict[int, bytes] = {}
        self.digest: Final = digest
        self.signed_stake = 0
        """ERA of those who signed, in wei."""

    @property
    def total_stake(self) -> int:
        """ERA of the whole set, in wei."""
        return self._roster.guardian_set.total_stake

    @property
    def reached(self) -> bool:
        """Whether the quorum has signed."""
        return is_quorum(self.signed_stake, self.total_stake)

    @property
    def complete(self) -> bool:
        """Whether everybody has signed."""
        return len(self._signatures) == len(self._roster.members)

    @property
    def signers(self) -> tuple[int, ...]:
        """Indices of those who signed, ascending."""
        return tuple(sorted(self._signatures))

    @property
    def votes(self) -> tuple[tuple[Member, bytes], ...]:
        """Who signed, by index, and their signatures."""
        return tuple(
            (self._roster.members[index], self._signatures[index]) for index in self.signers
        )

    @property
    def missing(self) -> tuple[Member, ...]:
        """Who has not signed, by index."""
        return tuple(
            member for member in self._roster.members if member.index not in self._signatures
        )

    def add(self, index: int, signature: bytes) -> bool:
        """Count a vote; False if this guardian's is counted already. IndexError for a stranger."""
        if not 0 <= index < len(self._roster.members):
            raise IndexError(f"no guardian {index} in a set of {len(self._roster.members)}")
        if index in self._signatures:
            return False
        self._signatures[index] = signature
        self.signed_stake += self._roster.members[index].stake
        return True

    def drop(self, index: int) -> None:
        """Take a vote back; it may be given again."""
        del self._signatures[index]
        self.signed_stake -= self._roster.members[index].stake

    def drop_invalid(self) -> tuple[int, ...]:
        """Drop votes that do not sign the digest; one pairing if all are good. Their indices."""
        votes = [
            (self._roster.members[index].key, self._signatures[index]) for index in self.signers
        ]
        positions = bls.invalid_signatures(votes, self.digest)
        indices = self.signers
        bad = tuple(indices[position] for position in positions)
        for index in bad:
            self.drop(index)
        return bad

    def proof(self) -> QuorumProof:
        """The quorum proof of the votes so far. QuorumNotReached, bls.InvalidPoint."""
        if not self.reached:
            raise QuorumNotReached(f"{self.signed_stake} of {self.total_stake} signed")
        absent = [member.index for member in self.missing]
        signature = bls.aggregate(self._signatures[index] for index in self.signers)
        return self._roster.proof(absent, signature)


def check_quorum(guardian_set: GuardianSet, digest: bytes, quorum: QuorumProof) -> None:
    """What `RootVerifier` checks of a proof, in its order. QuorumError names what is wrong."""
    absent = quorum.absent
    if any(a.index >= b.index for a, b in pairwise(absent)):
        raise AbsentNotAscending
    if absent:
        _check_absent(guardian_set, quorum)
    signed = guardian_set.total_stake - sum(member.stake for member in absent)
    if not is_quorum(signed, guardian_set.total_stake):
        raise QuorumNotReached(f"{signed} of {guardian_set.total_stake} signed")
    key = bls.subtract_keys(guardian_set.aggregate_key, (member.key for member in absent))
    if not bls.verify(key, digest, quorum.signature):
        raise InvalidSignature


def _check_absent(guardian_set: GuardianSet, quorum: QuorumProof) -> None:
    try:
        hashes = [member.hash for member in quorum.absent]
        root = process_multiproof(hashes, quorum.proof, quorum.proof_flags)
    except (ValueError, OverflowError) as error:
        raise InvalidSetProof from error
    if root != guardian_set.root:
        raise InvalidSetProof
