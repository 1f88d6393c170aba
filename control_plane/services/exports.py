"""A devnet written down for other programs: addresses, ABIs, wagmi chains, Foundry endpoints, a
Hyperlane registry."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from control_plane.domain.errors import NotAvailableYet, NotFound
from control_plane.domain.op_stack import L1_BLOCK
from control_plane.domain.settlement.predeploys import GAS_PRICE_ORACLE
from control_plane.domain.settlement.withdrawals import L2_BRIDGE, L2_MESSENGER, MESSAGE_PASSER
from control_plane.domain.suggest import hint
from control_plane.schemas.devnet import DevnetStatus, L1Status, RollupStatus
from control_plane.schemas.export import ExportFile, ExportView
from control_plane.schemas.using import ContractView

_LATER: Final = ("compose",)
REGISTRY: Final = "hyperlane-registry"
_VIEM: Final = {
    "gasPriceOracle": GAS_PRICE_ORACLE,
    "l1Block": "0x" + L1_BLOCK.hex(),
    "l2ToL1MessagePasser": "0x" + MESSAGE_PASSER.hex(),
    "l2CrossDomainMessenger": "0x" + L2_MESSENGER.hex(),
    "l2StandardBridge": "0x" + L2_BRIDGE.hex(),
}
"""The OP Stack's predeploys by the names that viem gives them."""
_VIEM_ON_L1: Final = {
    "portal": "optimismPortal",
    "l2OutputOracle": "l2OutputOracle",
    "disputeGameFactory": "disputeGameFactory",
    "l1StandardBridge": "l1StandardBridge",
}
"""A rollup's contracts on the L1: viem's names, and ours."""


def export(
    kind: str, status: DevnetStatus, contracts: Sequence[ContractView], api_url: str
) -> ExportView:
    """The files of one kind. `contracts` come with their ABIs, `api_url` is this API's.

    Raises NotFound for a kind that does not exist, NotAvailableYet for one that is to come,
    Conflict for one that the devnet has not what it takes for.
    """
    if kind == REGISTRY:
        from control_plane.services.hyperlane_registry import registry

        return ExportView(kind=kind, files=tuple(registry(status, api_url)))
    if kind in _LATER:
        raise NotAvailableYet(
            f"Can't export {kind} yet", "that part is not there", f"There is: {', '.join(KINDS)}."
        )
    make = _MAKERS.get(kind)
    if make is None:
        raise NotFound(f"No export called {kind!r}", "", hint(kind, KINDS, "exports"))
    return ExportView(kind=kind, files=tuple(make(status, contracts)))


def _addresses(status: DevnetStatus, contracts: Sequence[ContractView]) -> list[ExportFile]:
    chains = {
        chain.name: {
            "chain_id": chain.chain_id,
            "domain": chain.domain,
            "rpc_url": chain.rpc_url,
            "contracts": {
                contract.key: contract.address
                for contract in contracts
                if chain.name in contract.chains
            },
            **_on_l1(chain),
        }
        for chain in _chains(status)
    }
    return [ExportFile(name="addresses.json", content=_json({"devnet": status.name, **chains}))]


def _on_l1(chain: L1Status | RollupStatus) -> dict[str, dict[str, str]]:
    """What a rollup has on the L1, where it has something."""
    found = dict(chain.l1_contracts) if isinstance(chain, RollupStatus) else {}
    return {"l1_contracts": found} if found else {}


def _abi(_: DevnetStatus, contracts: Sequence[ContractView]) -> list[ExportFile]:
    return [
        ExportFile(name=f"{contract.name}.json", content=_json(contract.abi))
        for contract in contracts
        if contract.abi is not None
    ]


def _wagmi(status: DevnetStatus, contracts: Sequence[ContractView]) -> list[ExportFile]:
    """TypeScript for viem and wagmi; needs viem's `defineChain` and nothing else."""
    parts = ["import { defineChain } from 'viem'\n"]
    names = []
    for chain in _chains(status):
        names.append(_camel(f"{status.name}-{chain.name}"))
        parts.append(
            f"export const {names[-1]} = defineChain({_json(_viem_chain(status, chain))})\n"
        )
    parts.append(f"export const chains = [{', '.join(names)}] as const\n")
    addresses = {contract.key: contract.address for contract in contracts}
    parts.append(f"export const addresses = {_json(addresses)} as const\n")
    parts += [
        f"export const {contract.key}Abi = {_json(contract.abi)} as const\n"
        for contract in contracts
        if contract.abi is not None
    ]
    return [ExportFile(name="caldera.ts", content="\n".join(parts))]


def _viem_chain(status: DevnetStatus, chain: L1Status | RollupStatus) -> dict[str, Any]:
    multicall = chain.contracts.get("multicall3")
    contracts: dict[str, Any] = {"multicall3": {"address": multicall}} if multicall else {}
    coin = "ETH"
    if isinstance(chain, RollupStatus):
        contracts |= _viem_op_stack(chain, str(status.l1.chain_id))
        coin = chain.gas_token or coin
    name = "Ether" if coin == "ETH" else coin
    return {
        "id": chain.chain_id,
        "name": f"{status.name} {chain.name}",
        "nativeCurrency": {"name": name, "symbol": coin, "decimals": 18},
        "rpcUrls": {"default": {"http": [chain.rpc_url], "webSocket": [chain.ws_url]}},
        "testnet": True,
        **({"contracts": contracts} if contracts else {}),
        **({"sourceId": status.l1.chain_id} if isinstance(chain, RollupStatus) else {}),
    }


def _viem_op_stack(rollup: RollupStatus, l1_id: str) -> dict[str, Any]:
    """What viem's op-stack actions look for in a chain: those of the rollup's contracts that it
    has, by viem's names; those on the L1 by its chain id."""
    has = rollup.l1_contracts
    if "optimismPortal" not in has:
        return {}
    bridged = ("l2CrossDomainMessenger", "l2StandardBridge")
    missing = () if "l1StandardBridge" in has else bridged
    there = {name: {"address": at} for name, at in _VIEM.items() if name not in missing}
    on_l1 = {
        name: {l1_id: {"address": has[key]}} for name, key in _VIEM_ON_L1.items() if key in has
    }
    return there | on_l1


def _foundry(status: DevnetStatus, _: Sequence[ContractView]) -> list[ExportFile]:
    """A `[rpc_endpoints]` table for foundry.toml. A JSON string is a TOML basic string."""
    lines = ["[rpc_endpoints]"]
    lines += [f"{_json(chain.name)} = {_json(chain.rpc_url)}" for chain in _chains(status)]
    return [ExportFile(name="foundry.toml", content="\n".join(lines) + "\n")]


_MAKERS: Final[dict[str, Callable[[DevnetStatus, Sequence[ContractView]], list[ExportFile]]]] = {
    "addresses": _addresses,
    "abi": _abi,
    "wagmi": _wagmi,
    "foundry": _foundry,
}
KINDS: Final = (*_MAKERS, REGISTRY)


def _chains(status: DevnetStatus) -> tuple[L1Status | RollupStatus, ...]:
    return (status.l1, *status.rollups)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2)


def _camel(name: str) -> str:
    first, *rest = name.split("-")
    return first + "".join(part.capitalize() for part in rest)
