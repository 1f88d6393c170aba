"""The contracts for Hyperlane's agents: made by real transactions on devnets that have validators.

They are no part of the baked genesis, so that other devnets start without them.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from control_plane.adapters.evm.portals import Creation
from control_plane.domain.calls import Call, encode_call, execute_batch, selector, word
from control_plane.domain.hexes import from_hex
from control_plane.domain.hyperlane import CREATED, Site, salt, set_arguments
from control_plane.domain.ids import Hex
from control_plane.domain.network import Keys, Network
from control_plane.domain.ports.node import Rpc
from control_plane.domain.rpc import RpcError
from control_plane.resources import artifacts_dir

_GAS: Final = 3_000_000
_SETTINGS_GAS: Final = 300_000
_PRICE_GAS: Final = 80_000
EVEN_RATE: Final = 10**10
"""The gas paymaster's scale of exchange rates."""
PREPAID_PRICE: Final = 10**9
"""Wei a unit of gas on every destination, where messages are prepaid."""
_CONFIG: Final = "destinationGasConfigs(uint32)"
_MODULE_GAS: Final = 1_500_000
"""A module's code is its validators: 6,400 gas each, and the check that none is there twice."""


async def missing_contracts(
    rpc: Rpc, network: Network, keys: Keys
) -> Sequence[tuple[Hex, Creation]]:
    """Calls, each with its target, that bring what a chain lacks, in order."""
    validators = [from_hex(account.address) for account in keys.validators]
    site = Site.of(network.contracts["create3Factory"], validators)
    created = (site.implementation, site.factory, site.announce, site.recipient, site.hook)
    places = (*created, site.module)
    codes = await rpc.batch([("eth_getCode", ("0x" + at.hex(), "latest")) for at in places])
    for code in codes:
        if isinstance(code, RpcError):
            raise code
    lacking = {at for at, code in zip(places, codes, strict=True) if code == "0x"}
    wanted = zip(created, _creations(site, network), strict=True)
    found = [creation for at, creation in wanted if at in lacking]
    if site.module in lacking:
        data = selector("deploy(address[],uint8)") + set_arguments(validators)
        found.append((Hex("0x" + site.factory.hex()), Creation(data, _MODULE_GAS)))
    return [*found, *await _settings(rpc, network, site)]


async def _settings(rpc: Rpc, network: Network, site: Site) -> Sequence[tuple[Hex, Creation]]:
    """What the governor is still to do: make the hook the mailbox's default, and name a price for
    every chain, because Hyperlane's readers know no default price."""
    contracts, domains = network.contracts, [chain.domain for chain in network.plan.chains]
    mailbox, paymaster = contracts["mailbox"], contracts["interchainGasPaymaster"]
    asked = [(mailbox, selector("defaultHook()"))]
    asked += [(paymaster, encode_call(_CONFIG, domain)) for domain in domains]
    hook, *configs = await rpc.batch(
        [("eth_call", ({"to": to, "data": "0x" + data.hex()}, "latest")) for to, data in asked]
    )
    for answer in (hook, *configs):
        if isinstance(answer, RpcError):
            raise answer
    calls = []
    if from_hex(hook)[12:] != site.hook:
        calls.append(Call(from_hex(mailbox), encode_call("setDefaultHook(address)", site.hook)))
    fresh = [d for d, found in zip(domains, configs, strict=True) if not any(from_hex(found)[:32])]
    if fresh:
        price = PREPAID_PRICE if network.plan.metalayer.fees == "prepaid" else 0
        calls.append(Call(from_hex(paymaster), _prices(fresh, price)))
    if not calls:
        return ()
    gas = _SETTINGS_GAS + _PRICE_GAS * len(fresh)
    return [(contracts["governanceExecutor"], Creation(execute_batch(calls), gas))]


def _prices(domains: Sequence[int], price: int) -> bytes:
    """Call of ``InterchainGasPaymaster.setGasPrices``: `price` wei a unit of gas everywhere."""
    entries = b"".join(word(domain) + word(EVEN_RATE) + word(price) for domain in domains)
    head = selector("setGasPrices((uint32,(uint128,uint128))[])") + word(32)
    return head + word(len(domains)) + entries


def _creations(site: Site, network: Network) -> Iterator[tuple[Hex, Creation]]:
    """Of everything that the Create3Factory makes, in order."""
    factory = network.contracts["create3Factory"]
    contracts = {key: from_hex(address) for key, address in network.contracts.items()}
    arguments: dict[str, tuple[bytes, ...]] = {
        "MessageIdMultisigIsmFactory": (site.implementation,),
        "ValidatorAnnounce": (contracts["mailbox"],),
        "GuardedTestRecipient": (site.module,),
        "AggregationHook": (contracts["merkleTreeHook"], contracts["interchainGasPaymaster"]),
    }
    for name in CREATED:
        artifact = json.loads((artifacts_dir() / f"{name}.json").read_bytes())
        code = from_hex(artifact["bytecode"])
        code += b"".join(word(argument) for argument in arguments.get(name, ()))
        yield factory, Creation(encode_call("deploy(bytes32,bytes)", salt(name), code), _GAS)
