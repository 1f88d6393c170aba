"""A devnet in the layout of Hyperlane's registry, which its CLI, SDK and agents read.

``chains/NAME/metadata.yaml`` and ``addresses.yaml`` of each chain, and the environment in which
they find the validators' checkpoints.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from control_plane.domain.errors import Conflict
from control_plane.schemas.devnet import DevnetStatus, L1Status, RollupStatus
from control_plane.schemas.export import ExportFile

ADDRESSES: Final = {
    # Hyperlane's name: ours
    "interchainGasPaymaster": "interchainGasPaymaster",
    "interchainSecurityModule": "messageIdMultisigIsm",
    "mailbox": "mailbox",
    "merkleTreeHook": "merkleTreeHook",
    "staticMessageIdMultisigIsmFactory": "messageIdMultisigIsmFactory",
    "testRecipient": "guardedTestRecipient",
    "validatorAnnounce": "validatorAnnounce",
}
ENVIRONMENT: Final = "hyperlane.env"
_LEAST_BLOCK_TIME: Final = 1
"""Seconds, for readers who want to know how often to look."""

_Chain = L1Status | RollupStatus


def registry(status: DevnetStatus, api_url: str) -> Iterator[ExportFile]:
    """The files. `api_url` is where this daemon's REST API answers.

    Raises Conflict for a devnet without validators, whose messages no stock agent could prove.
    """
    if "validatorAnnounce" not in status.l1.contracts:
        raise Conflict(
            f"{status.name} has no validators",
            "Hyperlane's CLI and relayer want checkpoints that validators sign",
            "Start a devnet with some: caldera up --set metalayer.validators=3",
        )
    chains: tuple[_Chain, ...] = (status.l1, *status.rollups)
    names = registry_names([chain.name for chain in chains])
    for chain in chains:
        directory = f"chains/{names[chain.name]}"
        metadata = _metadata(status, chain, names[chain.name])
        yield _yaml(f"{directory}/metadata.yaml", metadata)
        yield _yaml(f"{directory}/addresses.yaml", _addresses(chain))
    content = f"AWS_ENDPOINT_URL_S3={api_url}/v1/devnets\n"
    yield ExportFile(name=ENVIRONMENT, content=content)


def registry_names(chains: Sequence[str]) -> dict[str, str]:
    """Names that the registry takes, letters and digits alone, by our own."""
    names: dict[str, str] = {}
    for chain in chains:
        plain = name = chain.replace("-", "")
        number = 2
        while name in names.values():
            name, number = f"{plain}x{number}", number + 1
        names[chain] = name
    return names


def _metadata(status: DevnetStatus, chain: _Chain, name: str) -> dict[str, Any]:
    return {
        "blocks": {
            "confirmations": 1,
            "estimateBlockTime": max(chain.block_time, _LEAST_BLOCK_TIME),
            "reorgPeriod": 0,
        },
        "chainId": chain.chain_id,
        "displayName": f"{status.name} {chain.name}",
        "domainId": chain.domain,
        "isTestnet": True,
        "name": name,
        "nativeToken": {"decimals": 18, "name": "Ether", "symbol": "ETH"},
        "protocol": "ethereum",
        "rpcUrls": [{"http": chain.rpc_url}],
        "technicalStack": "other",
    }


def _addresses(chain: _Chain) -> dict[str, str]:
    return {theirs: str(chain.contracts[ours]) for theirs, ours in ADDRESSES.items()}


def _yaml(name: str, content: Mapping[str, Any]) -> ExportFile:
    import yaml

    return ExportFile(name=name, content=yaml.safe_dump(dict(content), sort_keys=True))
