"""The portals of rollups: contracts on the L1 that take deposits, one for each rollup that has one.

They are no part of the baked genesis: a devnet has those that it needs, also of rollups that were
added later, each at an address that depends on the rollup's chain id alone.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from control_plane.domain.calls import encode_call, tail, word
from control_plane.domain.ids import Hex
from control_plane.domain.network import Network
from control_plane.domain.op_stack import (
    create3_address,
    portal_address,
    portal_implementation_salt,
    portal_salt,
)
from control_plane.domain.ports.node import Rpc
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement.deposits import has_portal
from control_plane.resources import artifacts_dir

_IMPLEMENTATION_GAS: Final = 3_000_000
_PROXY_GAS: Final = 700_000


@dataclass(frozen=True, slots=True)
class Creation:
    """A call of the Create3Factory."""

    data: bytes
    gas: int


async def missing_portals(l1: Rpc, network: Network) -> Sequence[Creation]:
    """What is to be sent to the factory, in order, until every rollup has its portal."""
    ids = [chain.chain_id for chain in network.plan.rollups if has_portal(chain)]
    if not ids:
        return ()
    factory = _bytes(network.contracts["create3Factory"])
    implementation = create3_address(factory, portal_implementation_salt())
    portals = [portal_address(network.contracts, chain_id) for chain_id in ids]
    codes = await l1.batch(
        [("eth_getCode", ("0x" + at.hex(), "latest")) for at in (implementation, *portals)]
    )
    for code in codes:
        if isinstance(code, RpcError):
            raise code
    found = []
    if codes[0] == "0x":
        code = creation_code("OptimismPortal")
        found.append(_creation(portal_implementation_salt(), code, _IMPLEMENTATION_GAS))
    owner = _bytes(network.contracts["governanceExecutor"])
    for chain_id, code in zip(ids, codes[1:], strict=True):
        if code == "0x":
            call = encode_call("initialize(address,uint256)", owner, chain_id)
            proxy = creation_code("ERC1967Proxy") + word(implementation) + word(64) + tail(call)
            found.append(_creation(portal_salt(chain_id), proxy, _PROXY_GAS))
    return found


def _creation(salt: bytes, code: bytes, gas: int) -> Creation:
    return Creation(encode_call("deploy(bytes32,bytes)", salt, code), gas)


def creation_code(name: str) -> bytes:
    """The code that creates the contract called `name`, without arguments of its constructor."""
    artifact = json.loads((artifacts_dir() / f"{name}.json").read_bytes())
    return _bytes(artifact["bytecode"])


def _bytes(text: str | Hex) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
