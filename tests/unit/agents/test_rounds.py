"""One round with the guardians: who is waited for, who is not, what a bad signature does."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from control_plane.domain.abi_formats import decode_certificate, encode_certificate
from control_plane.domain.aggregate import Aggregate
from control_plane.domain.bls import SecretKey
from control_plane.domain.formats import EpochHeader, Leaf
from control_plane.domain.hashing import keccak256
from control_plane.domain.ids import Domain, Hex
from control_plane.domain.network import GuardianKeys
from control_plane.domain.ports.metalayer import Refusal
from control_plane.domain.ports.node import Account
from control_plane.domain.quorum import check_quorum
from control_plane.domain.reads import Answer as ReadAnswer
from control_plane.services.metalayer.rounds import Outcome, Panel, Proposal, make_roster

NETWORK = bytes(range(32))
STAKE = 10**18
LEAF = Leaf(Domain(901), 5, b"\x01" * 32, b"\x02" * 32, b"\x03" * 32, 1)
Answer = Callable[[bytes], Awaitable[bytes | Refusal]]


class FakeGuardian:
    """An attester that answers as it is told."""

    def __init__(self, index: int, answer: Answer) -> None:
        self.name = f"guardian-{index}"
        self.index = index
        self.available = True
        self.asked = 0
        self._answer = answer

    async def check_and_sign(
        self,
        header: EpochHeader,
        leaves: Sequence[Leaf],
        parent: EpochHeader | None,
        answers: Sequence[ReadAnswer] = (),
    ) -> bytes | Refusal:
        self.asked += 1
        return await self._answer(header.hash(NETWORK))


def keys() -> list[GuardianKeys]:
    return [
        GuardianKeys(i, Account(Hex("0x" + f"{i:02x}" * 20), b""), keccak256(b"%d" % i))
        for i in range(4)
    ]


def honest(index: int, delay: float = 0.0) -> FakeGuardian:
    secret = SecretKey(keccak256(b"%d" % index))

    async def answer(digest: bytes) -> bytes:
        await asyncio.sleep(delay)
        return secret.sign(digest)

    return FakeGuardian(index, answer)


def refusing(index: int) -> FakeGuardian:
    async def answer(_: bytes) -> Refusal:
        return Refusal("it sees another block")

    return FakeGuardian(index, answer)


def lying(index: int) -> FakeGuardian:
    secret = SecretKey(keccak256(b"%d" % index))

    async def answer(_: bytes) -> bytes:
        return secret.sign(bytes(32))

    return FakeGuardian(index, answer)


def breaking(index: int) -> FakeGuardian:
    async def answer(_: bytes) -> bytes:
        raise OSError("no route")

    return FakeGuardian(index, answer)


def panel(*guardians: FakeGuardian) -> Panel:
    return Panel(make_roster(1, keys(), STAKE), guardians)


def proposal(epoch: int = 1) -> Proposal:
    aggregate = Aggregate.of([LEAF])
    header = EpochHeader(1, epoch, 1_700_000_000, bytes(32), aggregate.root)
    return Proposal(header, header.hash(NETWORK), aggregate, None)


def check(outcome: Outcome, proposed: Proposal) -> None:
    """The certificate is what the contracts accept, and survives being recorded."""
    assert outcome.certificate is not None
    guardian_set = make_roster(1, keys(), STAKE).guardian_set
    check_quorum(guardian_set, proposed.digest, outcome.certificate.quorum)
    assert decode_certificate(encode_certificate(outcome.certificate)) == outcome.certificate


async def test_all_sign() -> None:
    proposed = proposal()
    outcome = await panel(*(honest(i) for i in range(4))).hold(proposed)
    assert (outcome.signers, outcome.absent, outcome.reasons) == ((0, 1, 2, 3), (), {})
    check(outcome, proposed)


@pytest.mark.parametrize("other", [refusing, lying, breaking])
async def test_three_of_four_are_a_quorum(other: Callable[[int], FakeGuardian]) -> None:
    proposed = proposal()
    outcome = await panel(honest(0), honest(1), other(2), honest(3)).hold(proposed)
    assert outcome.absent == (2,)
    assert list(outcome.reasons) == ["guardian-2"]
    assert outcome.bad == ((2,) if other is lying else ())
    check(outcome, proposed)


async def test_two_of_four_are_none_and_the_reasons_are_told() -> None:
    outcome = await panel(honest(0), lying(1), refusing(2), honest(3)).hold(proposal())
    assert outcome.certificate is None
    assert outcome.reasons == {
        "guardian-1": "its signature is invalid",
        "guardian-2": "it sees another block",
    }
    worse = await panel(honest(0), lying(1), lying(2), honest(3)).hold(proposal())
    assert worse.certificate is None
    assert worse.bad == (1, 2)


async def test_a_silent_guardian_is_waited_for_once_only() -> None:
    """A second at first, next to nothing as long as it stays silent."""
    guardians = [honest(0), honest(1), honest(2, delay=60.0), honest(3)]
    jury = panel(*guardians)
    clock = asyncio.get_running_loop().time
    began = clock()
    first = await jury.hold(proposal(1))
    middle = clock()
    second = await jury.hold(proposal(2))
    assert 0.9 < middle - began < 2.0
    assert clock() - middle < 0.5
    assert first.absent == second.absent == (2,)
    assert second.reasons == {"guardian-2": "it did not answer in time"}
    assert guardians[2].asked == 2


async def test_exactly_two_thirds_is_not_enough() -> None:
    roster = make_roster(1, keys()[:3], STAKE)
    outcome = await Panel(roster, [honest(0), honest(1), refusing(2)]).hold(proposal())
    assert outcome.certificate is None


async def test_nobody_is_asked_when_too_many_do_not_run() -> None:
    guardians = [honest(i) for i in range(4)]
    jury = panel(*guardians)
    guardians[1].available = False
    assert jury.lacking() == {}
    guardians[2].available = False
    assert jury.lacking() == {
        "guardian-1": "it does not run",
        "guardian-2": "it does not run",
    }
