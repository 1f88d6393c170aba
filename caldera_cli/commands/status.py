"""`caldera ls` and `caldera status`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.client import Client, segment
from caldera_cli.daemon import connect
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
    since = datetime.now(UTC)
    with client.events(name) as events:
        render.clear()
        _show(client, name, as_json=as_json)
        for event in events:
            if not event.type or datetime.fromisoformat(event.data["at"]) < since:
                continue
            if event.type == "devnet.removed":
                render.say(f"{name} is gone.")
                return
            render.clear()
            _show(client, name, as_json=as_json)
