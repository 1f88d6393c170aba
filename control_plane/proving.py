"""Makes the prover of a rollup in validity mode: beside ``making``, for most devnets have none."""

from control_plane.adapters.derivation.process import DerivingProcess
from control_plane.adapters.derivation.site import directory_of, site_of
from control_plane.adapters.evm.settlement_contracts import agent_account
from control_plane.agents.prover import Prover
from control_plane.domain.hub import Hub
from control_plane.domain.network import Chain, Keys, Network
from control_plane.domain.ports.agent import Publish
from control_plane.domain.settlement.places import address_of


def make_prover(network: Network, chain: Chain, keys: Keys, hub: Hub, publish: Publish) -> Prover:
    """The prover of `chain`. Its process gets the key on its stdin, never in argv."""
    attest = {
        "key": agent_account(keys, chain.plan.chain_id, "prover").key.hex(),
        "l1_chain_id": network.plan.l1.chain_id,
        "verifier": "0x" + address_of(network.contracts, "AttestationVerifier").hex(),
    }
    site = site_of(network, chain, "proving", attest)
    deriving = DerivingProcess(site, directory_of(chain) / "proving.log")
    return Prover(chain.name, network.plan.l1.name, deriving, hub, publish)
