"""Deposits: from the L1 into a rollup's block."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from control_plane.domain.calls import Call, encode_call
from control_plane.domain.errors import Conflict, InvalidInput, Problem
from control_plane.domain.hashing import keccak256
from control_plane.domain.op_stack import DEPOSITED_TOPIC, Deposit, deposit_of_log
from control_plane.domain.ports.node import Account
from control_plane.domain.settlement import settles
from control_plane.domain.settlement.deposits import bare
from control_plane.domain.settlement.places import L1_BRIDGE, PORTAL
from control_plane.domain.settlement.withdrawals import L2_MESSENGER, TOKEN_FACTORY
from control_plane.schemas.bridge import BridgeStep, DepositStateName, DepositView
from control_plane.services.bridge.ends import Ends, Purse, ask
from control_plane.services.bridge.events import Moved, bridged_by
from control_plane.services.bridge.tokens import Token, balance_of, whole_units
from control_plane.services.receipts import find_receipt

_ARRIVAL_GAS: Final = 200_000
"""For what arriving does on the rollup."""
_DEPOSIT_GAS: Final = 500_000
_APPROVE_GAS: Final = 100_000
_CREATE_GAS: Final = 2_500_000
_PLAIN_GAS: Final = 100_000
_FAILED: Final = "0x" + keccak256(b"FailedRelayedMessage(bytes32)").hex()


@dataclass(frozen=True, slots=True)
class Sending:
    """A transfer as it was asked for, checked."""

    token: Token
    amount: int
    account: Account
    to: bytes


async def send_deposit(ends: Ends, purse: Purse, sending: Sending) -> str:
    """Hash of the deposit's transaction on the L1, once it is in a block. Failed, InvalidInput."""
    who = bytes.fromhex(sending.account.address[2:])
    token = sending.token
    if not settles(ends.rollup.plan) and not token.is_coin:
        raise InvalidInput(
            f"{ends.rollup.name} takes coins only",
            "it has a portal and no bridge for tokens",
            "Leave --token out.",
            (Problem("token", "ETH only"),),
        )
    await _must_have(ends, token, sending.amount, who)
    if token.creation is not None:
        create = Call(TOKEN_FACTORY, token.creation)
        await purse.send(ends.rollup, sending.account, create, _CREATE_GAS, "token's creation")
    if token.l1 is not None:
        await _approve(ends, purse, sending, token.l1)
    call = _deposit_call(ends, sending)
    receipt = await purse.send(ends.base, sending.account, call, _DEPOSIT_GAS, "deposit")
    return str(receipt["transactionHash"])


async def deposit_view(ends: Ends, receipt: Mapping[str, Any]) -> DepositView | None:
    """How a deposit stands, from its receipt on the L1; None when it is none into this rollup."""
    found = _deposit_in(ends, receipt)
    if found is None:
        return None
    tx, l2_receipt = await _on_rollup(ends, found)
    moved = bridged_by(receipt["logs"], ends.at(L1_BRIDGE), on_l1=True) or Moved(
        found.sender, found.to or bytes(20), found.mint
    )
    state, reason = _state(l2_receipt, ends)
    return DepositView(
        id=receipt["transactionHash"],
        rollup=ends.rollup.name,
        **await moved.shown(ends),
        state=state,
        reason=reason,
        rollup_tx=tx,
        steps=(
            await _step("sent", ends, receipt, on_l1=True),
            await _step("credited", ends, l2_receipt, on_l1=False, done=state == "credited"),
        ),
    )


async def _must_have(ends: Ends, token: Token, amount: int, who: bytes) -> None:
    held = await balance_of(ends, ends.l1, token.l1, who)
    if held < amount:
        raise Conflict(
            f"0x{who.hex()} has too little {token.symbol} on {ends.base.name}",
            f"{whole_units(held, token.decimals)}, not {whole_units(amount, token.decimals)}",
            f"Everybody may mint it: `mint(address,uint256)` of {token.shown}."
            if token.is_free
            else "`caldera faucet` gives ETH, and ERA on the L1.",
        )


async def _approve(ends: Ends, purse: Purse, sending: Sending, token: bytes) -> None:
    """The right to take it, for the portal or the bridge."""
    taker = ends.at(PORTAL if sending.token.is_coin else L1_BRIDGE)
    who = bytes.fromhex(sending.account.address[2:])
    allowed = await ask(ends.l1, token, encode_call("allowance(address,address)", who, taker))
    if int.from_bytes(allowed) < sending.amount:
        data = encode_call("approve(address,uint256)", taker, sending.amount)
        await purse.send(ends.base, sending.account, Call(token, data), _APPROVE_GAS, "approval")


def _deposit_call(ends: Ends, sending: Sending) -> Call:
    token, amount, to = sending.token, sending.amount, sending.to
    if token.is_coin and token.l1 is not None:
        data = encode_call(
            "depositERC20Transaction(address,uint256,uint256,uint64,bool,bytes)",
            *(to, amount, amount * token.scale, _PLAIN_GAS, 0, b""),
        )
        return Call(ends.at(PORTAL), data)
    if token.l1 is not None:
        data = encode_call(
            "depositERC20To(address,address,address,uint256,uint32,bytes)",
            *(token.l1, token.l2, to, amount, _ARRIVAL_GAS, b""),
        )
        return Call(ends.at(L1_BRIDGE), data)
    if settles(ends.rollup.plan):
        data = encode_call("depositETHTo(address,uint32,bytes)", to, _ARRIVAL_GAS, b"")
        return Call(ends.at(L1_BRIDGE), data, amount)
    data = encode_call(
        "depositTransaction(address,uint256,uint64,bool,bytes)", to, amount, _PLAIN_GAS, 0, b""
    )
    return Call(ends.at(PORTAL), data, amount)


def _deposit_in(ends: Ends, receipt: Mapping[str, Any]) -> Deposit | None:
    portal, topic = "0x" + ends.at(PORTAL).hex(), "0x" + DEPOSITED_TOPIC.hex()
    for log in receipt["logs"]:
        if log["address"].lower() == portal and log["topics"][0] == topic:
            return deposit_of_log(log)
    return None


async def _on_rollup(ends: Ends, deposit: Deposit) -> tuple[str, Mapping[str, Any] | None]:
    """Hash and receipt of its transaction there, or of what is left of one that was refused."""
    tx, rest = ("0x" + keccak256(one.encode()).hex() for one in (deposit, bare(deposit)))
    receipt = await find_receipt(ends.l2, tx)
    if receipt is None and settles(ends.rollup.plan):
        left = await find_receipt(ends.l2, rest)
        if left is not None:
            return rest, left
    return tx, receipt


def _state(receipt: Mapping[str, Any] | None, ends: Ends) -> tuple[DepositStateName, str | None]:
    if receipt is None:
        return "sent", f"waits for {ends.rollup.name} to take it into a block"
    if int(receipt["status"], 16) != 1:
        return "failed", (
            f"its transaction on {ends.rollup.name} was reverted; what it minted is its sender's"
        )
    for log in receipt["logs"]:
        if log["address"].lower() == "0x" + L2_MESSENGER.hex() and log["topics"][0] == _FAILED:
            return "failed", (
                "the receiver did not take it; the rollup's messenger keeps it, and"
                " `relayMessage` tries it again"
            )
    return "credited", None


async def _step(
    name: str,
    ends: Ends,
    receipt: Mapping[str, Any] | None,
    *,
    on_l1: bool,
    done: bool = True,
) -> BridgeStep:
    chain = ends.base if on_l1 else ends.rollup
    if receipt is None:
        return BridgeStep(name=name, done=False, chain=chain.name)
    return BridgeStep(
        name=name,
        done=done,
        at=await time_of(ends, receipt["blockNumber"], on_l1=on_l1),
        chain=chain.name,
        block=int(receipt["blockNumber"], 16),
        tx=receipt["transactionHash"],
    )


async def time_of(ends: Ends, block: str, *, on_l1: bool) -> datetime | None:
    """Time of a block, by its number in hex; None where the node has it no more."""
    rpc = ends.l1 if on_l1 else ends.l2
    header = await rpc.call("eth_getBlockByNumber", block, False)
    return None if header is None else datetime.fromtimestamp(int(header["timestamp"], 16), UTC)
