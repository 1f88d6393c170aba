"""What files of vectors are made of, the same on every machine, and how they are written."""

import json
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from control_plane.domain import bls
from control_plane.domain.formats import Finality, Leaf, Member, network_id
from control_plane.domain.hashing import keccak256
from control_plane.domain.ids import Domain
from control_plane.domain.merkle import MessageTree
from control_plane.domain.quorum import Roster

ERA: Final = 10**18

Json = dict[str, Any]


def fixed(label: str, size: int = 32) -> bytes:
    """Bytes that stand for a hash, an address or a seed."""
    return keccak256(f"caldera vector: {label}".encode())[:size]


def hex_text(data: bytes) -> str:
    """0x and digits."""
    return "0x" + data.hex()


def hex_texts(data: Iterable[bytes]) -> list[str]:
    """Each of them."""
    return [hex_text(one) for one in data]


NETWORK: Final = network_id(fixed("l1 genesis"), fixed("registry", 20), fixed("devnet"))


@cache
def secret_of(index: int) -> bls.SecretKey:
    """A guardian's key."""
    return bls.SecretKey(fixed(f"guardian seed {index}"))


@cache
def roster_of(size: int) -> Roster:
    """Guardians of nearly equal stake, so that who is absent matters."""
    members = [
        Member(index, fixed(f"guardian {index}", 20), 100_000 * ERA + index, secret_of(index).key)
        for index in range(size)
    ]
    return Roster(size, members)


def message_between(nonce: int, origin: int, destination: int) -> bytes:
    """A Hyperlane v3 message."""
    sender, recipient = fixed(f"sender {origin}"), fixed(f"recipient {destination}")
    head = b"\x03" + nonce.to_bytes(4) + origin.to_bytes(4) + sender
    return head + destination.to_bytes(4) + recipient + f"hello {nonce}".encode()


def leaf_of(
    domain: int, finality: Finality = Finality.INSTANT, tree: MessageTree | None = None
) -> Leaf:
    """What an epoch says of a chain; of `tree`, where its messages matter."""
    tree = tree or MessageTree()
    name = f"{domain} {finality.name}"
    return Leaf(
        domain=Domain(domain),
        block_number=1000 + domain,
        block_hash=fixed(f"block hash {name}"),
        state_root=fixed(f"state root {name}"),
        message_root=tree.root(),
        message_count=len(tree),
        finality=finality,
    )


def write_or_check(target: Path, made: Json, arguments: Sequence[str]) -> int:
    """Write a file of vectors, or with ``--check`` compare it; the exit code."""
    text = json.dumps(made, indent=1) + "\n"
    if "--check" in arguments:
        same = target.exists() and target.read_text(encoding="utf-8") == text
        if not same:
            print(f"{target.name} is out of date: run its script", file=sys.stderr)
        return 0 if same else 1
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return 0
