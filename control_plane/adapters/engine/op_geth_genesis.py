"""Genesis files of op-geth chains: every fork from block 0 on.

Fields as in the OP Stack's specification ("Execution engine", "Predeploys") and in go-ethereum's
``core.Genesis``.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from control_plane.adapters.engine.genesis import GAS_LIMIT

EIP1559_DENOMINATOR: Final = 250
EIP1559_ELASTICITY: Final = 6
MIN_BASE_FEE: Final = 0
"""Wei."""
FIRST_BASE_FEE: Final = 10**9
"""Wei; as on Anvil."""
SEQUENCER_FEE_VAULT: Final = "0x4200000000000000000000000000000000000011"
"""Receives the tips of every block."""

_BLOCKS: Final = (
    *("homestead", "eip150", "eip155", "eip158", "byzantium", "constantinople", "petersburg"),
    *("istanbul", "muirGlacier", "berlin", "london", "arrowGlacier", "grayGlacier"),
    *("mergeNetsplit", "bedrock"),
)
_TIMES: Final = (
    *("shanghai", "cancun", "prague"),
    *("regolith", "canyon", "ecotone", "fjord", "granite", "holocene", "isthmus", "jovian"),
)
_EXTRA_DATA_JOVIAN: Final = 1
"""Version of the header's extraData: EIP-1559's parameters and the least base fee."""

_SYSTEM_CONTRACTS: Final[Mapping[str, Mapping[str, str]]] = {
    # EIP-4788, beacon block roots: as deployed everywhere
    "000f3df6d732807ef1319fb7b8bb8522d0beac02": {
        "nonce": "0x1",
        "balance": "0x0",
        "code": "0x3373fffffffffffffffffffffffffffffffffffffffe14604d57602036146024575f5ffd5b5f"
        "35801560495762001fff810690815414603c575f5ffd5b62001fff01545f5260205ff35b5f5ffd5b62001fff"
        "42064281555f359062001fff015500",
    },
    # EIP-2935, historical block hashes
    "0000f90827f1c53a10cb7a02335b175320002935": {
        "nonce": "0x1",
        "balance": "0x0",
        "code": "0x3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f3560014303"
        "8111604257611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500",
    },
}


def op_geth_genesis(chain_id: int, alloc: Mapping[str, Any], timestamp: int) -> bytes:
    """The whole file; `timestamp` in Unix seconds. `alloc` holds the predeploys that op-geth
    needs: ``L1Block``, and ``L2ToL1MessagePasser`` with a slot of storage."""
    return orjson.dumps(
        {
            "config": _config(chain_id),
            "nonce": "0x0",
            "timestamp": hex(timestamp),
            "extraData": "0x" + extra_data().hex(),
            "gasLimit": hex(GAS_LIMIT),
            "difficulty": "0x0",
            "mixHash": "0x" + "0" * 64,
            "coinbase": SEQUENCER_FEE_VAULT,
            "baseFeePerGas": hex(FIRST_BASE_FEE),
            "excessBlobGas": "0x0",
            "blobGasUsed": "0x0",
            "alloc": {**_SYSTEM_CONTRACTS, **alloc},
        }
    )


def extra_data() -> bytes:
    """17 bytes: version, denominator, elasticity (4 bytes each), least base fee (8)."""
    return (
        bytes([_EXTRA_DATA_JOVIAN])
        + EIP1559_DENOMINATOR.to_bytes(4, "big")
        + EIP1559_ELASTICITY.to_bytes(4, "big")
        + MIN_BASE_FEE.to_bytes(8, "big")
    )


def _config(chain_id: int) -> dict[str, Any]:
    return {
        "chainId": chain_id,
        **{f"{name}Block": 0 for name in _BLOCKS},
        **{f"{name}Time": 0 for name in _TIMES},
        "terminalTotalDifficulty": 0,
        "optimism": {
            "eip1559Elasticity": EIP1559_ELASTICITY,
            "eip1559Denominator": EIP1559_DENOMINATOR,
            "eip1559DenominatorCanyon": EIP1559_DENOMINATOR,
        },
    }
