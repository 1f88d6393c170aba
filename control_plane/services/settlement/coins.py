"""Tokens that are to be the coins of rollups which a running devnet gets."""

from collections.abc import Sequence

from control_plane.domain.calls import selector
from control_plane.domain.network import Network
from control_plane.domain.plan import ChainPlan
from control_plane.domain.ports.node import Connect
from control_plane.domain.settlement.gas_tokens import must_be, token_address


async def must_be_there(connect: Connect, network: Network, chains: Sequence[ChainPlan]) -> None:
    """InvalidInput when the L1 has none, or another, of the tokens of `chains` that are not yet
    to be made."""
    l1 = await connect(network.chain(network.plan.l1.name).ws_url)
    try:
        for chain in chains:
            token = chain.gas_token
            if token is None:
                continue
            at = token_address(token, network.contracts)
            call = {"to": "0x" + at.hex(), "data": "0x" + selector("decimals()").hex()}
            (answer,) = await l1.batch([("eth_call", (call, "latest"))])
            must_be(token, at, chain.name, answer)
    finally:
        await l1.close()
