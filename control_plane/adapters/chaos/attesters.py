"""Guardians that do not do what they should. Each stands around an honest one, which it asks where
it acts honestly; what it signs beside that it signs with the guardian's own key."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

from control_plane.domain.aggregate import Aggregate
from control_plane.domain.bls import SecretKey
from control_plane.domain.formats import EpochHeader, Finality, Leaf
from control_plane.domain.hashing import keccak256
from control_plane.domain.hub import Votes
from control_plane.domain.network import GuardianKeys
from control_plane.domain.ports.chaos import Ground
from control_plane.domain.ports.metalayer import Attester, Refusal
from control_plane.domain.reads import Answer
from control_plane.domain.shards import shards_by_domain


class _Around:
    """A guardian around an honest one."""

    def __init__(self, honest: Attester) -> None:
        self.name = honest.name
        self.index = honest.index
        self._honest: Final = honest

    @property
    def available(self) -> bool:
        return self._honest.available


class Silent(_Around):
    """It never answers."""

    async def check_and_sign(
        self,
        header: EpochHeader,  # noqa: ARG002 - the port's
        leaves: Sequence[Leaf],  # noqa: ARG002
        parent: EpochHeader | None,  # noqa: ARG002
        answers: Sequence[Answer] = (),  # noqa: ARG002
    ) -> bytes | Refusal:
        await asyncio.Event().wait()
        return Refusal("it is silent")


class Late(_Around):
    """It answers `seconds` late."""

    def __init__(self, honest: Attester, seconds: float) -> None:
        super().__init__(honest)
        self._seconds = seconds

    async def check_and_sign(
        self,
        header: EpochHeader,
        leaves: Sequence[Leaf],
        parent: EpochHeader | None,
        answers: Sequence[Answer] = (),
    ) -> bytes | Refusal:
        await asyncio.sleep(self._seconds)
        return await self._honest.check_and_sign(header, leaves, parent, answers)


class Misdeeds:
    """What one guardian signs that it should not, and how often it still will."""

    def __init__(self, ground: Ground, keys: GuardianKeys, times: int) -> None:
        self._ground = ground
        self._keys = keys
        self.left = times
        self._secret = SecretKey(keys.bls_seed)

    def sign(self, header: EpochHeader, leaves: Sequence[Leaf], answers: Sequence[Answer]) -> bytes:
        """Sign a header over `leaves` in place of its own, and let everybody see it."""
        shards = shards_by_domain(self._ground.network.plan.chains)
        reads = {answer.id: answer.results for answer in answers}
        aggregate = Aggregate.of(leaves, shards, reads)
        header = replace(header, aggregate_root=aggregate.root)
        signature = self._secret.sign(header.hash(self._ground.network.network_id))
        said = ((str(self._keys.account.address).lower(), "0x" + signature.hex()),)
        self._ground.hub.tell(
            Votes(header.to_json(), aggregate.to_json(), said, aggregate.reads_json())
        )
        return signature

    async def done(self, what: str) -> None:
        """Once more it did what it should not."""
        await self._ground.tell(what, last=self.left == 0)


class Lying(_Around):
    """It signs that `domain` had one more message, and not what is true."""

    def __init__(self, honest: Attester, misdeeds: Misdeeds, domain: int) -> None:
        super().__init__(honest)
        self._misdeeds = misdeeds
        self._domain = domain

    async def check_and_sign(
        self,
        header: EpochHeader,
        leaves: Sequence[Leaf],
        parent: EpochHeader | None,
        answers: Sequence[Answer] = (),
    ) -> bytes | Refusal:
        true = next((leaf for leaf in leaves if leaf.domain == self._domain), None)
        if true is None or self._misdeeds.left < 1:
            return await self._honest.check_and_sign(header, leaves, parent, answers)
        self._misdeeds.left -= 1
        lie = replace(
            true,
            message_count=true.message_count + 1,
            message_root=keccak256(b"a lie" + true.message_root),
        )
        told = [lie if leaf is true else leaf for leaf in leaves]
        signature = self._misdeeds.sign(header, told, answers)
        await self._misdeeds.done(
            f"{self.name} signed for epoch {header.epoch} that block {lie.block_number} of domain "
            f"{self._domain} had {lie.message_count} messages, and not {true.message_count}"
        )
        return signature


class NotFinal(_Around):
    """It signs that another block of `domain` is final than the one of the last output there."""

    def __init__(
        self,
        honest: Attester,
        misdeeds: Misdeeds,
        domain: int,
        last_output: Callable[[], Awaitable[int]],
    ) -> None:
        """`last_output` tells its block; 0 where there is none."""
        super().__init__(honest)
        self._misdeeds = misdeeds
        self._domain = domain
        self._last_output = last_output

    async def check_and_sign(
        self,
        header: EpochHeader,
        leaves: Sequence[Leaf],
        parent: EpochHeader | None,
        answers: Sequence[Answer] = (),
    ) -> bytes | Refusal:
        true = next((leaf for leaf in leaves if leaf.domain == self._domain), None)
        number = await self._last_output() if true and self._misdeeds.left > 0 else 0
        if true is None or not number:
            return await self._honest.check_and_sign(header, leaves, parent, answers)
        self._misdeeds.left -= 1
        lie = replace(
            true,
            block_number=number,
            block_hash=keccak256(b"a lie" + header.epoch.to_bytes(8) + true.block_hash),
            finality=Finality.FINALIZED,
        )
        told = [leaf for leaf in leaves if (leaf.domain, leaf.finality) != (lie.domain, 1)]
        signature = self._misdeeds.sign(header, [*told, lie], answers)
        await self._misdeeds.done(
            f"{self.name} signed for epoch {header.epoch} that 0x{lie.block_hash.hex()} is final"
            f" as block {number} of domain {self._domain}"
        )
        return signature


class Equivocating(_Around):
    """It signs what is true, and then another header with the same epoch number."""

    def __init__(self, honest: Attester, misdeeds: Misdeeds) -> None:
        super().__init__(honest)
        self._misdeeds = misdeeds

    async def check_and_sign(
        self,
        header: EpochHeader,
        leaves: Sequence[Leaf],
        parent: EpochHeader | None,
        answers: Sequence[Answer] = (),
    ) -> bytes | Refusal:
        answer = await self._honest.check_and_sign(header, leaves, parent, answers)
        if isinstance(answer, bytes) and self._misdeeds.left > 0:
            self._misdeeds.left -= 1
            self._misdeeds.sign(replace(header, timestamp=header.timestamp + 1), leaves, answers)
            await self._misdeeds.done(f"{self.name} signed two headers of epoch {header.epoch}")
        return answer
