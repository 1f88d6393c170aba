"""An attestation prover: signs what executing a rollup's posted blocks gives, and nothing else.

Whoever believes its proofs trusts its key, and this program. A zkVM's prover would run the same
derivation and need no trust.
"""

from collections.abc import Mapping
from typing import Any

from control_plane.adapters.derivation.chronicle import Chronicle
from control_plane.adapters.evm.signer import sign_digest
from control_plane.domain.errors import PermanentFailure, TemporaryFailure
from control_plane.domain.hexes import from_hex
from control_plane.domain.settlement.proofs import (
    MESSAGE_PASSER,
    PublicInputs,
    attestation_digest,
)


class Attesting:
    """The prover of one rollup."""

    def __init__(self, chain_id: int, order: Mapping[str, Any]) -> None:
        """`order`: ``{"key": HEX, "l1_chain_id": N, "verifier": ADDRESS}``."""
        self._chain_id = chain_id
        self._key = from_hex(order["key"])
        self._l1_chain_id = int(order["l1_chain_id"])
        self._verifier = bytes.fromhex(order["verifier"][2:])

    def prove(self, chronicle: Chronicle, question: Mapping[str, Any]) -> dict[str, Any]:
        """``{"proof", "inputs"}`` for ``{"inputs": {…}, "first": BLOCK, "last": BLOCK}``.

        TemporaryFailure when the blocks are not posted yet; PermanentFailure, with what differs,
        when one is not what it claims or the inputs are others.
        """
        first, block = int(question["first"]), int(question["last"])
        asked = PublicInputs.from_json(question["inputs"])
        true = self._inputs(chronicle, first - 1, block, asked)
        for name, claimed in asked.to_json().items():
            found = true.to_json()[name]
            if claimed != found:
                raise PermanentFailure(
                    f"Block {block} is not proven",
                    f"its {name.replace('_', ' ')} would be {claimed}, executing it gives {found}",
                )
        digest = attestation_digest(true, self._l1_chain_id, self._verifier)
        return {"proof": "0x" + sign_digest(self._key, digest).hex(), "inputs": true.to_json()}

    def _inputs(
        self, chronicle: Chronicle, previous: int, block: int, asked: PublicInputs
    ) -> PublicInputs:
        """What executing gives. Block 0 of an Anvil is what the oracle was made with: it makes the
        hash of less than the whole header, and shows a state root that it has not."""
        wrong = chronicle.first_wrong()
        if wrong is not None and wrong[0] <= block:
            raise PermanentFailure(f"Block {block} is not proven", wrong[1])
        commitment = chronicle.commitment(block)
        if commitment is None or not 0 <= previous < block:
            raise TemporaryFailure(
                f"Block {block} is not proven yet",
                f"no channel ends with it; the L1 has blocks up to {chronicle.reach.last}",
            )
        genesis_root = chronicle.genesis_root or asked.previous_state_root
        return PublicInputs(
            chain_id=self._chain_id,
            previous_block_hash=chronicle.block(previous).hash,
            previous_state_root=chronicle.state_root(previous) if previous else genesis_root,
            block_hash=chronicle.block(block).hash,
            state_root=chronicle.state_root(block),
            message_passer_storage_root=chronicle.storage_root(block, MESSAGE_PASSER),
            batch_commitment=commitment,
        )
