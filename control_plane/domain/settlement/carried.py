"""Words of a rollup's state that its framework's contracts on the L1 are to know of.

A bridge by Merkle tree has its root in a slot of a contract on the rollup. A final output proves
that slot on the L1; anybody may, and a rollup's proposer does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from control_plane.domain.calls import selector, tail, word
from control_plane.domain.plan import ChainPlan
from control_plane.domain.settlement.places import L1_EXIT_ROOTS, ZK_BRIDGEHUB
from control_plane.domain.settlement.predeploys import CDK_EXIT_ROOTS, ZK_L1_MESSENGER


@dataclass(frozen=True, slots=True)
class Carried:
    """One such word. Zero says nothing."""

    address: str
    """Of the contract on the rollup."""
    slot: int
    to: str
    """Name of the rollup's contract on the L1."""
    known: str
    """That contract's getter of the word that it knows."""
    prove: str
    """Its function that takes an output's index and the two proofs."""

    def call(
        self, index: int, account_proof: Sequence[bytes], storage_proof: Sequence[bytes]
    ) -> bytes:
        """Calldata that proves it against the final output `index`."""
        account, slots = _array(account_proof), _array(storage_proof)
        heads = word(index) + word(3 * 32) + word(3 * 32 + len(account))
        return selector(self.prove) + heads + account + slots


_BY_FRAMEWORK: Final = {
    "polygon-cdk": Carried(
        address=CDK_EXIT_ROOTS,
        slot=1,
        to=L1_EXIT_ROOTS,
        known="lastLocalExitRoot()",
        prove="proveRollupExitRoot(uint256,bytes[],bytes[])",
    ),
    "zk-stack": Carried(
        address=ZK_L1_MESSENGER,
        slot=33,
        to=ZK_BRIDGEHUB,
        known="lastMessageRoot()",
        prove="proveMessageRoot(uint256,bytes[],bytes[])",
    ),
}


def carried_of(chain: ChainPlan) -> Carried | None:
    """What is carried for a rollup that settles; None for one whose contracts want nothing."""
    return _BY_FRAMEWORK.get(chain.built_as or "")


def _array(items: Sequence[bytes]) -> bytes:
    """ABI encoding of ``bytes[]``."""
    heads, tails = b"", b""
    for item in items:
        heads += word(len(items) * 32 + len(tails))
        tails += tail(item)
    return word(len(items)) + heads + tails
