"""Trying messages out before they are sent, and reading what became of them.

A simulation (`eth_simulateV1`) runs the certificates and then each message in a batch of its own,
one after the other on the same state: one call tells for all of them what gas they use and why
they fail.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from control_plane.domain.abi_formats import (
    PROCESS_GROUPS,
    BatchItem,
    process_batch_calldata,
)
from control_plane.domain.errors import PermanentFailure
from control_plane.domain.hashing import keccak256
from control_plane.domain.hexes import hex_word
from control_plane.domain.ports.metalayer import DecodeError
from control_plane.domain.records import MessageRecord
from control_plane.domain.rpc import UNKNOWN_METHOD, RpcError
from control_plane.services.metalayer.blocks import Caller
from control_plane.services.metalayer.gas import (
    BATCH_GAS,
    CERTIFICATE_GAS,
    RouterCall,
    handle_calldata,
    intrinsic_gas,
    router_call,
)
from control_plane.services.metalayer.logs import Log, Place

_PROCESS_ID: Final = "0x" + keccak256(b"ProcessId(bytes32)").hex()
_FAILED: Final = "0x" + keccak256(b"MessageFailed(bytes32,bytes)").hex()
NOT_FINAL: Final = "0x" + keccak256(b"NotFinal(bytes32)")[:4].hex()
"""Begins what a module reverts with that wants a final block."""
_RECIPIENT_REVERTED: Final = "0x" + keccak256(b"RecipientReverted(bytes)")[:4].hex()
_EPOCH_CERTIFIED: Final = "0x" + keccak256(b"EpochCertified(uint64,bytes32,bytes32)").hex()
_AGGREGATE_ROOTS: Final = keccak256(b"aggregateRoots(uint64)")[:4]
_RECIPIENT_ISM: Final = keccak256(b"recipientIsm(address)")[:4]
_RECIPIENT_AT: Final = 45
"""Where a message names its recipient."""
_SIMULATED_BLOCK_GAS: Final = 10**10


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a batch's logs say, by message id."""

    processed: frozenset[str]
    failed: Mapping[str, str]
    """Revert data, 0x-hex."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How one simulated message went."""

    used: int
    """Gas of the message, without what any transaction costs."""
    revert: str | None
    """Revert data, 0x-hex; None when it was processed or had been before."""
    module: str = ""
    """What guards its recipient, 0x-hex; empty when that could not be learnt."""
    before: bool = False
    """It had been processed before."""


def read_outcome(logs: Iterable[Log], contracts: Mapping[str, str]) -> Outcome:
    """From the logs of a batch's receipt or simulation."""
    mailbox, batch = contracts["mailbox"], contracts["batchProcessor"]
    processed, failed = set(), {}
    for log in logs:
        topics, address = log["topics"], log["address"].lower()
        if address == mailbox and topics[0] == _PROCESS_ID:
            processed.add(topics[1])
        elif address == batch and topics[0] == _FAILED:
            data = log["data"]
            failed[topics[1]] = "0x" + data[130 : 130 + 2 * int(data[66:130], 16)]
    return Outcome(frozenset(processed), failed)


async def simulate(
    rpc: Caller,
    sender: str,
    contracts: Mapping[str, str],
    certificates: Sequence[bytes],
    items: Sequence[BatchItem],
) -> list[Trial]:
    """Try `items` on the destination's latest state, `certificates` submitted before.

    Raises PermanentFailure with the revert data in `detail` when a certificate is refused;
    TemporaryFailure, RpcError.
    """
    to = contracts["batchProcessor"]
    calls = [_call(sender, to, process_batch_calldata(certificates, []), CERTIFICATE_GAS * 4)]
    calls += [
        _call(sender, to, process_batch_calldata([], [item]), 2 * item.gas_limit) for item in items
    ]
    mailbox = contracts["mailbox"]
    calls += [_call(sender, mailbox, _RECIPIENT_ISM + _recipient(i), 100_000) for i in items]
    block = {"blockOverrides": {"gasLimit": hex(_SIMULATED_BLOCK_GAS)}, "calls": calls}
    try:
        answer = await rpc.call("eth_simulateV1", {"blockStateCalls": [block]}, "latest")
    except RpcError as error:
        if error.code not in UNKNOWN_METHOD:
            raise
        from control_plane.services.metalayer.untried import untried

        return await untried(rpc, mailbox, items)
    first, *rest = answer[0]["calls"]
    if certificates and first["status"] != "0x1":
        raise PermanentFailure("A certificate is refused", first["returnData"])
    tried, modules = rest[: len(items)], rest[len(items) :]
    return [
        replace(_trial(result, call, contracts), module=_address_in(module))
        for result, call, module in zip(tried, calls[1:], modules, strict=False)
    ]


def _trial(
    result: Mapping[str, Any], call: Mapping[str, str], contracts: Mapping[str, str]
) -> Trial:
    data = bytes.fromhex(call["data"][2:])
    used = max(int(result["gasUsed"], 16) - intrinsic_gas(data), 0)
    if result["status"] != "0x1":
        return Trial(used, result["returnData"])
    outcome = read_outcome(result["logs"], contracts)
    revert = next(iter(outcome.failed.values()), None)
    return Trial(used, revert, before=revert is None and not outcome.processed)


def _recipient(item: BatchItem) -> bytes:
    """A word."""
    return item.message[_RECIPIENT_AT : _RECIPIENT_AT + 32]


def _address_in(result: Mapping[str, Any]) -> str:
    """The address that a call returned, 0x-hex; empty if it returned none."""
    data = str(result["returnData"])
    return "0x" + data[26:66] if result["status"] == "0x1" and len(data) == 66 else ""


def _call(sender: str, to: str, data: bytes, gas: int) -> dict[str, str]:
    return {"from": sender, "to": to, "data": "0x" + data.hex(), "gas": hex(gas + BATCH_GAS * 10)}


async def explain(
    rpc: Caller,
    decode: DecodeError,
    message: MessageRecord,
    trial: Trial,
    given: int,
    contracts: Mapping[str, str],
) -> str:
    """Why `message` failed with `given` gas, in a sentence that names recipient and amounts.

    Decoding runs in a thread: its first call reads all ABIs.
    """
    revert = trial.revert or "0x"
    call = router_call(message, contracts["metalayerRouter"])
    inner = _recipient_revert(revert) if call else None
    if call is None or inner is None:
        if revert != "0x":
            return await asyncio.to_thread(decode, revert)
        if trial.used > given * 9 // 10:
            return f"recipient {_address(message.recipient)} ran out of gas, with {given} given"
        return f"recipient {_address(message.recipient)} reverted without a reason"
    who = f"recipient {_address(call.recipient)}"
    if inner != "0x":
        return f"{who} reverted: {await asyncio.to_thread(decode, inner)}"
    needed = await _gas_of_handle(rpc, message.origin, call, contracts["metalayerRouter"])
    if needed is None:
        return f"{who} reverted without a reason"
    return f"{who} ran out of gas: it needs about {needed}, the sender's limit is {call.gas_limit}"


async def _gas_of_handle(rpc: Caller, origin: int, call: RouterCall, router: str) -> int | None:
    """Gas that the router's recipient needs; None if it reverts however much it gets."""
    data = handle_calldata(origin, call)
    request = {"from": router, "to": _address(call.recipient), "data": "0x" + data.hex()}
    try:
        estimate = await rpc.call("eth_estimateGas", request, "latest")
    except RpcError:
        return None
    return max(int(estimate, 16) - intrinsic_gas(data), 0)


def _address(word: str) -> str:
    return "0x" + word[-40:]


def _recipient_revert(revert: str) -> str | None:
    """What the router's recipient reverted with; None if the revert is not of that kind."""
    if not revert.startswith(_RECIPIENT_REVERTED) or len(revert) < 138:
        return None
    length = int(revert[74:138], 16)
    return "0x" + revert[138 : 138 + 2 * length]


async def find_deliveries(rpc: Caller, mailbox: str, ids: Sequence[str]) -> dict[str, Place]:
    """Where those of `ids` that are delivered were processed, read from the chain's logs."""
    if not ids:
        return {}
    logs = await rpc.call(
        "eth_getLogs",
        {"address": mailbox, "topics": [_PROCESS_ID, list(ids)], "fromBlock": "0x0"},
        timeout=30.0,
    )
    return {
        log["topics"][1]: Place(
            int(log["blockNumber"], 16), log["blockHash"], log["transactionHash"]
        )
        for log in logs
    }


@dataclass(frozen=True, slots=True)
class Standing:
    """What a destination knows, and how much fits into its blocks."""

    epochs: Mapping[int, tuple[str, float] | None]
    """Of the epochs asked for, those whose certificate it has: the transaction that brought it
    and when, where its log is still there."""
    gas_limit: int
    groups: bool
    """Whether its batch processor takes messages that share a proof; those of devnets that were
    made before that was there do not."""


async def read_standing(
    rpc: Caller, contracts: Mapping[str, str], epochs: Sequence[int]
) -> Standing:
    """Read it from the latest block. Raises TemporaryFailure, RpcError."""
    verifier = contracts["rootVerifier"]
    topics = [_EPOCH_CERTIFIED, [hex_word(epoch) for epoch in epochs]]
    calls: list[tuple[str, Sequence[Any]]] = [
        ("eth_getBlockByNumber", ("latest", False)),
        ("eth_getLogs", ({"address": verifier, "topics": topics, "fromBlock": "0x0"},)),
        ("eth_getCode", (contracts["batchProcessor"], "latest")),
    ]
    for epoch in epochs:
        data = "0x" + (_AGGREGATE_ROOTS + epoch.to_bytes(32)).hex()
        calls.append(("eth_call", ({"to": verifier, "data": data}, "latest")))
    block, logs, code, *roots = await rpc.batch(calls)
    for answer in (block, logs, code):
        if isinstance(answer, RpcError):
            raise answer
    now = block["timestamp"]
    brought = {
        int(log["topics"][1], 16): (
            str(log["transactionHash"]),
            float(int(log.get("blockTimestamp") or now, 16)),
        )
        for log in (logs if epochs else ())
    }
    known = {e: brought.get(e) for e, root in zip(epochs, roots, strict=True) if _is_set(root)}
    return Standing(known, int(block["gasLimit"], 16), groups=PROCESS_GROUPS.hex() in code)


def _is_set(root: object) -> bool:
    return isinstance(root, str) and int(root, 16) != 0
