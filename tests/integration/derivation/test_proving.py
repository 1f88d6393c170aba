"""An attestation prover over a real Anvil's blocks: it signs what they are, and nothing else."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from eth_account import Account

from control_plane.adapters.derivation.chronicle import Chronicle
from control_plane.adapters.derivation.deposits import DepositsDiffer
from control_plane.adapters.derivation.l1 import START, Inbox, Position, Posted
from control_plane.adapters.derivation.ordered import Ordered
from control_plane.adapters.derivation.proving import Attesting
from control_plane.domain.channels import Channel, ChannelBlock
from control_plane.domain.errors import PermanentFailure, TemporaryFailure
from control_plane.domain.settlement.proofs import PublicInputs, attestation_digest
from control_plane.domain.trie import EMPTY_TRIE
from tests.integration.derivation.test_replay import Site, once, site

__all__ = ["site"]

_KEY = b"\x11" * 32
_VERIFIER = b"\x0a" * 20
_ORDER = {"key": _KEY.hex(), "l1_chain_id": 900, "verifier": "0x" + _VERIFIER.hex()}


class FakeInbox:
    """Holds a channel for each of `ends`."""

    l1 = None

    def __init__(self, channel: Channel, ends: tuple[int, ...]) -> None:
        self.channel = channel
        self.ends = ends

    async def head(self) -> int:
        return 1

    async def channels(self, until: int, at: Position = START) -> AsyncIterator[Posted]:
        del until
        for number, last in enumerate(self.ends[at.channels :], at.channels):
            first = self.ends[number - 1] if number else 0
            blocks = self.channel.blocks[first:last]
            after = Position(number + 1, bytes([number + 1]) * 32, number + 1, 0)
            yield Posted(number, Channel(self.channel.parent_hash, blocks), "0x", 0, after)


async def tell(_: int) -> None:
    pass


async def derived(site: Site, channel: Channel, *ends: int) -> Chronicle:
    chronicle = Chronicle(site.genesis)
    await chronicle.follow(cast("Inbox", FakeInbox(channel, ends)), tell)
    return chronicle


class FakeOrdered:
    """The L1 does not order what block `wrong` takes; `fails`: it is away at that block, once."""

    def __init__(self, wrong: int = 0, fails: int = 0) -> None:
        self.wrong, self.fails = wrong, fails
        self.same = True
        self.forgotten = 0
        self.checked: list[int] = []
        self.at: tuple[int, str] | None = None
        self.taken = None

    def forget(self) -> None:
        self.forgotten += 1
        self.same = True
        self.at = None
        self.checked.clear()

    async def read(self, _l1: object, until: int) -> bool:
        self.at = until, "0x"
        return self.same

    async def check(self, block: ChannelBlock, balance: Callable[[bytes], int]) -> None:
        assert balance(b"\x77" * 20) == 0
        if block.number == self.fails:
            self.fails = 0
            raise TemporaryFailure("The L1 is away")
        if block.number == self.wrong:
            raise DepositsDiffer(block.number, "takes deposit 0x01", "the L1 orders no further one")
        self.checked.append(block.number)


async def used(site: Site) -> Channel:
    await once(site, "60055450")
    for value in range(4):
        await site.send(to="0x" + "ea" * 20, value=value)
        await site.mine()
    return await site.channel()


def inputs(channel: Channel, first: int, last: int, number: int) -> PublicInputs:
    before = channel.blocks[first - 2] if first > 1 else None
    end = channel.blocks[last - 1]
    return PublicInputs(
        chain_id=900,
        previous_block_hash=before.hash if before else channel.parent_hash,
        previous_state_root=before.state_root if before else bytes(32),
        block_hash=end.hash,
        state_root=end.state_root,
        message_passer_storage_root=EMPTY_TRIE,
        batch_commitment=bytes([number]) * 32,
    )


def question(claimed: PublicInputs, first: int, last: int) -> dict[str, Any]:
    return {"inputs": claimed.to_json(), "first": first, "last": last}


async def test_what_is_true_is_signed_by_its_key(site: Site) -> None:
    channel = await used(site)
    chronicle = await derived(site, channel, 2, 5, 6)
    prover = Attesting(900, _ORDER)
    for first, last, number in ((1, 2, 1), (3, 5, 2), (6, 6, 3), (1, 5, 2), (3, 6, 3)):
        claimed = inputs(channel, first, last, number)
        answer = prover.prove(chronicle, question(claimed, first, last))
        digest = attestation_digest(claimed, 900, _VERIFIER)
        signature = bytes.fromhex(answer["proof"][2:])
        signer = Account._recover_hash(digest, signature=signature)
        assert signer == Account.from_key(_KEY).address
        assert PublicInputs.from_json(answer["inputs"]) == claimed


@pytest.mark.parametrize(
    "field",
    [
        "previous_block_hash",
        "previous_state_root",
        "block_hash",
        "state_root",
        "message_passer_storage_root",
        "batch_commitment",
    ],
)
async def test_no_other_inputs_are_signed(site: Site, field: str) -> None:
    channel = await used(site)
    chronicle = await derived(site, channel, 2, 5)
    wrong: dict[str, Any] = {field: b"\x01" * 32}
    claimed = replace(inputs(channel, 3, 5, 2), **wrong)
    with pytest.raises(PermanentFailure, match=f"its {field.replace('_', ' ')} would be"):
        Attesting(900, _ORDER).prove(chronicle, question(claimed, 3, 5))


async def test_a_rollup_of_another_chain_id_is_not_its_own(site: Site) -> None:
    channel = await used(site)
    chronicle = await derived(site, channel, 2)
    claimed = replace(inputs(channel, 1, 2, 1), chain_id=901)
    with pytest.raises(PermanentFailure, match="its chain id would be 901"):
        Attesting(900, _ORDER).prove(chronicle, question(claimed, 1, 2))


@pytest.mark.parametrize(("field", "what"), [("state_root", "state root"), ("hash", "hash")])
async def test_a_wrong_block_and_all_behind_it_get_no_proof(
    site: Site, field: str, what: str
) -> None:
    channel = await used(site)
    wrong: dict[str, Any] = {field: b"\x01" * 32}
    blocks = list(channel.blocks)
    blocks[3] = replace(blocks[3], **wrong)
    lie = Channel(channel.parent_hash, tuple(blocks))
    chronicle = await derived(site, lie, 2, 5, 6)
    prover = Attesting(900, _ORDER)
    prover.prove(chronicle, question(inputs(channel, 1, 2, 1), 1, 2))
    for first, last, number in ((3, 5, 2), (6, 6, 3)):
        for claims in (channel, lie):
            asked = question(inputs(claims, first, last, number), first, last)
            with pytest.raises(PermanentFailure, match=f"block 4: its {what} is 0x01"):
                prover.prove(chronicle, asked)


async def test_what_is_not_posted_or_ends_no_channel_waits(site: Site) -> None:
    channel = await used(site)
    chronicle = await derived(site, channel, 2, 5)
    for first, last in ((3, 4), (3, 6), (5, 2), (0, 2)):
        with pytest.raises(TemporaryFailure, match="not proven yet"):
            Attesting(900, _ORDER).prove(chronicle, question(inputs(channel, 1, 2, 1), first, last))


async def test_a_deposit_that_the_l1_did_not_order_ends_it(site: Site) -> None:
    channel = await used(site)
    chronicle = Chronicle(site.genesis, cast("Ordered", FakeOrdered(wrong=4)))
    await chronicle.follow(cast("Inbox", FakeInbox(channel, (2, 5, 6))), tell)
    assert chronicle.reach.last == 3
    prover = Attesting(900, _ORDER)
    prover.prove(chronicle, question(inputs(channel, 1, 2, 1), 1, 2))
    for first, last, number in ((3, 5, 2), (6, 6, 3)):
        asked = question(inputs(channel, first, last, number), first, last)
        with pytest.raises(PermanentFailure, match="block 4 takes deposit 0x01"):
            prover.prove(chronicle, asked)


async def test_an_l1_that_fails_or_lost_deposits_has_all_derived_anew(site: Site) -> None:
    channel = await used(site)
    ordered = FakeOrdered(fails=3)
    chronicle = Chronicle(site.genesis, cast("Ordered", ordered))
    inbox = cast("Inbox", FakeInbox(channel, (2, 5)))
    with pytest.raises(TemporaryFailure):
        await chronicle.follow(inbox, tell)
    assert chronicle.reach.last == 0
    for same in (True, False):
        ordered.same = same
        assert (await chronicle.follow(inbox, tell)).last == 5
        assert ordered.checked == [1, 2, 3, 4, 5]
        assert chronicle.block(5).hash == channel.blocks[4].hash
    assert ordered.forgotten == 3
