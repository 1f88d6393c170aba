"""`caldera ls` and `caldera status`."""

import sys
from typing import Annotated

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.client import Client, segment
from caldera_cli.daemon import connect
from caldera_cli.errors import NOT_FOUND, CliError
from caldera_cli.options import DevnetArgument, DevnetOption, JsonOption, find_devnet, one_name

ls = new_app()
status = new_app()


@ls.command("ls")
def _ls(as_json: JsonOption = False) -> None:
    """List devnets."""
    devnets = connect().get("/v1/devnets")
    if as_json:
        render.data(devnets)
        return
    if not devnets:
        render.say("There is no devnet; `caldera up` starts one.")
        return
    from caldera_cli.views import age, local_time

    render.table(
        ("name", "state", "rollups", "l1 rpc", "age", "expires"),
        [
            (
                each["name"],
                each["state"],
                ",".join(each["rollups"]),
                each["l1_rpc_url"],
                age(each["created_at"]),
                local_time(each.get("expires_at")),
            )
            for each in devnets
        ],
        shorten="rollups",
    )


@status.command("status")
def _status(
    name: DevnetArgument = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Show it again as it changes.")
    ] = False,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a devnet: chains, endpoints, Metalayer, and what is wrong."""
    client = connect()
    found = find_devnet(client, one_name(name, devnet))
    if watch:
        _watch(client, found, as_json=as_json)
    else:
        _show(client, found, as_json=as_json)


def _show(client: Client, name: str, *, as_json: bool) -> None:
    value = client.get(f"/v1/devnets/{segment(name)}")
    if as_json:
        render.data(value)
        return
    from caldera_cli.views import show_status

    show_status(value)


def _watch(client: Client, name: str, *, as_json: bool) -> None:
    """Once now, then at every event; the devnet's end ends it."""
    from caldera_cli.following import REMOVED, follow

    for event in follow(client, name, tail=0):
        if not event.type and not event.id:
            continue  # a sign of life; the first to come has an id
        if event.type == REMOVED or not _redraw(name, as_json=as_json):
            render.say(f"{name} is gone.")
            return


def _redraw(name: str, *, as_json: bool) -> bool:
    """Whether there was something to draw; the daemon may be another than before."""
    try:
        render.clear()
        _show(connect(), name, as_json=as_json)
        sys.stdout.flush()
    except CliError as error:
        if error.code != NOT_FOUND:
            raise
        return False
    return True
