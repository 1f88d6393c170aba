"""A plan as JSON and back, as the database keeps it. Amounts in wei are decimal strings."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from control_plane.domain.ids import ChainId, Domain, Name
from control_plane.domain.plan import (
    AccountsPlan,
    ChainPlan,
    Earlier,
    EngineChoice,
    GasToken,
    GuardianPlan,
    Limits,
    MetalayerPlan,
    Plan,
    SwitchRule,
)


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """JSON of `plan`: its fields by name."""
    value = asdict(plan)
    value["metalayer"]["guardians"]["stake"] = str(plan.metalayer.guardians.stake)
    value["accounts"]["balance"] = str(plan.accounts.balance)
    return {key: list(part) if isinstance(part, tuple) else part for key, part in value.items()}


def plan_from_json(value: Mapping[str, Any]) -> Plan:
    """The plan of which :func:`plan_to_json` made `value`."""
    metalayer, accounts = value["metalayer"], value["accounts"]
    return Plan(
        name=Name(value["name"]),
        runtime=value["runtime"],
        chains=tuple(_chain(chain) for chain in value["chains"]),
        metalayer=MetalayerPlan(
            guardians=GuardianPlan(
                metalayer["guardians"]["count"], int(metalayer["guardians"]["stake"])
            ),
            epoch_interval=metalayer["epoch_interval"],
            fees=metalayer["fees"],
            validators=metalayer.get("validators", 0),
            finality=metalayer.get("finality", "instant"),
        ),
        accounts=AccountsPlan(accounts["count"], int(accounts["balance"]), accounts["mnemonic"]),
        save_interval=value["save_interval"],
        origins=tuple(value["origins"]),
        notes=tuple(value["notes"]),
        retired=tuple(value.get("retired", ())),
        agents=value.get("agents", "daemon"),
        engines=tuple(EngineChoice(**engine) for engine in value.get("engines", ())),
    )


def _chain(value: Mapping[str, Any]) -> ChainPlan:
    return ChainPlan(
        **{
            **value,
            "name": Name(value["name"]),
            "chain_id": ChainId(value["chain_id"]),
            "domain": Domain(value["domain"]),
            "limits": Limits(**value.get("limits", {})),
            "earlier": tuple(Earlier(**each) for each in value.get("earlier", ())),
            "rules": tuple(SwitchRule(**each) for each in value.get("rules", ())),
            "gas_token": GasToken(**token) if (token := value.get("gas_token")) else None,
        }
    )
