"""A devnet as environment variables for other programs."""

import json
import re
import shlex
from collections.abc import Mapping

from control_plane.schemas.devnet import DevnetStatus, L1Status, RollupStatus
from control_plane.schemas.export import EnvFormat
from control_plane.schemas.using import AccountsView

_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def variables(status: DevnetStatus, accounts: AccountsView) -> dict[str, str]:
    """Endpoints and ids of every chain (``GAME_RPC_URL``), contract addresses
    (``MAILBOX_ADDRESS``, a rollup's on the L1 as ``GAME_OPTIMISM_PORTAL_ADDRESS``), listed
    accounts, and their keys as far as `accounts` holds them."""
    found = {"CALDERA_DEVNET": status.name, "CALDERA_L1_RPC_URL": status.l1.rpc_url}
    chains: tuple[L1Status | RollupStatus, ...] = (status.l1, *status.rollups)
    for chain in chains:
        found |= _of_chain(chain)
    for key, address in status.l1.contracts.items():
        found[f"{upper_snake(key)}_ADDRESS"] = address
    if accounts.mnemonic is not None:
        found["MNEMONIC"] = accounts.mnemonic
    for index, account in enumerate(accounts.accounts):
        found[f"ACCOUNT_{index}_ADDRESS"] = account.address
        if account.private_key is not None:
            found[f"ACCOUNT_{index}_PRIVATE_KEY"] = account.private_key
    return found


def _of_chain(chain: L1Status | RollupStatus) -> dict[str, str]:
    prefix = upper_snake(chain.name)
    return {
        f"{prefix}_RPC_URL": chain.rpc_url,
        f"{prefix}_WS_URL": chain.ws_url,
        f"{prefix}_CHAIN_ID": str(chain.chain_id),
        f"{prefix}_DOMAIN": str(chain.domain),
        **{f"{prefix}_{upper_snake(key)}_ADDRESS": at for key, at in _on_l1(chain).items()},
    }


def _on_l1(chain: L1Status | RollupStatus) -> Mapping[str, str]:
    """What a rollup has on the L1."""
    return chain.l1_contracts if isinstance(chain, RollupStatus) else {}


def upper_snake(name: str) -> str:
    """``merkleTreeHook`` and ``merkle-tree-hook`` as ``MERKLE_TREE_HOOK``."""
    return _HUMPS.sub("_", name).replace("-", "_").upper()


def render(values: Mapping[str, str], format: EnvFormat) -> str:
    """The variables as text: `sh` for ``eval``, `dotenv` for ``.env`` files, or JSON. Values
    are quoted so that nothing in them is ever executed or expanded."""
    if format == "json":
        return json.dumps(dict(values), indent=2) + "\n"
    if format == "sh":
        return "".join(f"export {key}={shlex.quote(value)}\n" for key, value in values.items())
    return "".join(f"{key}={_dotenv_quoted(value)}\n" for key, value in values.items())


def _dotenv_quoted(value: str) -> str:
    """Single quotes are literal in every reader of dotenv files; a value that holds one (or a
    line break) gets double quotes, in which readers know backslash escapes."""
    if "'" not in value and "\n" not in value and "\\" not in value:
        return f"'{value}'"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    escaped = escaped.replace("`", "\\`").replace("\n", "\\n")
    return f'"{escaped}"'
