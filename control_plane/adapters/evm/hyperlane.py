"""The contracts for Hyperlane's agents: made by real transactions on devnets that have validators.

They are no part of the baked genesis, so that other devnets start without them.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from control_plane.adapters.evm.portals import Creation
from control_plane.domain.calls import encode_call, selector, word
from control_plane.domain.hyperlane import CREATED, Site, salt, set_arguments
from control_plane.domain.ids import Hex
from control_plane.domain.network import Keys, Network
from control_plane.domain.ports.node import Rpc
from control_plane.domain.rpc import RpcError
from control_plane.resources import artifacts_dir

_GAS: Final = 3_000_000
_MODULE_GAS: Final = 1_500_000
"""A module's code is its validators: 6,400 gas each, and the check that none is there twice."""


async def missing_contracts(
    rpc: Rpc, network: Network, keys: Keys
) -> Sequence[tuple[Hex, Creation]]:
    """Calls, each with its target, that bring what a chain lacks, in order."""
    validators = [_bytes(account.address) for account in keys.validators]
    site = Site.of(network.contracts["create3Factory"], validators)
    places = (site.implementation, site.factory, site.announce, site.recipient, site.module)
    codes = await rpc.batch([("eth_getCode", ("0x" + at.hex(), "latest")) for at in places])
    for code in codes:
        if isinstance(code, RpcError):
            raise code
    lacking = {at for at, code in zip(places, codes, strict=True) if code == "0x"}
    wanted = zip(places[:-1], _creations(site, network), strict=True)
    found = [creation for at, creation in wanted if at in lacking]
    if site.module in lacking:
        data = selector("deploy(address[],uint8)") + set_arguments(validators)
        found.append((Hex("0x" + site.factory.hex()), Creation(data, _MODULE_GAS)))
    return found


def _creations(site: Site, network: Network) -> Iterator[tuple[Hex, Creation]]:
    """Of everything that the Create3Factory makes, in order."""
    factory = network.contracts["create3Factory"]
    arguments = {
        "MessageIdMultisigIsmFactory": site.implementation,
        "ValidatorAnnounce": _bytes(network.contracts["mailbox"]),
        "GuardedTestRecipient": site.module,
    }
    for name in CREATED:
        artifact = json.loads((artifacts_dir() / f"{name}.json").read_bytes())
        code = _bytes(artifact["bytecode"])
        if name in arguments:
            code += word(arguments[name])
        yield factory, Creation(encode_call("deploy(bytes32,bytes)", salt(name), code), _GAS)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
