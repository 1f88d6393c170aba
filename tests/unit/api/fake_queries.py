"""One message, one epoch, one guardian of every devnet."""

from collections.abc import Sequence
from typing import Literal

from control_plane.schemas.epoch import EpochView
from control_plane.schemas.guardian import GuardianSetView, GuardianView
from control_plane.schemas.message import MessageView
from control_plane.schemas.using import AccountsView, AccountView, ContractView
from control_plane.services.queries import MessageFilter
from control_plane.services.unknown import not_found
from tests.unit.api.fake_devnets import FakeDevnets
from tests.unit.api.values import ADDRESS, BORN, HASH, KEY


class FakeQueries:
    def __init__(self, devnets: FakeDevnets) -> None:
        self._devnets = devnets

    async def messages(self, name: str, wanted: MessageFilter) -> Sequence[MessageView]:
        await self._devnets.status(name)
        return [fake_message()]

    async def epochs(self, name: str, *, limit: int, before: int | None) -> Sequence[EpochView]:
        await self._devnets.status(name)
        return [_epoch(1)]

    async def epoch(self, name: str, number: int | Literal["latest"]) -> EpochView:
        await self._devnets.status(name)
        if number not in {1, "latest"}:
            raise not_found("epoch", str(number), ["1"])
        return _epoch(1)

    async def guardians(self, name: str) -> Sequence[GuardianView]:
        await self._devnets.status(name)
        return [_guardian()]

    async def guardian_sets(self, name: str) -> Sequence[GuardianSetView]:
        await self._devnets.status(name)
        return [
            GuardianSetView(
                set_id=1,
                outgoing=0,
                by="founding",
                size=1,
                total_stake="1",
                members=("guardian-0",),
                made_at=BORN,
                active_at=BORN,
            )
        ]

    async def guardian(self, name: str, which: str) -> GuardianView:
        await self._devnets.status(name)
        if which != "0":
            raise not_found("guardian", which, ["guardian-0"])
        return _guardian()

    async def contracts(self, name: str, *, abi: bool) -> Sequence[ContractView]:
        status = await self._devnets.status(name)
        chains = ("l1", *(rollup.name for rollup in status.rollups))
        found = [{"type": "receive", "stateMutability": "payable"}] if abi else None
        return [
            ContractView(name="Mailbox", key="mailbox", address=ADDRESS, chains=chains, abi=found)
        ]

    async def accounts(self, name: str, *, secrets: bool) -> AccountsView:
        await self._devnets.status(name)
        return AccountsView(
            mnemonic="it's a $(secret)" if secrets else None,
            balance="10000",
            accounts=(AccountView(address=ADDRESS, private_key=KEY if secrets else None),),
        )


def fake_message() -> MessageView:
    return MessageView(
        id=HASH,
        state="dispatched",
        origin=901,
        destination=902,
        nonce=0,
        sender=HASH,
        recipient=HASH,
        body="0x",
        tx=HASH,
        block=1,
        dispatched_at=BORN,
    )


def _epoch(number: int) -> EpochView:
    return EpochView(
        epoch=number,
        certified=True,
        set_id=1,
        timestamp=1,
        header_hash=HASH,
        parent_hash=HASH,
        aggregate_root=HASH,
        created_at=BORN,
    )


def _guardian() -> GuardianView:
    return GuardianView(
        index=0, name="guardian-0", address=ADDRESS, stake="1", share=1.0, state="ready"
    )
