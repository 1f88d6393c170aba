"""What a forged output says: one lie, and all that the oracle checks fits it."""

from typing import Any

import pytest

from control_plane.adapters.chaos.outputs import Forger, forged
from control_plane.domain import rlp
from control_plane.domain.faults import LIES
from control_plane.domain.hashing import keccak256
from control_plane.domain.settlement.outputs import Proposal
from control_plane.domain.settlement.proofs import MESSAGE_PASSER
from control_plane.domain.trie import EMPTY_TRIE, prove_account, prove_slot

_STATE_ROOT, _TIMESTAMP = 3, 11
_ACCOUNT = [b"\1", b"", EMPTY_TRIE, keccak256(b"")]


def honest(number: int = 7) -> Proposal:
    """A block whose state has the message passer and nothing else."""
    node = rlp.encode([b"\x20" + keccak256(MESSAGE_PASSER), rlp.encode(_ACCOUNT)])
    fields: list[Any] = [bytes(32)] * 15
    fields[_STATE_ROOT], fields[8] = keccak256(node), rlp.encode_int(number)
    fields[_TIMESTAMP] = rlp.encode_int(1_000)
    return Proposal(number, rlp.encode(fields), (node,))


@pytest.mark.parametrize("lie", [lie for lie in LIES if lie != "block-number"])
async def test_one_field_is_false_and_the_proof_fits(lie: str) -> None:
    true: Any = rlp.decode_list(honest().header)
    made = await forged(None, honest(), lie)  # type: ignore[arg-type]
    false: Any = rlp.decode_list(made.header)
    differing = [at for at in range(len(true)) if true[at] != false[at]]
    assert differing == [_TIMESTAMP if lie == "timestamp" else _STATE_ROOT]
    account = prove_account(false[_STATE_ROOT], MESSAGE_PASSER, made.account_proof)
    assert account is not None
    assert (account.storage_root != EMPTY_TRIE) == (lie == "message-root")


async def test_a_false_message_root_has_a_withdrawal_that_nobody_made() -> None:
    made = await forged(None, honest(), "message-root")  # type: ignore[arg-type]
    state_root: Any = rlp.decode_list(made.header)[_STATE_ROOT]
    account = prove_account(state_root, MESSAGE_PASSER, made.account_proof)
    assert account is not None
    slot = keccak256(keccak256(b"a withdrawal that nobody made") + bytes(32))
    node = rlp.encode([b"\x20" + keccak256(slot), b"\1"])
    assert prove_slot(account.storage_root, int.from_bytes(slot), [node]) == 1


async def test_it_forges_as_often_as_it_was_told() -> None:
    told: list[tuple[str, bool]] = []

    class Ground:
        async def tell(self, what: str, *, last: bool = False) -> None:
            told.append((what, last))

    forger = Forger(Ground(), None, "timestamp", 2)  # type: ignore[arg-type]
    made = [await forger(honest(number)) for number in (7, 7, 8, 9)]
    forgeries = [proposal.header != honest(proposal.number).header for proposal in made]
    assert forgeries == [True, True, True, False], "a proposal that failed is tried with the lie"
    assert [last for _, last in told] == [False, True]
