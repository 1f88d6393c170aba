"""`caldera doctor`: whether this machine can run devnets. Needs no daemon."""

from dataclasses import asdict

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.errors import FAILED, MISSING
from caldera_cli.options import JsonOption

app = new_app()


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Check whether this machine is ready.

    Looks at Python, Anvil, the home directory and what lies and runs in it, at
    op-geth, Go and Docker, which only some devnets need, at the daemon, ports,
    disk and memory. Ends with 6 when something is missing, with 1
    when something does not work; warnings are no failures.
    """
    from caldera_cli.checks import run_checks

    checks = run_checks()
    if as_json:
        render.data([asdict(check) for check in checks])
    else:
        render.table(
            ("check", "state", "what was found"),
            [(check.name, check.state, check.detail) for check in checks],
        )
        for check in checks:
            if check.hint:
                render.out(f"{check.name}: {check.hint}")
    states = {check.state for check in checks}
    if "missing" in states:
        raise typer.Exit(MISSING)
    if "failed" in states:
        raise typer.Exit(FAILED)
