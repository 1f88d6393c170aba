"""A guardian's part in disputes: executes the last step anew and signs what it found."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from control_plane.agents.link import Link
from control_plane.domain.bls import SecretKey
from control_plane.domain.errors import CalderaError
from control_plane.domain.network import GuardianKeys, Network
from control_plane.domain.ports.derivation import Derivation
from control_plane.domain.ports.metalayer import Refusal
from control_plane.domain.ports.node import Connect
from control_plane.domain.ports.store import Database
from control_plane.domain.settlement.verdicts import Question
from control_plane.services.settlement.verdicts import is_asked, why_not

if TYPE_CHECKING:
    from control_plane.agents.guardian import Guardian

DerivationOf = Callable[[int], Derivation | None]
"""By a rollup's chain id; None where nothing is disputed."""


class Judge:
    """Implements ``services.settlement.verdicts.VerdictSigner`` for an embedded guardian. It asks
    the L1 through a connection of its own."""

    def __init__(
        self,
        network: Network,
        keys: GuardianKeys,
        guardian: "Guardian",
        derivations: DerivationOf,
        connect: Connect,
        database: Database,
    ) -> None:
        self.name = guardian.name
        self.index = guardian.index
        self._network = network
        self._key = SecretKey(keys.bls_seed)
        self._guardian = guardian
        self._derivations = derivations
        self._connect = connect
        self._database = database

    @property
    def available(self) -> bool:
        """Whether the guardian runs here."""
        return self._guardian.available

    async def sign_verdict(self, question: Question, right: bool) -> bytes | Refusal:
        """See the port."""
        if not self.available:
            return Refusal(f"{self.name} is stopped")
        derivation = self._derivations(question.chain_id)
        if derivation is None:
            return Refusal("it derives no such rollup")
        link = Link(self._connect, self._network.chain(self._network.plan.l1.name))
        try:
            if not await is_asked(link, self._network.contracts, question, right):
                return Refusal("no game on the L1 asks that")
            why = await why_not(question, right, derivation)
        except CalderaError as error:
            return Refusal(str(error))
        finally:
            await link.close()
        return Refusal(why) if why else await self._sign(question, right)

    async def _sign(self, asked: Question, right: bool) -> bytes | Refusal:
        """One answer to each question, durable before the signature leaves."""
        network_id = self._network.network_id
        question, digest = asked.digest(network_id, True), asked.digest(network_id, right)
        async with self._database.begin() as unit:
            stored = await unit.votes.record_verdict(
                self._network.devnet, self.index, "0x" + question.hex(), "0x" + digest.hex()
            )
        return self._key.sign(digest) if stored else Refusal("it gave the other answer before")
