"""`caldera run`: a devnet for one command."""

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any, Final

import typer

from caldera_cli.apps import new_app
from caldera_cli.client import Client, segment
from caldera_cli.daemon import connect, let_go
from caldera_cli.errors import MISSING, NOT_FOUND, CliError, usage
from caldera_cli.options import JsonOption, RollupsOption, SetOption, SourceArgument, seconds
from caldera_cli.signals import no_signals, signals_interrupt, signals_wait
from caldera_cli.source import spec_request
from caldera_cli.starting import Progress, create, remove, wait_settled

_REAPER_GRACE: Final = 30.0
"""Seconds after our own deadline at which the daemon takes the devnet down by itself."""
_START: Final = 120.0

app = new_app()


@app.command(epilog="For example: caldera run minimal --ttl 2m -- make test")
def run(
    ctx: typer.Context,
    source: SourceArgument = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="By default a name of its own.")
    ] = None,
    rollups: RollupsOption = None,
    overrides: SetOption = None,
    ttl: Annotated[
        str, typer.Option("--ttl", metavar="10m", help="How long the command may take.")
    ] = "10m",
    as_json: JsonOption = False,
) -> None:
    """Run a command with a devnet of its own.

    Starts a devnet, runs the command behind -- in its environment, takes the devnet
    down. Ends with the command's exit code, or with 5 when its time is over.
    """
    command = _command(ctx.obj.command)
    limit = seconds(ttl)
    body = spec_request(
        source,
        overrides=overrides,
        name=name or f"run-{os.urandom(4).hex()}",
        rollups=rollups,
        runtime=None,
    )
    body |= {"ttl": limit + _START + _REAPER_GRACE, "free_ports": True}
    with signals_interrupt():
        client = connect()
        code = _with_devnet(client, body, command, limit, Progress(shown=not as_json))
    raise typer.Exit(code)


def _command(given: Sequence[str]) -> list[str]:
    """The command, its program found; before anything is started."""
    if not given:
        raise usage("There is no command", hint="caldera run [TEMPLATE|FILE] -- COMMAND…")
    program = shutil.which(given[0])
    if program is None:
        raise CliError(f"There is no program '{given[0]}'", "it is not on PATH", code=MISSING)
    return [program, *given[1:]]


def _with_devnet(
    client: Client, body: dict[str, Any], command: list[str], limit: float, progress: Progress
) -> int:
    """The command's exit code. Whatever happens, the devnet is gone afterwards."""
    from caldera_cli.child import run_child

    name = str(body["name"])
    with signals_wait() as signals:
        client, _ = create(client, body)
    try:
        if signals:
            raise KeyboardInterrupt  # noqa: TRY301 - the command was interrupted, late
        wait_settled(client, name, _START, progress)
        variables = client.get(f"/v1/devnets/{segment(name)}/env")["variables"]
        code = run_child(command, {**os.environ, **variables}, limit)
    except BaseException:
        with suppress(CliError):
            _remove(client, name)
        raise
    _remove(client, name)
    return code


def _remove(client: Client, name: str) -> None:
    with no_signals():
        try:
            remove(client, name)
        except CliError as error:
            if error.code != NOT_FOUND:
                raise
        let_go()
