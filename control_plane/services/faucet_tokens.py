"""What the faucet gives: each chain's coin, and tokens on the L1."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from control_plane.domain.calls import encode_call
from control_plane.domain.errors import InvalidInput, Problem
from control_plane.domain.ids import Hex
from control_plane.domain.network import Network
from control_plane.domain.settlement.gas_tokens import ERA, ETH, is_made, token_address

_MOST: Final = Decimal(100_000)
"""Whole units for one request."""
_DECIMALS: Final = 18


@dataclass(frozen=True, slots=True)
class Given:
    """A coin, or a token of the L1."""

    symbol: str
    decimals: int = _DECIMALS
    address: Hex | None = None
    """None for coins."""
    function: str = "transfer(address,uint256)"

    def call(self, to: bytes, units: int) -> bytes:
        """Calldata that gives a token."""
        return encode_call(self.function, to, units)

    def units(self, amount: str) -> int:
        """Smallest units of so many whole ones. InvalidInput for too many, or for parts of one."""
        whole = Decimal(amount)
        found = whole.scaleb(self.decimals)
        if not 0 < whole <= _MOST or found != int(found):
            why = f"is not between 0 and {_MOST}"
            if 0 < whole <= _MOST:
                why = f"has more than {self.decimals} decimals"
            raise InvalidInput(
                "The faucet does not give that amount",
                f"{amount} {self.symbol} {why}",
                "Ask for less, or several times.",
                (Problem("amount", f"more than 0 and at most {_MOST}"),),
            )
        return int(found)


def given(symbol: str, network: Network) -> Given:
    """What is called so. InvalidInput for what the faucet has not."""
    wanted = symbol.upper()
    if wanted == ETH:
        return Given(ETH)
    if wanted == ERA:
        return Given(ERA, address=network.contracts["era"])
    known = [ETH, ERA]
    for chain in network.plan.rollups:
        token = chain.gas_token
        if token is None or not is_made(token):
            continue
        known.append(token.symbol)
        if token.symbol == wanted:
            at = Hex("0x" + token_address(token, network.contracts).hex())
            return Given(wanted, token.decimals, at, "mint(address,uint256)")
    names = ", ".join(dict.fromkeys(known))
    raise InvalidInput(
        f"The faucet has no {symbol}",
        "it gives ETH, which is each chain's coin, and tokens on the L1",
        f"Ask for one of {names}.",
        (Problem("token", f"{symbol!r} is not known", names),),
    )
