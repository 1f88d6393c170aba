"""`caldera down`, `stop`, `start`, `restart`."""

import sys
from typing import Annotated

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.client import Client, segment
from caldera_cli.daemon import connect, let_go
from caldera_cli.errors import CliError, usage
from caldera_cli.options import DevnetArgument, DevnetOption, JsonOption, find_devnet, one_name
from caldera_cli.starting import Progress, remove, wait_settled

_DEADLINE = 120.0

down = new_app()
stop = new_app()
start = new_app()
restart = new_app()

ServiceOption = Annotated[
    str | None,
    typer.Option("--service", metavar="SERVICE", help="One service only, e.g. op/node."),
]


@down.command("down")
def _down(
    name: DevnetArgument = None,
    everything: Annotated[bool, typer.Option("--all", help="Every devnet.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a devnet down for good.

    Its processes end, its chains and records are removed.
    """
    wanted = one_name(name, devnet)
    if everything and wanted:
        raise usage("--all and a name exclude each other")
    client = connect()
    names = _all(client) if everything else [find_devnet(client, wanted)]
    if everything and names and not yes and sys.stdin.isatty():
        typer.confirm(f"Take down {', '.join(names)}?", abort=True, err=True)
    problems = []
    for each in names:
        try:
            remove(client, each)
            render.say(f"{each} is gone.")
        except CliError as error:
            problems.append(error)
    let_go()
    if as_json:
        render.data({"removed": names[: len(names) - len(problems)] if problems else names})
    if not names:
        render.say("There is no devnet.")
    if problems:
        raise problems[0]


@stop.command("stop")
def _stop(
    name: DevnetArgument = None,
    service: ServiceOption = None,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Save a devnet's chains and stop it."""
    _act("stop", one_name(name, devnet), service, as_json=as_json)


@start.command("start")
def _start(
    name: DevnetArgument = None,
    service: ServiceOption = None,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start a devnet, or a service, that was stopped."""
    _act("start", one_name(name, devnet), service, as_json=as_json)


@restart.command("restart")
def _restart(
    name: DevnetArgument = None,
    service: ServiceOption = None,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop and start a devnet or a service.

    The state of the chains is kept.
    """
    _act("restart", one_name(name, devnet), service, as_json=as_json)


def _all(client: Client) -> list[str]:
    return [str(devnet["name"]) for devnet in client.get("/v1/devnets")]


def _act(action: str, named: str | None, service: str | None, *, as_json: bool) -> None:
    client = connect()
    name = find_devnet(client, named)
    path = f"/v1/devnets/{segment(name)}"
    if service:
        path += f"/services/{segment(service)}"
    view = client.patch(path, {"action": action, "wait": True}, timeout=_DEADLINE)
    if not service and action != "stop":
        view = wait_settled(client, name, _DEADLINE, Progress(shown=not as_json))
    if as_json:
        render.data(view)
    else:
        why = f": {view['problem']}" if view.get("problem") else "."
        render.say(f"{view['name']} is {view['state']}{why}")
