"""`caldera plan` and `caldera validate`: what `up` would do. Neither touches anything."""

from typing import Annotated, Any

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.daemon import connect
from caldera_cli.options import (
    DevnetOption,
    JsonOption,
    RollupsOption,
    RuntimeOption,
    SetOption,
    SourceArgument,
    one_name,
)
from caldera_cli.source import spec_request

plan = new_app()
validate = new_app()

NameOption = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="Name of the devnet.")
]


@plan.command("plan")
def _plan(
    source: SourceArgument = None,
    name: NameOption = None,
    rollups: RollupsOption = None,
    runtime: RuntimeOption = None,
    overrides: SetOption = None,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what `up` with the same arguments would do."""
    named = one_name(name, devnet)
    body = spec_request(source, overrides=overrides, name=named, rollups=rollups, runtime=runtime)
    view = connect().post("/v1/plan", body)
    if as_json:
        render.data(view)
    else:
        _show(view)


@validate.command("validate")
def _validate(
    source: SourceArgument = None,
    name: NameOption = None,
    rollups: RollupsOption = None,
    runtime: RuntimeOption = None,
    overrides: SetOption = None,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a spec; every problem is listed. Exit code 2 when there is one."""
    named = one_name(name, devnet)
    body = spec_request(source, overrides=overrides, name=named, rollups=rollups, runtime=runtime)
    view = connect().post("/v1/validate", body)
    if as_json:
        render.data(view)
        return
    names = ", ".join(rollup["name"] for rollup in view["spec"]["rollups"])
    render.out(f"The spec of {view['spec']['name']} is valid: an L1 and {names}.")
    for note in view.get("notes") or ():
        render.out(f"note: {note}")


def _show(view: dict[str, Any]) -> None:
    from caldera_cli.views import change_line, with_coins, with_shards

    render.out(f"{view['name']}, runtime {view['runtime']}\n")
    keys = ("framework", "engine", "chain_id", "domain", "port", "block_time")
    rows = [(chain["name"], *(chain[key] for key in keys)) for chain in view["chains"]]
    headings = ("chain", *(key.replace("_", " ") for key in keys))
    coined = with_coins(headings, rows, view["chains"], 2)
    render.table(*with_shards(*coined, view["chains"], 2))
    render.out("")
    render.pairs(
        [
            ("guardians", f"{view['guardians']}, {view['stake']} ERA each"),
            ("epoch", f"every {view['epoch_interval']:g} s, at once when something waits"),
            ("accounts", f"{view['accounts']}, {view['balance']} coins each on every chain"),
            ("state saved", f"every {view['save_interval']:g} s"),
            ("origins", ", ".join(view.get("origins") or ())),
            ("services", f"{len(view['services'])}"),
        ]
    )
    for note in view.get("notes") or ():
        render.out(f"note: {note}")
    changes = view.get("changes") or []
    if changes:
        render.out(f"\nDiffers from the devnet {view['name']} that exists:")
        for change in changes:
            render.out(f"  {change_line(change)}")
