"""What a process that derives a rollup is told on its stdin (``control_plane/deriving.py``)."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from control_plane.adapters.da.places import keepers_of
from control_plane.adapters.derivation.process import MakeSite
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.network import Chain, Network
from control_plane.domain.op_stack import portal_address
from control_plane.domain.settlement import inbox_address
from control_plane.domain.settlement.deposits import has_portal
from control_plane.domain.settlement.outputs import oracle_address


def site_of(
    network: Network, chain: Chain, role: str, attest: Mapping[str, Any] | None = None
) -> MakeSite:
    """Of the rollup `chain`; `role` names its snapshot, `attest` makes it a prover's."""
    oracle = oracle_address(network.contracts, chain.plan.chain_id)
    told = {
        "l1": network.chain(network.plan.l1.name).ws_url,
        "inbox": "0x" + inbox_address(network.contracts).hex(),
        "chain_id": int(chain.plan.chain_id),
        **(_deposits(network, chain) if has_portal(chain.plan) else {}),
        **({"attest": attest} if attest else {}),
        "keep": {
            "path": str(directory_of(chain) / f"{role}.snapshot"),
            "oracle": "0x" + oracle.hex(),
        },
    }

    async def site() -> Mapping[str, Any]:
        return {
            **told,
            "das": keepers_of(chain),
            "genesis": await asyncio.to_thread(_genesis, chain),
        }

    return site


def directory_of(chain: Chain) -> Path:
    """Where its node keeps its files."""
    if chain.directory is None:
        raise ValueError(f"{chain.name} is not run here")
    return chain.directory


def _deposits(network: Network, chain: Chain) -> dict[str, Any]:
    portal = portal_address(network.contracts, chain.plan.chain_id)
    window = chain.plan.sequencing_window
    return {"portal": "0x" + portal.hex(), "sequencing_window": window}


def _genesis(chain: Chain) -> Any:
    try:
        return json.loads((directory_of(chain) / "genesis.json").read_bytes())
    except (OSError, ValueError) as error:
        raise TemporaryFailure(f"The genesis of {chain.name} can't be read", str(error)) from error
