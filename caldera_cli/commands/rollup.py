"""`caldera rollup`: rollups of a running devnet."""

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.commands import rollup_adding, rollup_settlement, rollup_switching
from caldera_cli.options import DevnetOption, JsonOption, reach_devnet

_COLUMNS = ("name", "framework", "chain_id", "domain", "rpc_url", "state")

app = new_app("List, add, join, switch, set and remove rollups.")


@app.command("ls")
def _ls(devnet: DevnetOption = None, as_json: JsonOption = False) -> None:
    """List a devnet's rollups."""
    client, path = reach_devnet(devnet)
    rollups = client.get(f"{path}/rollups")
    if as_json:
        render.data(rollups)
        return
    from caldera_cli.views import with_coins, with_shards, with_switches

    headings = ("name", "framework", "chain id", "domain", "rpc", "state")
    named = [each | {"framework": each["framework"] or each["engine"]} for each in rollups]
    rows = [[each[key] for key in _COLUMNS] for each in named]
    coined = with_coins(headings, rows, rollups, 2)
    render.table(*with_switches(*with_shards(*coined, rollups, 2), rollups))


for part in (rollup_adding.app, rollup_settlement.app, rollup_switching.app):
    app.registered_commands += part.registered_commands
