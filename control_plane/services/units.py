"""Amounts as users write them."""

from typing import Final

WEI: Final = 10**18


def whole(wei: int, decimals: int = 18) -> str:
    """Wei as a decimal number of whole coins, without needless zeros: ``10.5``; or the smallest
    units of a token of other `decimals`."""
    coins, rest = divmod(wei, 10**decimals)
    return f"{coins}.{rest:0{decimals}d}".rstrip("0").rstrip(".")
