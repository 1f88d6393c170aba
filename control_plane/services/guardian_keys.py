"""Keys of a devnet's guardians: those that it started with, and those that joined since."""

from dataclasses import replace
from pathlib import Path

from control_plane.domain.network import Keys
from control_plane.domain.plan import Plan
from control_plane.domain.ports.provision import Provision
from control_plane.domain.ports.store import Database


async def all_keys(
    provision: Provision, database: Database, root: Path, plan: Plan, *, joining: int = -1
) -> Keys:
    """Every service key of the devnet in `root`, with those of guardian `joining`. A guardian that
    left is retired once the set in force is without it."""
    async with database.begin() as unit:
        joined = await unit.guardians.list(plan.name)
        active = await unit.guardian_sets.active(plan.name) if joined else None
    metalayer = plan.metalayer
    count = max([metalayer.guardians.count, joining + 1, *(r.number + 1 for r in joined)])
    keys = await provision.keys(root, count, metalayer.validators)
    seated = {member.get("number") for member in active.members} if active else set()
    gone = (r.number for r in joined if r.left_at is not None and r.number not in seated)
    return replace(keys, retired=frozenset(gone))
