"""Makes the prover of a rollup in validity mode: beside ``making``, for most devnets have none."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from control_plane.adapters.derivation.process import DerivingProcess, MakeSite
from control_plane.adapters.evm.settlement_contracts import agent_account
from control_plane.agents.prover import Prover
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.hub import Hub
from control_plane.domain.network import Chain, Keys, Network
from control_plane.domain.ports.agent import Publish
from control_plane.domain.settlement import inbox_address
from control_plane.domain.settlement.places import address_of


def make_prover(
    network: Network, chain: Chain, keys: Keys, logs: Path, hub: Hub, publish: Publish
) -> Prover:
    """What its process has to say of its failures goes to a file in `logs`."""
    log = logs / f"{chain.name}.prover.process.log"
    deriving = DerivingProcess(_site(network, chain, keys), log)
    return Prover(chain.name, network.plan.l1.name, deriving, hub, publish)


def _site(network: Network, chain: Chain, keys: Keys) -> MakeSite:
    """What the process is told, on its stdin: the key is nowhere else."""
    l1 = network.chain(network.plan.l1.name)
    prover = agent_account(keys, chain.plan.chain_id, "prover")
    attest = {
        "key": prover.key.hex(),
        "l1_chain_id": l1.plan.chain_id,
        "verifier": "0x" + address_of(network.contracts, "AttestationVerifier").hex(),
    }

    async def site() -> Mapping[str, Any]:
        return {
            "l1": l1.ws_url,
            "inbox": "0x" + inbox_address(network.contracts).hex(),
            "chain_id": chain.plan.chain_id,
            "genesis": await asyncio.to_thread(_genesis, chain),
            "attest": attest,
        }

    return site


def _genesis(chain: Chain) -> Any:
    if chain.directory is None:
        raise TemporaryFailure(f"{chain.name} is not run by this daemon")
    path = chain.directory / "genesis.json"
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise TemporaryFailure(f"The genesis of {chain.name} can't be read", str(error)) from error
