"""What rollups claim on the L1, how they switch, and who keeps their data."""

from datetime import UTC, datetime
from typing import Any

from control_plane.schemas.dispute import DisputesView, DisputeView
from control_plane.schemas.keeper import DataAvailabilityView, KeeperView
from control_plane.schemas.output import OutputsView, OutputView
from control_plane.schemas.rules import LastSwitch, RulesView, RuleView


class FakeOutputs:
    async def list(
        self, name: str, rollup: str, *, limit: int, before: int | None = None
    ) -> OutputsView:
        output = OutputView(
            index=0,
            state="proposed",
            block=4,
            block_hash="0x" + "01" * 32,
            state_root="0x" + "02" * 32,
            message_passer_storage_root="0x" + "03" * 32,
            output_root="0x" + "04" * 32,
            batch_commitment="0x" + "05" * 32,
            proposed_at=datetime(2026, 1, 1, tzinfo=UTC),
            final_at=datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC),
            disputes=0,
            proposer="0x" + "cd" * 20,
            bond="1000000000000000000",
        )
        return OutputsView(oracle="0x" + "ab" * 20, total=1, outputs=(output,)[:limit])


class FakeDisputes:
    async def list(
        self,
        name: str,
        rollup: str | None,
        *,
        limit: int,
        before: int | None = None,
        only_open: bool = False,
    ) -> DisputesView:
        sides: dict[str, Any] = {"challenger": "0x" + "ab" * 20, "proposer": "0x" + "cd" * 20}
        common: dict[str, Any] = {
            "rollup": rollup or "left",
            "about": "blocks",
            "bond": str(10**18),
        }
        goes_on = DisputeView(
            id=2, output=7, phase="block-answer", open=True, to_move="challenger",
            until=datetime(2026, 1, 1, 0, 1, tzinfo=UTC), output_stands=True, low=4, high=12,
            proposer_bond=str(5 * 10**17), **common, **sides,
        )  # fmt: skip
        over = DisputeView(
            id=1, output=7, phase="challenger-won", open=False, block=5, low=1, high=2,
            winner=sides["challenger"], amount=str(2 * 10**18), by_timeout=True, **common, **sides,
        )  # fmt: skip
        listed = (goes_on,) if only_open else (goes_on, over)
        return DisputesView(
            game="0x" + "ef" * 20, time=datetime(2026, 1, 1, tzinfo=UTC), total=2,
            disputes=listed[:limit],
        )  # fmt: skip


class FakeRules:
    async def rules(self, devnet: str, rollup: str) -> RulesView:
        at = datetime(2026, 1, 1, tzinfo=UTC)
        busy = RuleView(
            rule=0, when="load above 50 a second over 10 s", to="proof validity",
            holds=True, load=73.25, fired=1, fired_at=at,
        )  # fmt: skip
        morning = RuleView(
            rule=1, when="schedule 0 9 * * *", to="da celestia", holds=False,
            next_at=datetime(2026, 1, 1, 9, tzinfo=UTC),
        )  # fmt: skip
        reason = "load above 50 a second over 10 s: 73.25"
        return RulesView(
            rollup=rollup, private=False, switch_interval=10, not_before=at,
            last=LastSwitch(at=at, reason=reason, rule=0), rules=(busy, morning),
        )  # fmt: skip


async def fake_genesis(devnet: str, chain: str) -> bytes:
    return b'{"config": {"chainId": 901}, "alloc": {}}'


async def fake_keepers(devnet: str, rollup: str) -> DataAvailabilityView:
    return DataAvailabilityView(
        da="celestia",
        keepers=(KeeperView(type="celestia", url="http://127.0.0.1:26658", stand_in=True),),
    )
