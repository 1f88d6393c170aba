"""The portals and bridges of rollups: contracts on the L1 through which a rollup's deposits and
withdrawals go.

They are no part of the baked genesis: a devnet has those that it needs, also of rollups that were
added later, each at an address that depends on the rollup's chain id alone. A rollup on op-geth has
a portal for deposits only; one that settles has all three, and its portal knows its outputs.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from control_plane.domain.calls import encode_call, tail, word
from control_plane.domain.hexes import from_hex
from control_plane.domain.network import Network
from control_plane.domain.op_stack import create3_address, portal_implementation_salt
from control_plane.domain.plan import ChainPlan
from control_plane.domain.ports.node import Rpc
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement import settles
from control_plane.domain.settlement.deposits import has_portal
from control_plane.domain.settlement.gas_tokens import token_address
from control_plane.domain.settlement.places import (
    L1_BRIDGE,
    L1_CDK_BRIDGE,
    L1_EXIT_ROOTS,
    L1_MESSENGER,
    NITRO_BRIDGE,
    NITRO_INBOX,
    ORACLE,
    PORTAL,
    ZK_BRIDGEHUB,
    address_of,
    salt_of,
)
from control_plane.resources import artifacts_dir

_IMPLEMENTATION_GAS: Final = 6_000_000
_PROXY_GAS: Final = 700_000
_KNOWS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "arbitrum-nitro": {NITRO_BRIDGE: (PORTAL,), NITRO_INBOX: (PORTAL, NITRO_BRIDGE)},
    "polygon-cdk": {L1_CDK_BRIDGE: (L1_EXIT_ROOTS,), L1_EXIT_ROOTS: (L1_CDK_BRIDGE, PORTAL)},
    "zk-stack": {ZK_BRIDGEHUB: (PORTAL,)},
}
"""Which other contracts a framework's contracts know, by framework and name; their owner first."""


@dataclass(frozen=True, slots=True)
class Creation:
    """A call of the Create3Factory."""

    data: bytes
    gas: int


@dataclass(frozen=True, slots=True)
class _Proxy:
    """A contract that is wanted: which code, for which rollup, and the call that sets it up."""

    name: str
    chain_id: int
    call: bytes


async def missing_portals(l1: Rpc, network: Network) -> Sequence[Creation]:
    """What is to be sent to the factory, in order, until every rollup has its portal, and its
    bridge if it settles."""
    proxies = [
        proxy
        for chain in network.plan.rollups
        if has_portal(chain)
        for proxy in _proxies(chain, network)
    ]
    if not proxies:
        return ()
    factory = from_hex(network.contracts["create3Factory"])
    names = list(dict.fromkeys(proxy.name for proxy in proxies))
    implementations = {name: create3_address(factory, _implementation_salt(name)) for name in names}
    places = [*implementations.values()]
    places += [address_of(network.contracts, proxy.name, proxy.chain_id) for proxy in proxies]
    codes = await l1.batch([("eth_getCode", ("0x" + at.hex(), "latest")) for at in places])
    for code in codes:
        if isinstance(code, RpcError):
            raise code
    found = [
        _creation(_implementation_salt(name), creation_code(name), _IMPLEMENTATION_GAS)
        for name, code in zip(names, codes, strict=False)
        if code == "0x"
    ]
    for proxy, code in zip(proxies, codes[len(names) :], strict=True):
        if code == "0x":
            arguments = word(implementations[proxy.name]) + word(64) + tail(proxy.call)
            created = creation_code("ERC1967Proxy") + arguments
            found.append(_creation(salt_of(proxy.name, proxy.chain_id), created, _PROXY_GAS))
    return found


def _proxies(chain: ChainPlan, network: Network) -> Iterator[_Proxy]:
    chain_id = chain.chain_id
    owner = from_hex(network.contracts["governanceExecutor"])

    def at(name: str) -> bytes:
        return address_of(network.contracts, name, chain_id)

    oracle = at(ORACLE) if settles(chain) else bytes(20)
    token = chain.gas_token
    coin = token_address(token, network.contracts) if token else bytes(20)
    call = encode_call("initialize(address,uint256,address,address)", owner, chain_id, oracle, coin)
    yield _Proxy(PORTAL, chain_id, call)
    if settles(chain):
        for name, below in ((L1_MESSENGER, PORTAL), (L1_BRIDGE, L1_MESSENGER)):
            call = encode_call("initialize(address,address)", owner, at(below))
            yield _Proxy(name, chain_id, call)
        for name, knows in _KNOWS.get(chain.built_as or "", {}).items():
            types = ",".join(["address"] * (1 + len(knows)))
            call = encode_call(f"initialize({types})", owner, *map(at, knows))
            yield _Proxy(name, chain_id, call)


def _implementation_salt(name: str) -> bytes:
    if name == PORTAL:
        return portal_implementation_salt()
    return salt_of(name, implementation=True)


def _creation(salt: bytes, code: bytes, gas: int) -> Creation:
    return Creation(encode_call("deploy(bytes32,bytes)", salt, code), gas)


def creation_code(name: str) -> bytes:
    """The code that creates the contract called `name`, without arguments of its constructor."""
    artifact = json.loads((artifacts_dir() / f"{name}.json").read_bytes())
    return from_hex(artifact["bytecode"])
