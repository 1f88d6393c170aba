"""Apps that are read and checked as real ones are, and deployed nowhere."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from control_plane.domain.apps.manifest import read_manifest, refuse, salt_of
from control_plane.domain.apps.pieces import Pieces, make_pieces, problems_of
from control_plane.domain.apps.references import Scene, Where
from control_plane.domain.op_stack import create3_address
from control_plane.schemas.app import (
    AppCallView,
    AppContractView,
    AppRollupView,
    AppView,
    ContractState,
    DeployApp,
)
from control_plane.schemas.devnet import DevnetStatus
from control_plane.services.unknown import not_found

OWNER = "0x" + "11" * 20
_FACTORY = bytes(20)
_TX = "0x" + "ab" * 32


@dataclass
class FakeApps:
    status: Callable[[str], Awaitable[DevnetStatus]]
    """Raises NotFound for a devnet that is none."""
    deployed: dict[tuple[str, str], AppView] = field(default_factory=dict)

    async def plan(self, name: str, request: DeployApp) -> AppView:
        status = await self.status(name)
        known = [rollup.name for rollup in status.rollups]
        for wanted in request.on:
            if wanted not in known:
                raise not_found("rollup", wanted, known)
        app = read_manifest(request.manifest, request.artifacts)
        addresses = {
            one.name: "0x" + create3_address(_FACTORY, salt_of(app.name, one.name)).hex()
            for one in app.contracts
        }
        everywhere = [Where(one.name, one.chain_id, one.domain) for one in status.rollups]
        devnet = {"mailbox": "0x" + "22" * 20}
        scenes = [
            Scene(OWNER, addresses, devnet, at, [one for one in everywhere if one != at])
            for at in everywhere
            if not request.on or at.name in request.on
        ]
        refuse([*app.problems, *problems_of(app, scenes)])
        stands = (name, app.name) in self.deployed
        views = [_view(make_pieces(app, one, []), stands=stands) for one in scenes]
        return AppView(name=app.name, owner=OWNER, addresses=addresses, rollups=tuple(views))

    async def deploy(self, name: str, request: DeployApp) -> AppView:
        planned = await self.plan(name, request)
        self.deployed[name, planned.name] = planned
        return planned

    async def list(self, name: str) -> Sequence[AppView]:
        await self.status(name)
        return [view for (devnet, _), view in self.deployed.items() if devnet == name]

    async def get(self, name: str, app: str) -> AppView:
        known = {view.name: view for view in await self.list(name)}
        if app not in known:
            raise not_found("app", app, known)
        return known[app]


def _view(pieces: Pieces, *, stands: bool) -> AppRollupView:
    state: ContractState = "stands" if stands else "planned"
    return AppRollupView(
        rollup=pieces.rollup,
        chain_id=pieces.chain_id,
        contracts=tuple(
            AppContractView(name=one.name, state=state, tx=_TX if stands else None)
            for one in pieces.contracts
        ),
        calls=tuple(
            AppCallView(
                contract=one.contract,
                function=one.function,
                peer=one.peer,
                state="stands" if stands else "planned",
                tx=_TX if stands else None,
            )
            for one in pieces.calls
        ),
    )
