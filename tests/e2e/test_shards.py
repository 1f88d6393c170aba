"""The template `many` as it runs: twenty rollups in four shards, messages from each to another."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from control_plane.domain.aggregate import META_PROOF_FIXED_BYTES
from control_plane.domain.formats import LEAF_BYTES, Leaf, shard_node
from control_plane.domain.hashing import keccak256
from control_plane.domain.merkle import ArrayTree, process_proof
from tests.e2e.home import Home, new_home
from tests.e2e.messages import At, Burst, assert_all_delivered_once, chains_of

pytestmark = pytest.mark.slow
_SHARDS = ("gaming", "finance", "social", "commerce")
_EACH = 5
"""Messages from every rollup."""


@pytest.fixture(scope="module")
def net() -> Iterator[Home]:
    with new_home() as home:
        home.run("up", "many", timeout=120)
        yield home


def number(shard: str | None) -> int:
    return 0 if shard is None else int.from_bytes(keccak256(shard.encode())[:4])


def ring(status: dict[str, Any]) -> list[tuple[At, At]]:
    """Every rollup and one of another shard."""
    chains, rollups = chains_of(status), status["rollups"]
    groups = {name: [r["name"] for r in rollups if r["shard"] == name] for name in _SHARDS}
    return [
        (chains[here], chains[there])
        for shard, following in zip(_SHARDS, (*_SHARDS[1:], _SHARDS[0]), strict=True)
        for here, there in zip(groups[shard], groups[following], strict=True)
    ]


def test_twenty_rollups_in_four_shards(net: Home) -> None:
    status = net.status()
    assert status["state"] == "ready"
    assert Counter(r["shard"] for r in status["rollups"]) == dict.fromkeys(_SHARDS, 5)


def test_the_aggregate_root_is_over_the_shard_roots(net: Home) -> None:
    epoch = net.json("epoch", "show")
    shards = {shard["id"]: shard for shard in epoch["shards"]}
    assert {id_: shard["name"] for id_, shard in shards.items()} == {
        number(name): name for name in (None, *_SHARDS)
    }
    assert [shard["leaves"] for shard in epoch["shards"]].count(5) == 4
    nodes = [shard_node(id_, bytes.fromhex(shards[id_]["root"][2:])) for id_ in sorted(shards)]
    assert "0x" + ArrayTree(nodes).root.hex() == epoch["aggregate_root"]


def test_messages_from_every_shard_to_another(net: Home) -> None:
    pairs = ring(net.status())
    for at, (here, there) in enumerate(pairs):
        Burst.between(here, there, f"ring {at}").send(_EACH)
    for here, there in pairs:
        assert_all_delivered_once(here, there, at_least=_EACH)


def test_a_meta_proof_leads_through_its_shard(net: Home) -> None:
    here, _ = ring(net.status())[0]
    prove(net, here.dispatched()[0], "gaming")


def test_what_was_attested_can_be_proven_when_its_rollup_is_gone(net: Home) -> None:
    here, _ = ring(net.status())[-1]
    message = here.dispatched()[0]
    net.run("rollup", "add", "tower", "--shard", "gaming", timeout=120)
    net.run("rollup", "rm", here.name, timeout=120)
    shards = {shard["name"]: shard["leaves"] for shard in net.json("epoch", "show")["shards"]}
    assert shards == {None: 1, "gaming": 6, "finance": 5, "social": 5, "commerce": 4}
    prove(net, message, "commerce")


def prove(net: Home, message: str, shard: str) -> None:
    """The meta-proof of a message goes from its leaf over `shard` to the epoch's root."""
    view = net.json("proof", "message", message)
    proof = bytes.fromhex(view["proof"][2:])
    leaf = Leaf.decode(proof[9 : 9 + LEAF_BYTES])
    id_, leaf_nodes, shard_nodes = proof[127:131], proof[131], proof[132]
    assert int.from_bytes(id_) == number(shard)
    assert (leaf_nodes > 0, shard_nodes > 0) == (True, True)
    nodes = [proof[at : at + 32] for at in range(META_PROOF_FIXED_BYTES, len(proof), 32)]
    root = process_proof(leaf.hash, nodes[:leaf_nodes])
    above = nodes[leaf_nodes : leaf_nodes + shard_nodes]
    root = process_proof(shard_node(number(shard), root), above)
    assert "0x" + root.hex() == view["attested"]["aggregate_root"]
