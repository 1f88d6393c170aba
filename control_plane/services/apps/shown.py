"""An app as it is recorded, on the wire."""

from control_plane.domain.apps.record import Act, AppRecord
from control_plane.domain.plan import Plan
from control_plane.schemas.app import AppCallView, AppContractView, AppRollupView, AppView


def recorded_view(plan: Plan, record: AppRecord) -> AppView:
    """What was deployed on the rollups that there are."""
    acts = {
        rollup.name: [act for act in record.acts(rollup.name).values() if not act.is_under_way]
        for rollup in plan.rollups
    }
    return AppView(
        name=record.name,
        owner=record.owner,
        addresses={
            act.contract: act.address
            for done in acts.values()
            for act in done
            if act.kind == "contract"
        },
        rollups=tuple(
            AppRollupView(
                rollup=rollup.name,
                chain_id=rollup.chain_id,
                contracts=tuple(_contract(one) for one in done if one.kind == "contract"),
                calls=tuple(_call(one) for one in done if one.kind == "call"),
            )
            for rollup in plan.rollups
            if (done := acts[rollup.name])
        ),
    )


def _contract(act: Act) -> AppContractView:
    return AppContractView(name=act.contract, state="stands", tx=act.tx)


def _call(act: Act) -> AppCallView:
    return AppCallView(
        contract=act.contract, function=act.function, peer=act.peer, state="stands", tx=act.tx
    )
