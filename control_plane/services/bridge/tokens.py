"""What is bridged: coins, or a token and what stands for it on the rollup; and how much."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Final

from control_plane.domain.calls import encode_call, selector, tail, word
from control_plane.domain.errors import InvalidInput, Problem
from control_plane.domain.hexes import from_hex
from control_plane.domain.plan import GasToken
from control_plane.domain.ports.node import Rpc
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement.gas_tokens import ERA, ETH, is_made, token_address
from control_plane.domain.settlement.withdrawals import L2_BRIDGE, TOKEN_FACTORY
from control_plane.services.bridge.ends import Ends, ask, ask_all

_CREATE: Final = "createOptimismMintableERC20WithDecimals(address,string,string,uint8)"
_WHERE: Final = "tokenAddress(address,string,string,uint8)"
COIN_DECIMALS: Final = 18
"""On every rollup, whatever its coin is on the L1."""
_SHOWN: Final = 32
"""Characters of a symbol: anybody may have made the token."""
_EXACT: Final = Context(prec=400)
"""Digits: more than 2^256 and 255 decimals have, so that nothing is rounded."""


@dataclass(frozen=True, slots=True)
class Token:
    """Coins, or an ERC-20 of the L1."""

    symbol: str
    decimals: int
    """On the L1."""
    l1: bytes | None = None
    """Its address; None for ETH."""
    l2: bytes = b""
    """Of the token that stands for it on the rollup; empty where it is the rollup's coin."""
    creation: bytes | None = None
    """Call of the rollup's factory that makes that token, where it is missing."""
    scale: int = 1
    """Smallest units on the rollup for one on the L1."""
    is_free: bool = False
    """Everybody may mint it."""

    @property
    def is_coin(self) -> bool:
        """Whether the rollup's gas is paid with it."""
        return not self.l2

    @property
    def shown(self) -> str:
        return ETH if self.l1 is None else "0x" + self.l1.hex()


COIN: Final = Token(ETH, COIN_DECIMALS)
"""Of rollups whose coin is the L1's."""


def coin_of(ends: Ends) -> Token:
    """The rollup's coin."""
    token = ends.rollup.plan.gas_token
    if token is None:
        return COIN
    at = token_address(token, ends.network.contracts)
    return Token(token.symbol, token.decimals, at, scale=token.scale, is_free=is_made(token))


async def find_token(ends: Ends, text: str | None) -> Token:
    """`text` is ETH, ERA, another coin's symbol, a token's address on the L1 or of what stands for
    one on the rollup; None is the rollup's coin. InvalidInput.
    """
    coin = coin_of(ends)
    if text is None or text.upper() in {coin.symbol, coin.shown.upper()}:
        return coin
    if text.upper() == ETH:
        raise _no_ether(ends, coin)
    known = _known(ends)
    named = known.get(text.upper())
    try:
        address = named or from_hex(text)
    except ValueError:
        address = b""
    if len(address) != 20:
        raise _unknown(text, f"it is no address, and none of {', '.join([ETH, *known])}")
    if address == coin.l1:
        return coin
    if not await _has_code(ends.l1, address):
        standing = await _stands_for(ends.l2, address)
        if standing is None:
            raise _unknown(text, "there is no such token on the L1")
        name, symbol, decimals = await _describe(ends.l1, standing)
        return Token(symbol, decimals, standing, address)
    name, symbol, decimals = await _describe(ends.l1, address)
    arguments = _arguments(address, name, symbol, decimals)
    l2 = (await ask(ends.l2, TOKEN_FACTORY, selector(_WHERE) + arguments))[12:]
    creation = None if await _has_code(ends.l2, l2) else selector(_CREATE) + arguments
    return Token(symbol, decimals, address, l2, creation)


async def balance_of(ends: Ends, rpc: Rpc, token: bytes | None, who: bytes) -> int:  # noqa: ARG001
    """Units of `token`, or wei."""
    if token is None:
        return int(await rpc.call("eth_getBalance", "0x" + who.hex(), "latest"), 16)
    return int.from_bytes(await ask(rpc, token, encode_call("balanceOf(address)", who)))


def units(amount: str, token: Token) -> int:
    """The smallest units of `amount` whole ones. InvalidInput for less than one of them."""
    exact = Decimal(amount).scaleb(token.decimals, _EXACT)
    if exact != exact.to_integral_value():
        raise InvalidInput(
            f"{token.symbol} can't be divided so far",
            f"{amount} has more than {token.decimals} decimals",
            "Round it.",
            (Problem("amount", f"at most {token.decimals} decimals"),),
        )
    if not 0 < exact < 2**256:
        raise InvalidInput(
            "Nothing is bridged", f"{amount} {token.symbol}", "", (Problem("amount", "above 0"),)
        )
    return int(exact)


def whole_units(amount: int, decimals: int) -> str:
    """`amount` smallest units in whole ones, without needless zeros."""
    text = f"{Decimal(amount).scaleb(-decimals, _EXACT):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


async def shown_as(l1: Rpc, token: bytes) -> tuple[str, int]:
    """Symbol and decimals of a token of the L1; its address and 0 where it does not tell them."""
    try:
        _, symbol, decimals = await _describe(l1, token)
    except InvalidInput:
        return "0x" + token.hex(), 0
    text = "".join(each for each in symbol if each.isprintable())[:_SHOWN]
    return text or "0x" + token.hex(), decimals


def _known(ends: Ends) -> Mapping[str, bytes]:
    """Tokens of the L1 that can be named by their symbols: ERA and the coins of other rollups."""
    plan, contracts = ends.network.plan, ends.network.contracts
    tokens: list[GasToken] = [each.gas_token for each in plan.rollups if each.gas_token]
    found = {token.symbol: token_address(token, contracts) for token in tokens}
    return {ERA: from_hex(contracts["era"])} | found


async def _describe(l1: Rpc, token: bytes) -> tuple[bytes, str, int]:
    """Name (as it stands), symbol, decimals. InvalidInput for what is no token."""
    calls = [(token, selector(f"{name}()")) for name in ("name", "symbol", "decimals")]
    try:
        name, symbol, decimals = await ask_all(l1, calls)
        return _text(name), _text(symbol).decode(errors="replace"), int.from_bytes(decimals)
    except (RpcError, ValueError) as error:
        why = "the contract tells no name, symbol and decimals"
        raise _unknown("0x" + token.hex(), why) from error


async def _stands_for(l2: Rpc, token: bytes) -> bytes | None:
    """The L1's token of one that the rollup's bridge mints."""
    calls = [(token, selector(f"{name}()")) for name in ("remoteToken", "bridge")]
    try:
        remote, bridge = await ask_all(l2, calls)
    except RpcError:
        return None
    return remote[12:] if bridge[12:] == L2_BRIDGE and len(remote) == 32 else None


async def _has_code(rpc: Rpc, address: bytes) -> bool:
    return str(await rpc.call("eth_getCode", "0x" + address.hex(), "latest")) != "0x"


def _arguments(token: bytes, name: bytes, symbol: str, decimals: int) -> bytes:
    first = tail(name)
    head = word(token) + word(4 * 32) + word(4 * 32 + len(first)) + word(decimals)
    return head + first + tail(symbol.encode())


def _text(answer: bytes) -> bytes:
    """An ABI-encoded string. ValueError."""
    offset = int.from_bytes(answer[:32])
    length = int.from_bytes(answer[offset : offset + 32])
    text = answer[offset + 32 : offset + 32 + length]
    if len(answer) < 64 or len(text) != length:
        raise ValueError("no string")
    return text


def _unknown(text: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"{text} can't be bridged",
        why,
        "Name ETH, ERA, or an ERC-20's address on the L1.",
        (Problem("token", why),),
    )


def _no_ether(ends: Ends, coin: Token) -> InvalidInput:
    name = ends.rollup.name
    return InvalidInput(
        f"ETH can't be bridged to or from {name}",
        f"coins of {name} are {coin.symbol}: its portal and messengers refuse ether",
        f"Leave the token out for {coin.symbol}, or name an ERC-20.",
        (Problem("token", f"coins of {name} are {coin.symbol}"),),
    )
