"""Who keeps a rollup's data, where it is not its L1."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from control_plane.domain.hashing import keccak256
from control_plane.domain.ids import ServiceName
from control_plane.domain.plan import ChainPlan, Plan
from control_plane.domain.switching import forms

EXTERNAL: Final = ("celestia", "eigenda", "anytrust", "alt-da")
"""Values of a rollup's ``da`` of which only commitments go to the L1."""
_NAMESPACE_BYTES: Final = 10


@dataclass(frozen=True, slots=True)
class Keeper:
    """A data availability service, as whoever reads from it must know it. No secret is in it."""

    type: str
    """One of :data:`EXTERNAL`."""
    url: str
    """Empty of a committee of somebody else's, each of whose members has one."""
    stand_in: bool
    """A server of ours on this machine, behind the real one's protocol."""
    namespace: str | None = None
    """Celestia's, the ten bytes of the rollup's own, 0x-hex."""
    token_file: str | None = None
    """Path of a file with the token that it wants; None: it wants none."""
    committee: str | None = None
    """AnyTrust's: path of its description, a JSON file."""

    def to_json(self) -> dict[str, Any]:
        """Fields by name, those that are None left out."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Of :meth:`to_json`. TypeError for anything else."""
        return cls(**value)


def keeps_elsewhere(chain: ChainPlan) -> bool:
    """Whether a batcher of ours posts only commitments to `chain`'s data."""
    return chain.services == "caldera" and chain.da in EXTERNAL


def stand_ins(plan: Plan) -> tuple[str, ...]:
    """Types of which the devnet needs a server of ours, each once."""
    ever = (form for chain in plan.rollups for form in forms(chain))
    rollups = (chain for chain in ever if keeps_elsewhere(chain))
    wanted = (chain for chain in rollups if not (chain.da_url or chain.da_committee_file))
    return tuple(dict.fromkeys(str(chain.da) for chain in wanted))


def stand_in_service(type_: str) -> ServiceName:
    """Name of the service that a server of ours is."""
    return ServiceName(f"{type_}-stand-in")


def namespace_of(chain: ChainPlan) -> str:
    """The ten bytes of a rollup's namespace on Celestia, 0x-hex: equal for equal chain ids."""
    digest = keccak256(f"caldera/{chain.chain_id}".encode())
    return "0x" + digest[:_NAMESPACE_BYTES].hex()
