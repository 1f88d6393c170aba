"""Suggestions for what a user may have meant."""

import difflib
from collections.abc import Iterable
from typing import Final

_LIST_AT_MOST = 16

ALSO_CALLED: Final = {
    "arbitrum": "arbitrum-nitro",
    "avail": "celestia",
    "blob": "ethereum-blobs",
    "blobs": "ethereum-blobs",
    "calldata": "ethereum-calldata",
    "cdk": "polygon-cdk",
    "docker": "compose",
    "docker-compose": "compose",
    "eigen": "eigenda",
    "eip4844": "ethereum-blobs",
    "fault": "fraud",
    "foundry": "anvil",
    "geth": "op-geth",
    "nitro": "arbitrum-nitro",
    "op": "op-stack",
    "optimism": "op-stack",
    "optimistic": "fraud",
    "orbit": "arbitrum-nitro",
    "polygon": "polygon-cdk",
    "zk": "validity",
    "zksync": "zk-stack",
}
"""Names by which people in the field may call our choices."""


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that `word` probably stands for, None if nothing is near."""
    known = list(choices)
    lowered = word.strip().lower().replace("_", "-")
    folded = {choice.lower().replace("_", "-"): choice for choice in known}
    if lowered in folded:
        return folded[lowered]
    if ALSO_CALLED.get(lowered) in known:
        return ALSO_CALLED[lowered]
    close = difflib.get_close_matches(lowered, folded, n=1, cutoff=0.55)
    if close:
        return folded[close[0]]
    longer = [choice for choice in known if len(lowered) > 1 and choice.startswith(lowered)]
    return longer[0] if len(longer) == 1 else None


def hint(word: str, choices: Iterable[str], noun: str = "choices") -> str:
    """One sentence: the nearest choice if there is one, then all of them."""
    known = list(choices)
    if not known:
        return ""
    shown = ", ".join(known[:_LIST_AT_MOST]) + (", …" if len(known) > _LIST_AT_MOST else "")
    near = nearest(word, known)
    start = f"did you mean '{near}'? " if near else ""
    return f"{start}{noun}: {shown}"
