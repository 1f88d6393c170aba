"""One guardian set hands over to the next: who signs, and whether that is enough."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from control_plane.domain.abi_formats import install_calldata, rotate_calldata
from control_plane.domain.calls import Call, execute_batch
from control_plane.domain.formats import GuardianSet, Member, QuorumProof
from control_plane.domain.ports.metalayer import Refusal, SetSigner
from control_plane.domain.quorum import Roster, Tally, is_quorum
from control_plane.domain.records import GuardianSetRecord
from control_plane.services.metalayer.lineup import Lineup
from control_plane.services.metalayer.signatures import collect, told

_DEADLINE: Final = 5.0


@dataclass(frozen=True, slots=True)
class Handover:
    """What became of one attempt."""

    quorum: QuorumProof | None
    """None when two thirds of the outgoing stake or less signed."""
    is_governors: bool
    """Those who stay hold no quorum of the outgoing set: it can't be asked of them."""
    reasons: dict[str, str]
    """Why each member that did not sign did not, by name."""

    def rotate_call(self, following: GuardianSet) -> bytes | None:
        """Of `RootVerifier.rotate`; None where the governor installs the set."""
        return None if self.quorum is None else rotate_calldata(following, self.quorum)

    def told(self) -> str:
        """Who is missing and why."""
        return told(self.reasons)


async def agree(
    outgoing: Lineup,
    following: GuardianSet,
    members: Sequence[Member],
    signers: Sequence[SetSigner],
    network_id: bytes,
) -> Handover:
    """Ask the outgoing set's guardians side by side to sign `following`, whose `members` these
    are. Whoever does not answer within seconds is not waited for."""
    tally = Tally(outgoing.roster, following.commitment(network_id))

    async def sign(signer: SetSigner) -> bytes | Refusal:
        try:
            return await signer.sign_set(following)
        except TimeoutError:
            raise
        except Exception as error:  # noqa: BLE001 - one guardian's trouble must not end the others'
            return Refusal(f"{type(error).__name__}: {error}")

    reasons = await collect(tally, outgoing, signers, sign, _DEADLINE)
    for seat in tally.drop_invalid() if tally.reached else ():
        reasons[outgoing.name_at(seat)] = "its signature is invalid"
    for member in tally.missing:
        reasons.setdefault(outgoing.name_at(member.index), "no process is known that signs for it")
    quorum = tally.proof() if tally.reached else None
    return Handover(quorum, not _holds_quorum(outgoing.roster, members), reasons)


def _holds_quorum(outgoing: Roster, staying: Sequence[Member]) -> bool:
    """Whether those of a set that stay hold more than two thirds of its stake."""
    accounts = {member.guardian for member in staying}
    stake = sum(member.stake for member in outgoing.members if member.guardian in accounts)
    return is_quorum(stake, outgoing.guardian_set.total_stake)


def install_call(verifier: str, network_id: bytes, following: Roster) -> bytes:
    """The governor's call of its executor that installs a set."""
    call = install_calldata(network_id, following.guardian_set)
    return execute_batch([Call(bytes.fromhex(verifier[2:]), call)])


def changes(outgoing: GuardianSetRecord, following: GuardianSetRecord) -> dict[str, Any]:
    """Names of who joined, who left, and whose stake is another now."""
    before, after = (
        {_name(member): member for member in record.members} for record in (outgoing, following)
    )
    both = before.keys() & after.keys()
    return {
        "joined": sorted(after.keys() - before.keys()),
        "left": sorted(before.keys() - after.keys()),
        "stakes": sorted(n for n in both if before[n]["stake"] != after[n]["stake"]),
    }


def _name(member: Any) -> str:
    number = member.get("number")
    return str(member["guardian"]) if number is None else f"guardian-{number}"
