"""Withdrawals: from a rollup's block, by an output and a proof, to the L1."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from control_plane.domain.calls import Call, encode_call
from control_plane.domain.errors import Conflict, Failed, InvalidInput, Problem
from control_plane.domain.hashing import keccak256
from control_plane.domain.ports.node import Account
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement import inbox_address
from control_plane.domain.settlement.inbox import decode_rollup, rollup_call
from control_plane.domain.settlement.outputs import (
    Output,
    decode_number,
    decode_output,
    next_index_call,
    output_call,
)
from control_plane.domain.settlement.places import ORACLE, PORTAL
from control_plane.domain.settlement.withdrawals import (
    L2_BRIDGE,
    MESSAGE_PASSER,
    Withdrawal,
    withdrawal_of_log,
)
from control_plane.schemas.bridge import BridgeStep, WithdrawalStateName, WithdrawalView
from control_plane.services.bridge.deposits import Sending, time_of
from control_plane.services.bridge.ends import SOON, Ends, Purse, ask, ask_all
from control_plane.services.bridge.events import bridged_by, moved_by
from control_plane.services.bridge.tokens import (
    COIN_DECIMALS,
    balance_of,
    coin_of,
    whole_units,
)

_ARRIVAL_GAS: Final = 200_000
"""For what arriving does on the L1."""
_WITHDRAW_GAS: Final = 500_000
_PROVE_GAS: Final = 2_000_000
_FINALIZE_GAS: Final = 400_000
"""On top of what the withdrawal itself asks for."""
_FINALIZED: Final = "0x" + keccak256(b"WithdrawalFinalized(bytes32,bool)").hex()
_PROVEN: Final = "0x" + keccak256(b"WithdrawalProven(bytes32,address,address)").hex()


@dataclass(frozen=True, slots=True)
class Begun:
    """A withdrawal, as the rollup has it."""

    id: str
    receipt: Mapping[str, Any]
    """Of the transaction that began it."""
    logs: Sequence[Mapping[str, Any]]
    """Those of the transaction that are of this withdrawal: bridges log theirs before they have it
    passed on."""
    withdrawal: Withdrawal


@dataclass(frozen=True, slots=True)
class Standing:
    """What both chains say of one withdrawal."""

    begun: Begun
    posted: bool
    index: int | None
    """Of the output it is proven against, or of the first that covers it."""
    output: Output | None
    is_proven: bool
    is_final: bool
    finalized: bool
    window: int

    @property
    def withdrawal(self) -> Withdrawal:
        return self.begun.withdrawal

    @property
    def receipt(self) -> Mapping[str, Any]:
        return self.begun.receipt

    @property
    def block(self) -> int:
        return int(self.receipt["blockNumber"], 16)

    @property
    def state(self) -> WithdrawalStateName:
        """The last thing that has happened, but for a call that failed."""
        if self.finalized:
            return "finalized"
        if self.is_proven:
            return "final" if self.is_final else "proven"
        if self.output is not None:
            return "proposed"
        return "posted" if self.posted else "initiated"


async def send_withdrawal(ends: Ends, purse: Purse, sending: Sending) -> str:
    """Hash of the transaction on the rollup that begins it, once it is in a block. Conflict when
    the account has too little, or the portal; Failed."""
    who = bytes.fromhex(sending.account.address[2:])
    token, amount = sending.token, sending.amount
    wanted = amount * token.scale
    decimals = COIN_DECIMALS if token.is_coin else token.decimals
    held = await balance_of(ends, ends.l2, token.l2 or None, who)
    if held < wanted:
        raise Conflict(
            f"{sending.account.address} has too little {token.symbol} on {ends.rollup.name}",
            f"{whole_units(held, decimals)}, not {whole_units(wanted, decimals)}",
            f"`caldera bridge deposit --on {ends.rollup.name}` brings some.",
        )
    if token.is_coin:
        await _must_be_covered(ends, wanted)
        _must_be_payable(ends, sending)
    call = _withdrawal_call(sending, wanted)
    receipt = await purse.send(ends.rollup, sending.account, call, _WITHDRAW_GAS, "withdrawal")
    return str(receipt["transactionHash"])


def _withdrawal_call(sending: Sending, wanted: int) -> Call:
    """On the rollup; `wanted` is in its units."""
    token, to = sending.token, sending.to
    if token.l1 is None:
        data = encode_call("bridgeETHTo(address,uint32,bytes)", to, _ARRIVAL_GAS, b"")
        return Call(L2_BRIDGE, data, wanted)
    if token.is_coin:
        # the bridges take no coins where those are a token: the portal pays it out by itself
        data = encode_call("initiateWithdrawal(address,uint256,bytes)", to, 0, b"")
        return Call(MESSAGE_PASSER, data, wanted)
    data = encode_call(
        "bridgeERC20To(address,address,address,uint256,uint32,bytes)",
        *(token.l2, token.l1, to, wanted, _ARRIVAL_GAS, b""),
    )
    return Call(L2_BRIDGE, data)


def transaction_of(id_: str) -> str:
    """Hash of the transaction that began the withdrawal of that id."""
    return id_.partition(":")[0]


def begun_in(receipt: Mapping[str, Any]) -> list[Begun]:
    """The withdrawals of a transaction: the first goes by its hash, the next by `HASH:1`."""
    found: list[Begun] = []
    logs: list[Mapping[str, Any]] = []
    for log in receipt["logs"]:
        logs.append(log)
        passed = withdrawal_of_log(log)
        if passed is not None:
            id_ = receipt["transactionHash"] + (f":{len(found)}" if found else "")
            found.append(Begun(id_, receipt, tuple(logs), passed))
            logs.clear()
    return found


async def look(ends: Ends, begun: Begun) -> Standing:
    """How it stands on both chains."""
    found, block = begun.withdrawal, int(begun.receipt["blockNumber"], 16)
    portal, oracle = ends.at(PORTAL), ends.at(ORACLE)
    inbox, outputs, proven, finalized, window = await ask_all(
        ends.l1,
        [
            (inbox_address(ends.network.contracts), rollup_call(ends.chain_id)),
            (oracle, next_index_call()),
            (portal, encode_call("provenWithdrawals(bytes32)", found.hash)),
            (portal, encode_call("finalizedWithdrawals(bytes32)", found.hash)),
            (oracle, encode_call("FINALIZATION_PERIOD_SECONDS()")),
        ],
    )
    count = decode_number(outputs)
    root, proven_at, proven_index = proven[:32], int.from_bytes(proven[32:64]), proven[64:96]
    index: int | None = int.from_bytes(proven_index)
    output = None
    if proven_at and index is not None and index < count:
        output = await _output(ends, index)
    is_proven = output is not None and output.output_root == root
    if not is_proven:
        index, output = await _covering(ends, block, count)
    final = index is not None and await ask(
        ends.l1, oracle, encode_call("isFinal(uint256)", index), SOON
    )
    return Standing(
        begun=begun,
        posted=decode_rollup(inbox).next_block > block,
        index=index,
        output=output,
        is_proven=is_proven,
        is_final=bool(final) and decode_number(final or b"") == 1,
        finalized=decode_number(finalized) == 1,
        window=decode_number(window),
    )


async def prove(ends: Ends, purse: Purse, payer: Account, standing: Standing) -> None:
    """Prove it against its output; Failed."""
    index, output = standing.index, standing.output
    if index is None or output is None:  # pragma: no cover - callers know
        raise Failed("No output covers the withdrawal")
    nodes = await _nodes(ends, standing.withdrawal, output)
    if nodes is None:
        # the node forgets states; withdrawals stay in the trie, so a later output does as well
        index = decode_number(await ask(ends.l1, ends.at(ORACLE), next_index_call())) - 1
        output = await _output(ends, index)
        nodes = await _nodes(ends, standing.withdrawal, output)
    if nodes is None:
        raise Failed(
            "The withdrawal can't be proven yet",
            f"{ends.rollup.name} does not have the state of block {output.block_number} any more",
            "Wait for the next output: any transaction on the rollup brings one.",
        )
    parts = (
        bytes(32),
        output.state_root,
        output.message_passer_storage_root,
        output.block_hash,
    )
    call = Call(ends.at(PORTAL), standing.withdrawal.prove_call(index, parts, nodes))
    await purse.send(ends.base, payer, call, _PROVE_GAS, "proof")


async def finalize(ends: Ends, purse: Purse, payer: Account, standing: Standing) -> None:
    """Make it; Failed, Conflict when the portal holds too little."""
    await _must_be_covered(ends, standing.withdrawal.value)
    call = Call(ends.at(PORTAL), standing.withdrawal.finalize_call())
    gas = _FINALIZE_GAS + standing.withdrawal.gas_limit * 64 // 63
    await purse.send(ends.base, payer, call, gas, "finalization")


async def withdrawal_view(ends: Ends, standing: Standing) -> WithdrawalView:
    """As users are shown it."""
    it = standing.withdrawal
    moved = bridged_by(standing.begun.logs, L2_BRIDGE, on_l1=False) or moved_by(it)
    proven_log = await _portal_log(ends, _PROVEN, it) if standing.is_proven else None
    final_log = await _portal_log(ends, _FINALIZED, it) if standing.finalized else None
    failed = final_log is not None and int(final_log["data"], 16) == 0
    output = standing.output
    return WithdrawalView(
        id=standing.begun.id,
        rollup=ends.rollup.name,
        **await moved.shown(ends),
        state="failed" if failed else standing.state,
        reason=_failed(ends) if failed else waits_for(ends, standing),
        withdrawal_hash="0x" + it.hash.hex(),
        output=standing.index,
        final_at=_time(output.final_at) if output else None,
        steps=(
            BridgeStep(
                name="initiated",
                done=True,
                at=await time_of(ends, standing.receipt["blockNumber"], on_l1=False),
                chain=ends.rollup.name,
                block=standing.block,
                tx=standing.receipt["transactionHash"],
            ),
            BridgeStep(name="posted", done=standing.posted, chain=ends.base.name),
            _proposed(ends, standing),
            await _logged("proven", ends, proven_log),
            BridgeStep(
                name="final",
                done=standing.is_final,
                at=_time(output.final_at) if output else None,
                chain=ends.base.name,
            ),
            await _logged("finalized", ends, final_log, done=not failed),
        ),
    )


def waits_for(ends: Ends, standing: Standing) -> str | None:
    """What comes next, as a sentence; None at the end."""
    name, index = ends.rollup.name, standing.index
    match standing.state:
        case "initiated":
            return f"waits for {name}'s batcher to post block {standing.block}"
        case "posted":
            return f"waits for {name}'s proposer: no output covers block {standing.block} yet"
        case "proposed":
            return f"is to be proven against output {index}"
        case "proven":
            return f"waits for output {index} to be final: {standing.window} s, if undisputed"
        case "final":
            return "is to be finalized"
        case _:
            return None


def _failed(ends: Ends) -> str:
    if ends.rollup.plan.gas_token is None:
        return "its call on the L1 failed; what it carried stays in the portal"
    return "its call on the L1 failed; what it carried was paid to its target before"


def _must_be_payable(ends: Ends, sending: Sending) -> None:
    """To some nobody can pay a token, and its coins would be lost on the way."""
    token = sending.token
    if token.l1 is None or sending.to not in {bytes(20), token.l1, ends.at(PORTAL)}:
        return
    why = f"{token.symbol} can be paid neither to nobody, to the portal, nor to the token itself"
    raise InvalidInput(
        f"0x{sending.to.hex()} can't get {token.symbol}",
        why,
        "Name an account.",
        (Problem("to", why),),
    )


async def _must_be_covered(ends: Ends, wei: int) -> None:
    portal, coin = ends.at(PORTAL), coin_of(ends)
    if coin.l1 is None:
        held = int(await ends.l1.call("eth_getBalance", "0x" + portal.hex(), "latest"), 16)
    else:  # what was sent there without a deposit does not count
        held = decode_number(await ask(ends.l1, portal, encode_call("balance()"))) * coin.scale
    if held < wei:
        raise Conflict(
            f"{ends.rollup.name}'s portal holds too little {coin.symbol}",
            f"{whole_units(held, 18)}, not {whole_units(wei, 18)}: coins that accounts have from"
            " the genesis were never deposited",
            f"Deposit first: `caldera bridge deposit --on {ends.rollup.name} --amount"
            f" {whole_units(wei - held, 18)}`",
        )


async def _output(ends: Ends, index: int) -> Output:
    return decode_output(await ask(ends.l1, ends.at(ORACLE), output_call(index)))


async def _covering(ends: Ends, block: int, count: int) -> tuple[int | None, Output | None]:
    """The first output whose block is `block` or later."""
    if count == 0:
        return None, None
    call = encode_call("getL2OutputIndexAfter(uint256)", block)
    try:
        index = decode_number(await ask(ends.l1, ends.at(ORACLE), call))
    except RpcError:
        return None, None
    return index, await _output(ends, index)


async def _nodes(ends: Ends, withdrawal: Withdrawal, output: Output) -> list[bytes] | None:
    """Trie nodes that prove it in the output's state; None where the node does not have that."""
    try:
        proof = await ends.l2.call(
            "eth_getProof",
            "0x" + MESSAGE_PASSER.hex(),
            ["0x" + withdrawal.slot.hex()],
            hex(output.block_number),
        )
    except RpcError:
        return None
    if bytes.fromhex(proof["storageHash"][2:]) != output.message_passer_storage_root:
        return None
    return [bytes.fromhex(node[2:]) for node in proof["storageProof"][0]["proof"]]


async def _portal_log(ends: Ends, topic: str, it: Withdrawal) -> Mapping[str, Any] | None:
    """The last event of the portal about it."""
    asked = {
        "address": "0x" + ends.at(PORTAL).hex(),
        "fromBlock": "0x0",
        "topics": [topic, "0x" + it.hash.hex()],
    }
    found = await ends.l1.call("eth_getLogs", asked)
    return found[-1] if found else None


def _proposed(ends: Ends, standing: Standing) -> BridgeStep:
    output = standing.output
    if output is None:
        return BridgeStep(name="proposed", done=False, chain=ends.base.name)
    detail = f"output {standing.index}, of block {output.block_number}"
    return BridgeStep(
        name="proposed",
        done=True,
        at=_time(output.proposed_at),
        chain=ends.base.name,
        detail=detail,
    )


async def _logged(
    name: str, ends: Ends, log: Mapping[str, Any] | None, *, done: bool = True
) -> BridgeStep:
    if log is None:
        return BridgeStep(name=name, done=False, chain=ends.base.name)
    return BridgeStep(
        name=name,
        done=done,
        at=await time_of(ends, log["blockNumber"], on_l1=True),
        chain=ends.base.name,
        block=int(log["blockNumber"], 16),
        tx=log["transactionHash"],
    )


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
