"""What each engine can do beyond what all of them must: the table of docs/concepts/engines.md."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Final


@dataclass(frozen=True)
class Capabilities:
    """What differs between engines; everything else is the same on all of them."""

    unlocked: bool
    """`eth_accounts` and `eth_sendTransaction` know the listed accounts"""
    snapshots: bool
    """`evm_snapshot` and `evm_revert` roll a chain back"""
    reorgs: bool
    """`anvil_reorg` replaces blocks"""
    fractions: bool
    """block times below a second, and parts of one"""
    all_proofs: bool
    """`eth_getProof` at every block; otherwise at the last 128"""
    deposits: bool
    """blocks begin with the OP Stack's L1-attributes deposit"""
    lossless: bool
    """a killed node returns with every sealed block; otherwise with those of its last save"""


ENGINES: Final = {
    "anvil": Capabilities(
        unlocked=True,
        snapshots=True,
        reorgs=True,
        fractions=True,
        all_proofs=False,
        deposits=False,
        lossless=False,
    ),
    "op-geth": Capabilities(
        unlocked=False,
        snapshots=False,
        reorgs=False,
        fractions=False,
        all_proofs=True,
        deposits=True,
        lossless=True,
    ),
}

_TITLES: Final = {
    "unlocked": "listed accounts unlocked (`eth_accounts`, `eth_sendTransaction`)",
    "snapshots": "`evm_snapshot`, `evm_revert`",
    "reorgs": "`anvil_reorg`",
    "fractions": "block times that are no whole seconds",
    "all_proofs": "`eth_getProof` at every block (otherwise: the last 128)",
    "deposits": "L1-attributes and user deposits (type 0x7e) in its blocks",
    "lossless": "a killed node keeps every sealed block (otherwise: those of its last save)",
}


def table() -> Iterator[str]:
    """The table as Markdown, line by line."""
    yield "| beyond what all engines do | " + " | ".join(ENGINES) + " |"
    yield "|---|" + "---|" * len(ENGINES)
    for field in fields(Capabilities):
        has = ("yes" if getattr(can, field.name) else "no" for can in ENGINES.values())
        yield f"| {_TITLES[field.name]} | {' | '.join(has)} |"
