"""Who attests and who sends, as the Metalayer's agents see them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from control_plane.domain.formats import EpochHeader, GuardianSet, Leaf
from control_plane.domain.ids import Hex
from control_plane.domain.reads import Answer


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a guardian does not sign, in a sentence."""

    reason: str


class Attester(Protocol):
    """A guardian, in this process or elsewhere."""

    name: str
    index: int
    """Its number, from which its keys follow; its place in a set is the lineup's matter."""

    @property
    def available(self) -> bool:
        """False when it is known not to run, so that nobody waits for it."""
        ...

    async def check_and_sign(
        self,
        header: EpochHeader,
        leaves: Sequence[Leaf],
        parent: EpochHeader | None,
        answers: Sequence[Answer] = (),
    ) -> bytes | Refusal:
        """Check every leaf and every answer to reads, record the vote durably, sign the header's
        hash (256 bytes)."""
        ...


class SetSigner(Protocol):
    """A guardian as it is asked to hand over to another set."""

    name: str
    index: int

    @property
    def available(self) -> bool: ...

    async def sign_set(self, following: GuardianSet) -> bytes | Refusal:
        """Check the set against the registry on L1, record the vote durably, sign the set's
        commitment (256 bytes)."""
        ...


class Pending(Protocol):
    """A transaction that the sender took charge of."""

    hash: Hex

    async def receipt(self) -> Mapping[str, Any]:
        """The receipt's JSON once it is mined, whatever its status. TemporaryFailure when it was
        dropped for good or not mined by the sender's deadline."""
        ...


class Sender(Protocol):
    """Sends a service's own transactions on one chain; manages nonces, fees and receipts."""

    async def send(self, to: Hex, data: bytes, *, gas: int) -> Pending:
        """Sign and broadcast, in the order of the calls. TemporaryFailure, RpcError."""
        ...


class DecodeError(Protocol):
    def __call__(self, data: str) -> str:
        """Revert data (0x-hex) as people read it, ``RecipientBroken('…')``; no bare selector."""
        ...
