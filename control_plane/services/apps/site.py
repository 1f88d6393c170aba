"""An app on a devnet's rollups: what references stand for on each, and who deploys."""

from collections.abc import Collection, Mapping, Sequence

from control_plane.domain.apps.manifest import App, salt_of
from control_plane.domain.apps.record import AppRecord
from control_plane.domain.apps.references import Scene, Where
from control_plane.domain.errors import InvalidInput, Problem
from control_plane.domain.ids import Hex
from control_plane.domain.network import Chain, Network
from control_plane.domain.op_stack import create3_address
from control_plane.domain.ports.node import Account
from control_plane.services.status import absent
from control_plane.services.unknown import not_found

FACTORY = "create3Factory"


def chosen_rollups(network: Network, names: Sequence[str]) -> list[Chain]:
    """The rollups that are named, all by default. NotFound."""
    rollups = network.chains[1:]
    known = [chain.name for chain in rollups]
    for name in names:
        if name not in known:
            raise not_found("rollup", name, known)
    return [chain for chain in rollups if not names or chain.name in names]


def sending_account(listed: Sequence[Account], number: int) -> Account:
    """The listed account with that number. InvalidInput."""
    if number < len(listed):
        return listed[number]
    detail = f"the devnet has {len(listed)} listed accounts, from 0 to {len(listed) - 1}"
    raise InvalidInput(
        f"There is no account {number}",
        detail,
        "`caldera accounts` lists them.",
        (Problem("sender", detail),),
    )


def app_addresses(network: Network, app: str, contracts: Collection[str]) -> dict[str, Hex]:
    """Where the contracts of an app are, on every rollup."""
    factory = bytes.fromhex(network.contracts[FACTORY][2:])
    return {
        name: Hex("0x" + create3_address(factory, salt_of(app, name)).hex()) for name in contracts
    }


def make_scenes(
    network: Network, app: App, record: AppRecord | None, chosen: Sequence[Chain], owner: Hex
) -> list[Scene]:
    """What references stand for on each of the `chosen` rollups. The app's rollups are those and
    all on which something of it is recorded."""
    addresses = app_addresses(network, app.name, [one.name for one in app.contracts])
    names: set[str] = {chain.name for chain in chosen}
    names |= {name for name, acts in (record.rollups if record else {}).items() if acts}
    everywhere = [_where(chain) for chain in network.chains[1:] if chain.name in names]
    return [
        Scene(
            owner=owner,
            contracts=addresses,
            devnet=_contracts_on(network, chain),
            rollup=_where(chain),
            peers=tuple(other for other in everywhere if other.name != chain.name),
        )
        for chain in chosen
    ]


def _contracts_on(network: Network, chain: Chain) -> Mapping[str, str]:
    missing = absent(chain.plan)
    return {key: at.lower() for key, at in network.contracts.items() if key not in missing}


def _where(chain: Chain) -> Where:
    return Where(chain.name, chain.plan.chain_id, chain.domain)
