"""`caldera up`: start a devnet."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.client import Client
from caldera_cli.daemon import connect, let_go
from caldera_cli.errors import NOT_FOUND, CliError
from caldera_cli.following import follow
from caldera_cli.options import (
    DevnetOption,
    JsonOption,
    RollupsOption,
    RuntimeOption,
    SetOption,
    SourceArgument,
    complete_devnets,
    one_name,
    seconds,
)
from caldera_cli.signals import no_signals, signals_interrupt, signals_wait
from caldera_cli.source import spec_request
from caldera_cli.starting import Progress, create, remove, undone_when_interrupted, wait_settled
from caldera_cli.views import show_changes, show_endpoints, show_next

NameOption = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="Name of the devnet, in place of the spec's.",
        autocompletion=complete_devnets,
    ),
]
FreePortsOption = Annotated[
    bool, typer.Option("--free-ports", help="Any free ports, for throw-away and parallel devnets.")
]
AttachOption = Annotated[
    bool, typer.Option("--attach", help="Stay, show events, take it down at Ctrl-C.")
]
NoWaitOption = Annotated[bool, typer.Option("--no-wait", help="Do not wait until ready.")]
TtlOption = Annotated[
    str | None, typer.Option("--ttl", metavar="10m", help="Take it down after this time.")
]
TimeoutOption = Annotated[
    str, typer.Option("--timeout", metavar="2m", help="How long to wait until ready.")
]

app = new_app()


@app.command()
def up(
    source: SourceArgument = None,
    name: NameOption = None,
    rollups: RollupsOption = None,
    runtime: RuntimeOption = None,
    overrides: SetOption = None,
    free_ports: FreePortsOption = False,
    attach: AttachOption = False,
    no_wait: NoWaitOption = False,
    ttl: TtlOption = None,
    timeout: TimeoutOption = "2m",
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start a devnet, or go on with one that was stopped.

    Returns when it is ready: a message sent now is relayed. A devnet that runs with the same
    spec is left as it is; with another spec, what can be applied live is applied.
    """
    named = one_name(name, devnet)
    body = spec_request(source, overrides=overrides, name=named, rollups=rollups, runtime=runtime)
    body |= {"update": True, "free_ports": free_ports}
    if ttl is not None:
        body["ttl"] = seconds(ttl)
    limit = seconds(timeout)
    with signals_interrupt():
        client = connect()
    progress = Progress(shown=not as_json)
    with signals_wait() as signals:
        client, status = create(client, body)
    outcome = status.get("outcome")
    if signals or not no_wait:
        status = _wait(client, status, limit, progress, interrupted=bool(signals))
    if attach:
        _attach(client, status, outcome, as_json=as_json)
    else:
        _show(status, outcome, as_json=as_json)


def _wait(
    client: Client, status: dict[str, Any], limit: float, progress: Progress, *, interrupted: bool
) -> dict[str, Any]:
    """The status when ready. A devnet that this command made goes when it is interrupted, or
    was while it made it."""
    name = status["name"]
    if status.get("outcome") != "created":
        if interrupted:
            raise KeyboardInterrupt
        return wait_settled(client, name, limit, progress) | {"changes": status.get("changes", [])}
    with undone_when_interrupted(client, name):
        if interrupted:
            raise KeyboardInterrupt
        return wait_settled(client, name, limit, progress)


def _show(status: dict[str, Any], outcome: str | None, *, as_json: bool) -> None:
    name = status["name"]
    if outcome == "unchanged":
        render.say(f"{name} runs with this spec already; nothing changed.")
    show_changes(status.get("changes") or [])
    if as_json:
        render.data(status | {"outcome": outcome})
        return
    show_endpoints(status)
    show_next(status)


def _attach(client: Client, status: dict[str, Any], outcome: str | None, *, as_json: bool) -> None:
    from caldera_cli.views import event_line

    name = status["name"]
    try:
        with signals_interrupt():
            _show(status, outcome, as_json=as_json)
            sys.stdout.flush()
            render.say("Attached; Ctrl-C takes the devnet down.")
            with _gone_is_fine():
                for event in follow(client, name, tail=0):
                    if event.data and not as_json:
                        render.say(event_line(event.data))
    except KeyboardInterrupt:
        with no_signals(), _gone_is_fine():
            remove(connect(), name)  # perhaps not the daemon that it was
            let_go()
    render.say(f"{name} is gone.")


@contextmanager
def _gone_is_fine() -> Iterator[None]:
    try:
        yield
    except CliError as error:
        if error.code != NOT_FOUND:
            raise
