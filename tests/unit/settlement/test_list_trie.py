"""Roots of lists are those of a trie that grows entry by entry."""

import random

import pytest
from trie.hexary import HexaryTrie

from control_plane.adapters.derivation.list_trie import list_root
from control_plane.domain import rlp


@pytest.mark.parametrize("count", [0, 1, 2, 15, 16, 17, 127, 128, 129, 255, 256, 257, 700])
@pytest.mark.parametrize("longest", [3, 40, 600])
def test_roots_are_those_of_a_trie(count: int, longest: int) -> None:
    chance = random.Random(count)
    items = [chance.randbytes(chance.randrange(1, longest)) for _ in range(count)]
    trie = HexaryTrie({}, prune=True)
    for at, item in enumerate(items):
        trie[rlp.encode(rlp.encode_int(at))] = item
    assert list_root(items) == trie.root_hash
