"""Files that other tools read, made from a devnet's status and contracts. Pure."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]


def files_of(kind: str, status: Json, contracts: Sequence[Json]) -> dict[str, str]:
    """Texts by file name for `addresses`, `abi`, `wagmi` or `foundry`."""
    makers: dict[str, Callable[[Json, Sequence[Json]], dict[str, str]]] = {
        "addresses": _addresses,
        "abi": _abi,
        "wagmi": _wagmi,
        "foundry": _foundry,
    }
    return makers[kind](status, contracts)


def checksummed(address: str) -> str:
    """An address in mixed case (EIP-55)."""
    import sha3

    digits = address.lower().removeprefix("0x")
    digest = sha3.keccak_256(digits.encode()).hexdigest()
    cased = (d.upper() if int(h, 16) >= 8 else d for d, h in zip(digits, digest, strict=False))
    return "0x" + "".join(cased)


def _addresses(status: Json, contracts: Sequence[Json]) -> dict[str, str]:
    chains = {
        chain["name"]: {
            "chainId": chain["chain_id"],
            "domain": chain["domain"],
            "rpcUrl": chain["rpc_url"],
            "contracts": {
                c["key"]: checksummed(c["address"])
                for c in contracts
                if chain["name"] in c["chains"]
            },
        }
        for chain in _chains(status)
    }
    return {"addresses.json": _json(chains)}


def _abi(_status: Json, contracts: Sequence[Json]) -> dict[str, str]:
    return {f"{c['name']}.json": _json(c["abi"]) for c in contracts if c.get("abi")}


def _wagmi(status: Json, contracts: Sequence[Json]) -> dict[str, str]:
    parts = ["// Made by `caldera export wagmi`.", "import { defineChain } from 'viem'", ""]
    for chain in _chains(status):
        parts.append(_viem_chain(chain))
    ids = {chain["name"]: chain["chain_id"] for chain in _chains(status)}
    for contract in contracts:
        if not contract.get("abi"):
            continue
        key = contract["key"]
        parts.append(f"export const {key}Abi = {_json(contract['abi']).rstrip()} as const\n")
        where = {
            str(ids[name]): checksummed(contract["address"])
            for name in contract["chains"]
            if name in ids
        }
        parts.append(f"export const {key}Address = {_json(where).rstrip()} as const\n")
    return {"caldera.ts": "\n".join(parts)}


def _viem_chain(chain: Json) -> str:
    return (
        f"export const {_identifier(chain['name'])} = defineChain({{\n"
        f"  id: {chain['chain_id']},\n"
        f"  name: {json.dumps(chain['name'])},\n"
        "  nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },\n"
        f"  rpcUrls: {{ default: {{ http: [{json.dumps(chain['rpc_url'])}],"
        f" webSocket: [{json.dumps(chain['ws_url'])}] }} }},\n"
        "  testnet: true,\n"
        "})\n"
    )


def _foundry(status: Json, contracts: Sequence[Json]) -> dict[str, str]:
    lines = ["# Made by `caldera export foundry`: add this to foundry.toml.", "[rpc_endpoints]"]
    lines += [f'{chain["name"]} = "{chain["rpc_url"]}"' for chain in _chains(status)]
    return {"foundry.rpc.toml": "\n".join(lines) + "\n", "Caldera.sol": _library(status, contracts)}


def _library(status: Json, contracts: Sequence[Json]) -> str:
    lines = [
        "// SPDX-License-Identifier: MIT",
        "// Made by `caldera export foundry`.",
        "pragma solidity ^0.8.20;",
        "",
        f"/// @notice Addresses and domains of the devnet {status['name']}.",
        "library Caldera {",
    ]
    for chain in _chains(status):
        constant = _constant(chain["name"])
        lines.append(f"    uint256 internal constant {constant}_CHAIN_ID = {chain['chain_id']};")
        lines.append(f"    uint32 internal constant {constant}_DOMAIN = {chain['domain']};")
    for contract in contracts:
        name, address = _constant(contract["key"]), checksummed(contract["address"])
        lines.append(f"    address internal constant {name} = {address};")
    return "\n".join([*lines, "}"]) + "\n"


def _chains(status: Json) -> list[Json]:
    return [status["l1"], *status["rollups"]]


def _json(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"


def _identifier(name: str) -> str:
    """A chain's name as a JavaScript identifier: ``my-shop`` is ``myShop``."""
    first, *rest = name.split("-")
    return first + "".join(part.capitalize() for part in rest)


def _constant(name: str) -> str:
    """``merkleTreeHook`` and ``my-shop`` as ``MERKLE_TREE_HOOK`` and ``MY_SHOP``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").upper()
