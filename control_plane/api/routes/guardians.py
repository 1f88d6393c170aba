"""Guardians that come and go, their stakes, and the sets that they form."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from control_plane.api.deps import Devnet, Wired
from control_plane.api.errors import documented
from control_plane.api.parameters import IdempotencyKey
from control_plane.schemas.guardian import (
    AddGuardian,
    ChangeStake,
    GuardianSetView,
    GuardianView,
    RewardsView,
    SlashGuardian,
    StakeView,
)

router = APIRouter(prefix="/v1/devnets/{name}", tags=["metalayer"])

GuardianName = Annotated[
    str, Path(description="Its number, or its service's name.", max_length=64, examples=["0"])
]
Wait = Annotated[bool, Query(description="Answer when another set is in force.")]


@router.post(
    "/guardians",
    operation_id="addGuardian",
    summary="Add a guardian",
    status_code=201,
    response_model=GuardianView,
    responses=documented(404, 409, 422, 502, 504),
)
async def add_guardian(
    services: Wired,
    response: Response,
    name: Devnet,
    request: AddGuardian,
    _key: IdempotencyKey = None,
) -> GuardianView:
    """A guardian in the daemon, with new keys and a stake from the treasury. It joins live: the set
    in force signs for the one with it."""
    added = await services.guardians.add(name, request)
    response.headers["location"] = f"/v1/devnets/{name}/guardians/{added.name}"
    return added


@router.delete(
    "/guardians/{guardian}",
    operation_id="removeGuardian",
    summary="Have a guardian leave",
    response_model=StakeView,
    responses=documented(404, 409, 422, 502, 504),
)
async def remove_guardian(
    services: Wired, name: Devnet, guardian: GuardianName, wait: Wait = False
) -> StakeView:
    """All of its stake begins to unbond; its process ends when a set without it is in force."""
    return await services.guardians.remove(name, guardian, wait=wait)


@router.post(
    "/guardians/{guardian}/unjail",
    operation_id="unjailGuardian",
    summary="Bring a jailed guardian back",
    response_model=StakeView,
    responses=documented(404, 409, 422, 502, 504),
)
async def unjail_guardian(
    services: Wired,
    name: Devnet,
    guardian: GuardianName,
    wait: Wait = False,
    _key: IdempotencyKey = None,
) -> StakeView:
    """Refused before its time in jail is over."""
    return await services.guardians.unjail(name, guardian, wait=wait)


@router.post(
    "/guardians/{guardian}/slash",
    operation_id="slashGuardian",
    summary="Slash a guardian for a false verdict",
    response_model=StakeView,
    responses=documented(404, 409, 422, 502, 504),
)
async def slash_guardian(
    services: Wired,
    name: Devnet,
    guardian: GuardianName,
    request: SlashGuardian,
    _key: IdempotencyKey = None,
) -> StakeView:
    """By the devnet's governor, who is trusted for it; refused unless the guardian signed it."""
    return await services.guardians.slash(name, guardian, request)


@router.get(
    "/guardians/{guardian}/stake",
    operation_id="getStake",
    summary="A guardian's stake",
    response_model=StakeView,
    responses=documented(404, 409, 422, 502),
)
async def get_stake(services: Wired, name: Devnet, guardian: GuardianName) -> StakeView:
    """As the L1 says now."""
    return await services.guardians.stake(name, guardian)


@router.post(
    "/guardians/{guardian}/stake/add",
    operation_id="addStake",
    summary="Add to a stake",
    response_model=StakeView,
    responses=documented(404, 409, 422, 502, 504),
)
async def add_stake(
    services: Wired,
    name: Devnet,
    guardian: GuardianName,
    request: ChangeStake,
    _key: IdempotencyKey = None,
) -> StakeView:
    """From the treasury; it counts from the next set on."""
    return await services.guardians.increase(name, guardian, request)


@router.post(
    "/guardians/{guardian}/stake/remove",
    operation_id="removeStake",
    summary="Take from a stake",
    response_model=StakeView,
    responses=documented(404, 409, 422, 502, 504),
)
async def remove_stake(
    services: Wired,
    name: Devnet,
    guardian: GuardianName,
    request: ChangeStake,
    _key: IdempotencyKey = None,
) -> StakeView:
    """What is taken counts in no later set, and unbonds."""
    return await services.guardians.decrease(name, guardian, request)


@router.post(
    "/guardians/{guardian}/stake/withdraw",
    operation_id="withdrawStake",
    summary="Withdraw what has unbonded",
    response_model=StakeView,
    responses=documented(404, 409, 422, 502, 504),
)
async def withdraw_stake(
    services: Wired, name: Devnet, guardian: GuardianName, _key: IdempotencyKey = None
) -> StakeView:
    """Refused before the unbonding period is over."""
    return await services.guardians.withdraw(name, guardian)


@router.get(
    "/guardian-sets",
    operation_id="listGuardianSets",
    summary="List guardian sets",
    response_model=list[GuardianSetView],
    responses=documented(404, 422),
)
async def list_guardian_sets(services: Wired, name: Devnet) -> list[GuardianSetView]:
    """Oldest first; the last active one is in force."""
    return list(await services.queries.guardian_sets(name))


@router.get(
    "/rewards",
    operation_id="getRewards",
    summary="Guardians' rewards",
    response_model=RewardsView,
    responses=documented(404, 409, 422, 502),
)
async def get_rewards(services: Wired, name: Devnet) -> RewardsView:
    """What each has earned by the uptime reports so far, and what is due."""
    return await services.rewards.show(name)


@router.post(
    "/rewards/report",
    operation_id="reportUptime",
    summary="Post an uptime report",
    response_model=RewardsView,
    responses=documented(404, 409, 422, 502, 504),
)
async def report_uptime(services: Wired, name: Devnet, _key: IdempotencyKey = None) -> RewardsView:
    """The guardians sign how many certificates each of them missed since the last report. Who
    missed too many is jailed."""
    return await services.rewards.report(name)


@router.post(
    "/rewards/pay",
    operation_id="payRewards",
    summary="Pay guardians' rewards",
    response_model=RewardsView,
    responses=documented(404, 409, 422, 502, 504),
)
async def pay_rewards(services: Wired, name: Devnet, _key: IdempotencyKey = None) -> RewardsView:
    """All that is due; the treasury makes up what the pot lacks."""
    return await services.rewards.pay(name)
