"""Apps of a devnet: planned, deployed, shown."""

import asyncio
from collections.abc import Callable, Sequence

from control_plane.domain.apps.manifest import read_manifest, refuse
from control_plane.domain.apps.pieces import make_pieces, problems_of
from control_plane.domain.apps.record import AppRecord
from control_plane.domain.ids import is_name
from control_plane.domain.network import Network
from control_plane.domain.plan import Plan
from control_plane.domain.plan_json import plan_from_json
from control_plane.domain.ports.node import Account
from control_plane.schemas.app import AppRollupView, AppView, DeployApp
from control_plane.services.apps.deploying import Deployment, Tools
from control_plane.services.apps.shown import recorded_view
from control_plane.services.apps.site import (
    app_addresses,
    chosen_rollups,
    make_scenes,
    sending_account,
)
from control_plane.services.control import ControlPlane
from control_plane.services.unknown import not_found


class AppDesk:
    """Implements the API's ``Apps``."""

    def __init__(
        self,
        control: ControlPlane,
        accounts: Callable[[str, int], Sequence[Account]],
        tools: Tools,
    ) -> None:
        self._control = control
        self._accounts = accounts
        self._tools = tools
        self._turns: dict[str, asyncio.Lock] = {}

    async def plan(self, name: str, request: DeployApp) -> AppView:
        """What `deploy` would do; touches nothing. Raises InvalidInput, NotFound, Conflict (the
        devnet does not run)."""
        _, network = await self._control.live(name)
        deployment = self._deployment(network, request)
        views = await self._control.while_there(name, deployment.plan())
        return _view(network, deployment, views)

    async def deploy(self, name: str, request: DeployApp) -> AppView:
        """Deploy what does not stand yet, then make the calls that were not made.

        Raises as :meth:`plan` does, Conflict also when something else stands at one of the
        addresses (then nothing is touched), and Failed with what went wrong on each rollup.
        """
        _, network = await self._control.live(name)
        async with self._turns.setdefault(name, asyncio.Lock()):
            deployment = self._deployment(network, request)
            views = await self._control.while_there(name, deployment.deploy())
        return _view(network, deployment, views)

    async def list(self, name: str) -> Sequence[AppView]:
        """Every app of which something was deployed, as it is recorded."""
        plan = await self._plan_of(name)
        records = self._tools.records
        found = [records.get(name, app) for app in records.names(name)]
        return [recorded_view(plan, record) for record in found if record is not None]

    async def get(self, name: str, app: str) -> AppView:
        """One app, as it is recorded. NotFound."""
        plan = await self._plan_of(name)
        record = self._tools.records.get(name, app) if is_name(app) else None
        if record is None:
            raise not_found("app", app, self._tools.records.names(name))
        return recorded_view(plan, record)

    async def _plan_of(self, name: str) -> Plan:
        return plan_from_json((await self._control.record(name)).plan)

    def _deployment(self, network: Network, request: DeployApp) -> Deployment:
        """What is asked for, checked. InvalidInput with all that is wrong, NotFound."""
        chosen = chosen_rollups(network, request.on)
        for chain in chosen:
            self._control.must_answer(network.devnet, chain.name)
        accounts = network.plan.accounts
        listed = self._accounts(accounts.mnemonic, accounts.count)
        account = sending_account(listed, request.sender)
        app = read_manifest(request.manifest, request.artifacts)
        record = self._tools.records.get(network.devnet, app.name) if is_name(app.name) else None
        scenes = make_scenes(network, app, record, chosen, account.address)
        refuse([*app.problems, *problems_of(app, scenes)])
        pieces = [make_pieces(app, scene, []) for scene in scenes]
        return Deployment(
            network=network,
            app=app.name,
            account=account,
            pieces={one.rollup: one for one in pieces},
            record=record or AppRecord(app.name, account.address),
            tools=self._tools,
        )


def _view(network: Network, deployment: Deployment, views: Sequence[AppRollupView]) -> AppView:
    names = [one.name for one in views[0].contracts]
    return AppView(
        name=deployment.app,
        owner=deployment.account.address,
        addresses=dict(app_addresses(network, deployment.app, names)),
        rollups=tuple(views),
    )
