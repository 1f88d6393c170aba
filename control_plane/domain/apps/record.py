"""What is remembered of an app: which transactions stand for which of its pieces."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal


@dataclass(frozen=True, slots=True)
class Act:
    """A contract that was deployed on a rollup, or a call that was made there.

    It is noted before its transaction is sent, with the raw transaction: whoever comes after a kill
    hands the same one over again, and nothing is done twice.
    """

    kind: Literal["contract", "call"]
    contract: str
    digest: str
    """Of a contract's creation code with its arguments; a call's id."""
    tx: str = ""
    nonce: int = 0
    raw: str = ""
    """Signed transaction, 0x-hex; empty once it is in a block."""
    block: int | None = None
    block_hash: str = ""
    address: str = ""
    """Of a contract."""
    made_of: str = ""
    """Of a contract, see ``ContractPiece``."""
    peers: tuple[str, ...] = ()
    """Of a contract: the app's other rollups at the time."""
    function: str = ""
    """Of a call."""
    peer: str | None = None
    """Of a call that was for one."""

    @property
    def id(self) -> str:
        return f"contract:{self.contract}" if self.kind == "contract" else f"call:{self.digest}"

    @property
    def is_under_way(self) -> bool:
        return self.block is None

    def done(self, block: int, block_hash: str) -> "Act":
        """Its transaction is in that block."""
        return replace(self, raw="", block=block, block_hash=block_hash)


@dataclass(frozen=True, slots=True)
class AppRecord:
    """An app of a devnet."""

    name: str
    owner: str
    """Who deployed last."""
    rollups: Mapping[str, Mapping[str, Act]] = field(default_factory=dict)
    """Acts by id, by rollup."""

    def acts(self, rollup: str) -> Mapping[str, Act]:
        return self.rollups.get(rollup, {})

    def with_act(self, rollup: str, act: Act) -> "AppRecord":
        """With `act` in place of the one with its id."""
        return self._with(rollup, {**self.acts(rollup), act.id: act})

    def without(self, rollup: str, act: Act) -> "AppRecord":
        """As if `act` had never been."""
        rest = {id_: one for id_, one in self.acts(rollup).items() if id_ != act.id}
        return self._with(rollup, rest)

    def _with(self, rollup: str, acts: Mapping[str, Act]) -> "AppRecord":
        return replace(self, rollups={**self.rollups, rollup: acts})
