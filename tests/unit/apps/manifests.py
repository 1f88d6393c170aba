"""A manifest of two contracts and two calls, and its artifacts."""

from typing import Any

from control_plane.schemas.app import Artifact

_LINKS = {
    "name": "links",
    "type": "tuple[]",
    "components": [
        {"name": "gateway", "type": "address"},
        {"name": "counterpart", "type": "bytes"},
    ],
}


def _function(name: str, *types: str, **more: str) -> dict[str, Any]:
    return {
        "type": "function",
        "name": name,
        "inputs": [{"name": f"a{at}", "type": kind} for at, kind in enumerate(types)],
        **more,
    }


TOKEN = {
    "abi": [
        {
            "type": "constructor",
            "inputs": [{"name": "name_", "type": "string"}, {"name": "owner_", "type": "address"}],
        },
        _function("approve", "address", "uint256"),
        _function("link", "uint32", "bytes32"),
        _function("link", "uint32", "bytes32", "bool"),
        _function("total", stateMutability="view"),
        {"type": "error", "name": "NotToday", "inputs": [{"name": "day", "type": "uint256"}]},
        {"type": "event", "name": "Ignored", "inputs": [], "anonymous": False},
    ],
    "bytecode": "0x600a",
}
BANK = {"abi": [{"type": "constructor", "inputs": [_LINKS]}], "bytecode": "0x600b"}
ARTIFACTS = {
    "token.json": Artifact.model_validate(TOKEN),
    "bank.json": Artifact.model_validate(BANK),
}


def manifest(**changes: Any) -> dict[str, Any]:
    """The manifest, with other fields if they are given."""
    return {
        "version": 1,
        "name": "shop",
        "contracts": [
            {"name": "token", "artifact": "token.json", "args": ["Coin", "$owner"]},
            {
                "name": "bank",
                "artifact": "bank.json",
                "args": [
                    {
                        "each": "rollup",
                        "value": ["$devnet.mailbox", "$peer.interoperable.bank"],
                    }
                ],
            },
        ],
        "calls": [
            {"contract": "token", "function": "approve", "args": ["$contracts.bank", 5]},
            {
                "contract": "token",
                "function": "link",
                "args": ["$peer.domain", "$contracts.token"],
                "each": "rollup",
            },
        ],
        **changes,
    }
