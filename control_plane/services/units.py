"""Amounts as users write them."""

from typing import Final

WEI: Final = 10**18


def whole(wei: int) -> str:
    """Wei as a decimal number of whole coins, without needless zeros: ``10.5``."""
    coins, rest = divmod(wei, WEI)
    return f"{coins}.{rest:018d}".rstrip("0").rstrip(".")
