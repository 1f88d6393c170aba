"""The chains that an ERC-7786 gateway knows: which domain belongs to which chain id.

The governor fills the table in block 1, and again when a rollup was added.
"""

from collections.abc import Sequence

from control_plane.domain.calls import Call, encode_call, selector, word
from control_plane.domain.hexes import from_hex
from control_plane.domain.network import Network
from control_plane.domain.plan import ChainPlan
from control_plane.domain.ports.node import Rpc
from control_plane.domain.rpc import RpcError

GATEWAY = "erc7786Gateway"
"""Its key among the contracts; devnets of older versions have none."""


async def unknown_chains(chain: ChainPlan, rpc: Rpc, network: Network) -> Sequence[ChainPlan]:
    """The devnet's other chains that `chain`'s gateway does not know."""
    gateway = network.contracts.get(GATEWAY)
    if gateway is None:
        return ()
    others = other_chains(chain, network)
    data = [encode_call("chainIdOf(uint32)", other.domain) for other in others]
    found = await rpc.batch(
        [("eth_call", ({"to": gateway, "data": "0x" + call.hex()}, "latest")) for call in data]
    )
    for answer in found:
        if isinstance(answer, RpcError):
            raise answer
    return [
        other
        for other, answer in zip(others, found, strict=True)
        if int(answer, 16) != other.chain_id
    ]


def other_chains(chain: ChainPlan, network: Network) -> Sequence[ChainPlan]:
    """All chains of the devnet but `chain`."""
    return [other for other in network.plan.chains if other.name != chain.name]


def set_chains(network: Network, chains: Sequence[ChainPlan]) -> Sequence[Call]:
    """What the governor has executed so that the gateway knows `chains`."""
    gateway = network.contracts.get(GATEWAY)
    if gateway is None or not chains:
        return ()
    rows = b"".join(word(c.chain_id) + word(c.domain) + word(0) for c in chains)
    data = selector("setChains((uint256,uint32,address)[])") + word(32) + word(len(chains)) + rows
    return (Call(from_hex(gateway), data),)
