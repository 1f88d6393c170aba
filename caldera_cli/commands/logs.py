"""`caldera logs` and `caldera events`."""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.client import Client, segment
from caldera_cli.daemon import connect
from caldera_cli.errors import usage
from caldera_cli.options import (
    DevnetArgument,
    DevnetOption,
    JsonOption,
    find_devnet,
    one_name,
    seconds,
)
from caldera_cli.views import event_line

_PAGE = 10_000

logs = new_app()
events = new_app()

FollowOption = Annotated[bool, typer.Option("--follow", "-f", help="Go on as more is written.")]
SinceOption = Annotated[
    str | None, typer.Option("--since", metavar="5m", help="Only what is younger.")
]


@logs.command("logs")
def _logs(
    name: DevnetArgument = None,
    service: Annotated[
        str | None,
        typer.Option("--service", metavar="SERVICE", help="One service, e.g. op/node or relayer."),
    ] = None,
    follow: FollowOption = False,
    since: SinceOption = None,
    tail: Annotated[
        int | None, typer.Option("--tail", "-n", metavar="LINES", min=0, help="Last lines only.")
    ] = None,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what services wrote."""
    client = connect()
    found = find_devnet(client, one_name(name, devnet))
    if follow and service is None:
        raise usage(
            "--follow needs a service", hint=f"one of {', '.join(_services(client, found))}"
        )
    query = {"follow": follow, "since": _start(since), "tail": tail}
    chosen = [service] if service else _services(client, found)
    for each in chosen:
        path = f"/v1/devnets/{segment(found)}/services/{segment(each)}/logs"
        with client.lines(path, query) as lines:
            for line in lines:
                _print(each, line, alone=service is not None, as_json=as_json)


@events.command("events")
def _events(
    name: DevnetArgument = None,
    follow: FollowOption = False,
    after: Annotated[
        int | None, typer.Option("--after", metavar="ID", min=0, help="Only those after this one.")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=1000, help="The last so many.")
    ] = 100,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what happened in a devnet.

    With --json there is one event on each line.
    """
    client = connect()
    found = find_devnet(client, one_name(name, devnet))
    if follow:
        with client.events(found, after=str(after) if after is not None else None) as stream:
            for event in stream:
                if event.type:
                    _print_event(event.data, as_json=as_json)
        return
    views = client.get(f"/v1/devnets/{segment(found)}/events", {"after": after, "limit": _PAGE})
    for view in views[-limit:] if after is None else views[:limit]:
        _print_event(view, as_json=as_json)


def _services(client: Client, devnet: str) -> list[str]:
    views = client.get(f"/v1/devnets/{segment(devnet)}/services")
    return [str(view["name"]) for view in views]


def _start(since: str | None) -> str | None:
    if since is None:
        return None
    return (datetime.now(UTC) - timedelta(seconds=seconds(since))).isoformat()


def _print(service: str, line: str, *, alone: bool, as_json: bool) -> None:
    if as_json:
        render.stream(json.dumps({"service": service, "line": line}))
    else:
        render.stream(line if alone else f"{render.dim(service)} {line}")


def _print_event(view: dict[str, Any], *, as_json: bool) -> None:
    render.stream(json.dumps(view, ensure_ascii=False) if as_json else event_line(view))
