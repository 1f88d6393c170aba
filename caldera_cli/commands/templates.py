"""`caldera templates`."""

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.client import segment
from caldera_cli.daemon import connect
from caldera_cli.options import JsonOption, complete_templates

_MOST_NAMED = 6

app = new_app("List templates, or show one.", callback_alone=True)


@app.callback()
def _list(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """List templates, or show one."""
    if ctx.invoked_subcommand is not None:
        return
    views = connect().get("/v1/templates")
    if as_json:
        render.data(views)
        return
    width = max(len(view["name"]) for view in views)
    for view in views:
        render.entry(view["name"], view["description"], width)
        render.entry("", _rollups(view["rollups"]), width)
    render.say("Start one: `caldera up NAME`; see its YAML: `caldera templates show NAME`.")


def _rollups(names: list[str]) -> str:
    if len(names) <= _MOST_NAMED:
        return f"rollups: {', '.join(names)}"
    return f"{len(names)} rollups: {', '.join(names[: _MOST_NAMED - 1])} …"


@app.command("show")
def _show(
    template: str = typer.Argument(help="Name of the template.", autocompletion=complete_templates),
    as_json: JsonOption = False,
) -> None:
    """Print a template's YAML."""
    view = connect().get(f"/v1/templates/{segment(template)}")
    if as_json:
        render.data(view)
    else:
        render.out(str(view["source"]).rstrip("\n"))
