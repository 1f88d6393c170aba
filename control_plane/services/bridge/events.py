"""What the standard bridges' events tell: who moved how much of what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypedDict

from control_plane.domain.calls import selector
from control_plane.domain.hashing import keccak256
from control_plane.domain.settlement.withdrawals import Withdrawal
from control_plane.services.bridge.ends import Ends
from control_plane.services.bridge.tokens import (
    COIN_DECIMALS,
    coin_of,
    shown_as,
    whole_units,
)

_ETH: Final = "0x" + keccak256(b"ETHBridgeInitiated(address,address,uint256,bytes)").hex()
_ERC20: Final = (
    "0x" + keccak256(b"ERC20BridgeInitiated(address,address,address,address,uint256,bytes)").hex()
)
_ARB_SYS: Final = bytes(19) + b"\x64"
_SENT: Final = "(uint256,address,address,uint256,uint256,uint256,uint256,bytes)"
_BY_ARB_SYS: Final = selector(f"receiveFromRollup({_SENT})")
_SENDER_AT, _TO_AT = 4 + 2 * 32, 4 + 3 * 32


class Shown(TypedDict):
    """Fields of a view."""

    token: str
    symbol: str
    amount: str
    sender: str
    to: str


@dataclass(frozen=True, slots=True)
class Moved:
    """Addresses have 20 bytes; `amount` is in the token's smallest units, of coins in wei of the
    rollup."""

    sender: bytes
    to: bytes
    amount: int
    token: bytes | None = None
    """On the L1; None for the rollup's coins."""

    async def shown(self, ends: Ends) -> Shown:
        """As users are told of it, in whole coins or tokens."""
        coin = coin_of(ends)
        token, symbol, decimals = coin.shown, coin.symbol, COIN_DECIMALS
        if self.token is not None:
            token = "0x" + self.token.hex()
            symbol, decimals = await shown_as(ends.l1, self.token)
        return {
            "token": token,
            "symbol": symbol,
            "amount": whole_units(self.amount, decimals),
            "sender": "0x" + self.sender.hex(),
            "to": "0x" + self.to.hex(),
        }


def bridged_by(logs: Sequence[Mapping[str, Any]], bridge: bytes, *, on_l1: bool) -> Moved | None:
    """What the first transfer by `bridge` in a transaction's logs moved."""
    for log in logs:
        if log["address"].lower() != "0x" + bridge.hex() or not log["topics"]:
            continue
        topics = [bytes.fromhex(topic[2:])[12:] for topic in log["topics"][1:]]
        body = bytes.fromhex(log["data"][2:])
        if log["topics"][0] == _ETH:
            return Moved(topics[0], topics[1], int.from_bytes(body[:32]))
        if log["topics"][0] == _ERC20:
            token = topics[0] if on_l1 else topics[1]
            return Moved(topics[2], body[12:32], int.from_bytes(body[32:64]), token)
    return None


def moved_by(it: Withdrawal) -> Moved:
    """What a withdrawal moves that no bridge made: one by Nitro's `ArbSys` tells whom it is from
    and whom it is for."""
    if it.sender != _ARB_SYS or it.data[:4] != _BY_ARB_SYS:
        return Moved(it.sender, it.target, it.value)
    sender, to = (it.data[at + 12 : at + 32] for at in (_SENDER_AT, _TO_AT))
    return Moved(sender, to, it.value)
