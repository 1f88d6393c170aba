"""Who proves a rollup's blocks before their output is proposed."""

from typing import Protocol

from control_plane.domain.settlement.proofs import PublicInputs


class Proves(Protocol):
    """A prover of one rollup."""

    async def prove(self, inputs: PublicInputs, first: int, last: int) -> bytes:
        """The proof that `inputs` are true, as the L1's ``IProofVerifier`` wants it: blocks `first`
        to `last` follow ``inputs.previous_block_hash``, all of them are posted.

        Raises TemporaryFailure (not now: asked again), PermanentFailure (they are not true).
        """
        ...
