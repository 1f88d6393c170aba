"""`caldera serve`: the daemon in the foreground."""

import os
from typing import Annotated

import typer

from caldera_cli.apps import new_app
from caldera_cli.early import DAEMON, environment

app = new_app()


@app.command()
def serve(
    host: Annotated[
        str | None, typer.Option("--host", metavar="ADDRESS", help="By default 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="PORT", min=0, max=65535, help="By default 8420."),
    ] = None,
) -> None:
    """Run the daemon in the foreground.

    Ctrl-C ends it; devnets go on.
    """
    arguments = [*DAEMON, "--foreground"]
    if host is not None:
        arguments += ["--host", host]
    if port is not None:
        arguments += ["--port", str(port)]
    os.execve(arguments[0], arguments, environment())  # noqa: S606 - our own interpreter, no shell
