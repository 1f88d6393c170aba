"""Rollups whose coin is an ERC-20 of the L1: which token, and how its units become wei.

A rollup counts its coin in wei, 10^18 to the whole, whatever the token has: one unit of a token of
6 decimals is 10^12 wei. So the amount that comes in is never rounded, and only whole units leave.
"""

from collections.abc import Mapping
from typing import Final

from control_plane.domain.errors import InvalidInput
from control_plane.domain.hashing import keccak256
from control_plane.domain.hexes import from_hex
from control_plane.domain.op_stack import create3_address
from control_plane.domain.plan import GasToken

__all__ = [
    "ERA",
    "ETH",
    "ETHER",
    "MOST_DECIMALS",
    "PRESETS",
    "TEXT_BYTES",
    "GasToken",
    "coin_symbol",
    "is_made",
    "l1_block_words",
    "must_be",
    "token_address",
    "token_salt",
]

ETH: Final = "ETH"
"""Of rollups whose coin is the L1's."""
ERA: Final = "ERA"
MOST_DECIMALS: Final = 18
"""As many as a rollup's coin has."""
TEXT_BYTES: Final = 32
"""Most bytes of a name or symbol: `L1Block` keeps each in one slot."""
ETHER: Final = bytes.fromhex("ee" * 20)
"""Stands for the L1's coin in what `gasPayingToken()` answers."""


PRESETS: Final[Mapping[str, GasToken]] = {
    ERA: GasToken(ERA, "Caldera", 18),
    "USDC": GasToken("USDC", "USD Coin", 6),
}
"""What a spec may name without describing it, by symbol."""


def is_made(token: GasToken) -> bool:
    """Whether it is a test token that the devnet makes, which everybody may mint."""
    return token.address is None and token.symbol != ERA


def token_salt(symbol: str) -> bytes:
    """With which the L1's Create3Factory makes a test token."""
    return keccak256(f"caldera.v1.Token.{symbol}".encode())


def token_address(token: GasToken, contracts: Mapping[str, str]) -> bytes:
    """Where it is on the L1, known before it is made; `contracts` by JSON key."""
    if token.address is not None:
        return from_hex(token.address)
    if token.symbol == ERA:
        return from_hex(contracts["era"])
    return create3_address(from_hex(contracts["create3Factory"]), token_salt(token.symbol))


def l1_block_words(token: GasToken, contracts: Mapping[str, str]) -> Mapping[int, int]:
    """What ``L1Block`` on a rollup knows of its coin, from genesis on: words by slot."""
    at = int.from_bytes(token_address(token, contracts))
    return {
        _slot("opstack.gaspayingtoken"): token.decimals << 160 | at,
        _slot("opstack.gaspayingtokenname"): _short(token.name),
        _slot("opstack.gaspayingtokensymbol"): _short(token.symbol),
    }


def must_be(token: GasToken, at: bytes, rollup: str, answer: object) -> None:
    """InvalidInput unless `answer` to ``decimals()`` at `at` is what `token` should say; one that
    is still to be made says nothing."""
    title = f"{token.symbol} can't be the coin of {rollup}"
    if not isinstance(answer, str) or len(from_hex(answer)) != 32:
        if is_made(token):
            return
        raise InvalidInput(
            title,
            f"0x{at.hex()} is no token of the L1: it has no `decimals()`",
            "Make the token first, then add the rollup; or leave `address` out to have one made.",
        )
    decimals = int(answer, 16)
    if decimals != token.decimals:
        raise InvalidInput(
            title,
            f"the token at 0x{at.hex()} has {decimals} decimals, the spec says {token.decimals}",
            f"Write `decimals: {decimals}`.",
        )


def coin_symbol(token: GasToken | None) -> str:
    """What a rollup's coin is called; None is the L1's own coin."""
    return ETH if token is None else token.symbol


def _slot(name: str) -> int:
    """The OP Stack's own (OP Stack specifications, "Custom Gas Token")."""
    return int.from_bytes(keccak256(name.encode())) - 1


def _short(text: str) -> int:
    return int.from_bytes(text.encode()[:TEXT_BYTES].ljust(TEXT_BYTES, b"\0"))
