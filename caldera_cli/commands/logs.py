"""`caldera logs` and `caldera events`."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.client import Client, segment
from caldera_cli.daemon import connect, connect_if_running
from caldera_cli.errors import NOT_FOUND, CliError, usage
from caldera_cli.following import follow
from caldera_cli.options import (
    DevnetArgument,
    DevnetOption,
    JsonOption,
    find_devnet,
    one_name,
    seconds,
)
from caldera_cli.views import event_line

_GOING: Final = 10.0
"""Seconds that a devnet may take to be gone once its log has ended."""
_LOOK: Final = 0.1

logs = new_app()
events = new_app()

FollowOption = Annotated[bool, typer.Option("--follow", "-f", help="Go on as more comes.")]
SinceOption = Annotated[
    str | None, typer.Option("--since", metavar="5m", help="Only what is younger: 30s, 5m, 2h.")
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
    """Show what services wrote.

    Without --service the logs of all, one after the other. --follow ends with
    the devnet.
    """
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
    if follow and service is not None:
        _must_be_gone(found, service)


@events.command("events")
def _events(
    name: DevnetArgument = None,
    on: FollowOption = False,
    after: Annotated[
        int | None, typer.Option("--after", metavar="ID", min=0, help="Only those after this one.")
    ] = None,
    limit: Annotated[
        int,
        typer.Option(
            "--limit",
            metavar="N",
            min=1,
            max=1000,
            help="How many of the past: the last ones, or with --after the first.",
        ),
    ] = 100,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what happened in a devnet.

    With --json there is one event on each line. --follow ends with the devnet.
    """
    client = connect()
    found = find_devnet(client, one_name(name, devnet))
    tail = limit if after is None else None
    if on:
        start = None if after is None else str(after)
        for event in follow(client, found, after=start, tail=tail):
            if event.data:
                _print_event(event.data, as_json=as_json)
        return
    query = {"after": after, "tail": tail, "limit": limit}
    for view in client.get(f"/v1/devnets/{segment(found)}/events", query):
        _print_event(view, as_json=as_json)


def _must_be_gone(devnet: str, service: str) -> None:
    """Why a log that was followed has an end: its devnet is gone, its service, or the daemon. The
    files go a moment before. CliError, also when all of them stay."""
    deadline = time.monotonic() + _GOING
    while time.monotonic() < deadline:
        client = connect_if_running()
        if client is None:
            raise CliError("The daemon ended", hint=f"`caldera logs {devnet} …` starts it again")
        try:
            there = service in _services(client, devnet)
        except CliError as error:
            if error.code != NOT_FOUND:
                raise
            render.say(f"{devnet} is gone.")
            return
        if not there:
            render.say(f"{service} is gone.")
            return
        time.sleep(_LOOK)
    raise CliError(
        f"The log of {service} ended, though it is there",
        "its file was taken away",
        f"`caldera status {devnet}` says how it is",
    )


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
