"""What op-node is told of a rollup and of its L1, and where a rollup begins.

Derived from the genesis of its node, so that both agree on forks, fees and time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from control_plane.adapters.op_stack.contracts import batch_inbox
from control_plane.adapters.op_stack.deployment import (
    BASE_FEE_SCALAR,
    BLOB_BASE_FEE_SCALAR,
    GAS_LIMIT,
)
from control_plane.domain.hashing import keccak256
from control_plane.domain.ids import Hex
from control_plane.domain.native_services import posts_commitments
from control_plane.domain.plan import ChainPlan

FORKS: Final = (
    *("regolith", "canyon", "ecotone", "fjord", "granite", "holocene", "isthmus", "jovian"),
)
_L1_BLOCKS: Final = (
    *("homestead", "eip150", "eip155", "eip158", "byzantium", "constantinople", "petersburg"),
    *("istanbul", "berlin", "london", "mergeNetsplit"),
)
_L1_TIMES: Final = ("shanghaiTime", "cancunTime", "pragueTime", "terminalTotalDifficulty")
_BLOBS: Final[Mapping[str, Mapping[str, int]]] = {
    "cancun": {"target": 3, "max": 6, "baseFeeUpdateFraction": 3338477},
    "prague": {"target": 6, "max": 9, "baseFeeUpdateFraction": 5007716},
}
"""EIP-4844 and EIP-7691."""
_ZERO_ADDRESS: Final = "0x" + "00" * 20
_ZERO_WORD: Final = "0x" + "00" * 32
_SEQUENCER_DRIFT: Final = 600
_SEQUENCING_WINDOW: Final = 3600
"""L1 blocks within which a rollup block's batch must stand on L1."""
_CHANNEL_TIMEOUT: Final = 300
_ALT_DA: Final[Mapping[str, str | int]] = {
    "da_commitment_type": "GenericCommitment",
    "da_challenge_window": 300,
    "da_resolve_window": 300,
}
"""The service's own commitments, which no contract challenges; windows in L1 blocks."""


@dataclass(frozen=True, slots=True)
class BlockId:
    """A block of L1 or of the rollup."""

    number: int
    hash: Hex


def rollup_config(
    chain: ChainPlan,
    l1: ChainPlan,
    genesis: Mapping[str, Any],
    start: tuple[BlockId, BlockId],
    at: Mapping[str, Hex],
    batcher: Hex,
) -> dict[str, Any]:
    """``rollup.json``. `genesis`: the node's genesis file; `start`: the L1 block that the rollup
    begins after and the rollup's block 0; `at`: its L1 contracts by key."""
    fork_config = genesis["config"]
    scalar = f"0x01{'00' * 23}{BLOB_BASE_FEE_SCALAR:08x}{BASE_FEE_SCALAR:08x}"
    times = {f"{f}_time": fork_config[f"{f}Time"] for f in FORKS if f"{f}Time" in fork_config}
    return {
        "genesis": {
            "l1": {"hash": start[0].hash, "number": start[0].number},
            "l2": {"hash": start[1].hash, "number": start[1].number},
            "l2_time": int(genesis["timestamp"], 16),
            "system_config": {
                "batcherAddr": batcher,
                "overhead": _ZERO_WORD,
                "scalar": scalar,
                "gasLimit": GAS_LIMIT,
                "eip1559Params": "0x" + "00" * 8,
                "operatorFeeParams": _ZERO_WORD,
                "minBaseFee": 0,
                "daFootprintGasScalar": 0,
            },
        },
        "block_time": int(chain.block_time),
        "max_sequencer_drift": _SEQUENCER_DRIFT,
        "seq_window_size": _SEQUENCING_WINDOW,
        "channel_timeout": _CHANNEL_TIMEOUT,
        "l1_chain_id": l1.chain_id,
        "l2_chain_id": chain.chain_id,
        **times,
        "delta_time": 0,
        "batch_inbox_address": batch_inbox(chain.chain_id),
        "deposit_contract_address": at["optimismPortal"],
        "l1_system_config_address": at["systemConfig"],
        "protocol_versions_address": _ZERO_ADDRESS,
        "chain_op_config": fork_config["optimism"],
        **({"alt_da": _ALT_DA} if posts_commitments(chain) else {}),
    }


def l1_config(l1: ChainPlan) -> dict[str, Any]:
    """The L1's chain configuration, as go-ethereum reads it: Prague from its first block on."""
    forks = {f"{name}Block": 0 for name in _L1_BLOCKS}
    return {
        "chainId": l1.chain_id,
        **forks,
        **dict.fromkeys(_L1_TIMES, 0),
        "blobSchedule": _BLOBS,
    }


def output_root(block: Mapping[str, Any]) -> bytes:
    """What a proposer claims of a block (JSON-RPC form, Isthmus or later): version 0, state root,
    storage root of the message passer, hash (OP Stack specs, withdrawals)."""
    parts = (block[name] for name in ("stateRoot", "withdrawalsRoot", "hash"))
    return keccak256(bytes(32) + b"".join(bytes.fromhex(part[2:]) for part in parts))
