"""`caldera rollup switch|rules|set`: a rollup becomes another one while it runs."""

from typing import Annotated, Any

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.client import segment
from caldera_cli.options import (
    DevnetOption,
    JsonOption,
    RollupArgument,
    reach_devnet,
)

_DEADLINE = 120.0

FrameworkOption = Annotated[
    str | None,
    typer.Option(
        "--framework", metavar="NAME", help="op-stack, arbitrum-nitro, zk-stack or polygon-cdk."
    ),
]
ProofOption = Annotated[
    str | None, typer.Option("--proof", metavar="NAME", help="fraud or validity.")
]
WindowOption = Annotated[
    int | None,
    typer.Option(
        "--finalization-window", metavar="SECONDS", help="How long outputs can be disputed."
    ),
]
DaOption = Annotated[
    str | None, typer.Option("--da", metavar="NAME", help="Where its blocks are posted.")
]
DaUrlOption = Annotated[
    str | None,
    typer.Option("--da-url", metavar="URL", help="The real service, in place of a stand-in."),
]

app = new_app("Switch rollups, by command or by rule.")


@app.command("switch")
def _switch(
    rollup: RollupArgument,
    framework: FrameworkOption = None,
    proof: ProofOption = None,
    window: WindowOption = None,
    da: DaOption = None,
    da_url: DaUrlOption = None,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change a rollup's framework, proof system or data availability while it runs.

    State, addresses, endpoint and waiting transactions stay; its blocks go on.
    """
    changes = _changes(framework, proof, window, da, da_url)
    status = _set_fields(rollup, changes, devnet)
    if as_json:
        render.data(status)
        return
    for change in status["changes"]:
        render.say(f"{change['path']}: {change['old']} → {change['new']}")
    if not status["changes"]:
        render.say(f"{rollup} is that already")


def _changes(
    framework: str | None, proof: str | None, window: int | None, da: str | None, da_url: str | None
) -> list[str]:
    """As ``FIELD=VALUE``; what belonged to the old choice alone goes."""
    from caldera_cli.errors import USAGE, CliError

    found = [f"framework={framework}"] if framework else []
    if proof:
        found.append(f"proof={proof}")
    if proof or window:
        found.append(f"finalization_window={window or 'null'}")
    if da:
        found += [f"da={da}", "da_token_file=null", "da_committee_file=null"]
    if da or da_url:
        found.append(f"da_url={da_url or 'null'}")
    if not found:
        raise CliError(
            "Nothing to switch",
            hint="name --framework, --proof or --da; see `caldera rollup switch --help`",
            code=USAGE,
        )
    return found


@app.command("rules")
def _rules(
    rollup: RollupArgument,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the rules by which a rollup switches by itself, and what they have done."""
    from caldera_cli.views import clock, local_time

    client, path = reach_devnet(devnet)
    found = client.get(f"{path}/rollups/{segment(rollup)}/rules")
    if as_json:
        render.data(found)
        return
    if not found["rules"]:
        render.say(f"{rollup} has no rules; `switch` in its spec names them.")
        return
    render.table(
        ("rule", "when", "to", "holds", "load", "next", "fired", "last fired"),
        [
            (
                each["rule"],
                each["when"],
                each["to"],
                "yes" if each["holds"] else "no",
                "-" if each["load"] is None else f"{each['load']:.1f}",
                local_time(each["next_at"]) or "-",
                each["fired"],
                local_time(each["fired_at"]) or "-",
            )
            for each in found["rules"]
        ],
    )
    if found["not_before"]:
        render.say(
            f"It switched a moment ago; the next rule waits until {clock(found['not_before'])}."
        )


@app.command("set")
def _set(
    rollup: RollupArgument,
    private: Annotated[
        bool | None,
        typer.Option("--private/--no-private", help="Its privacy flag, which rules ask for."),
    ] = None,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set a rollup's privacy flag. It hides nothing by itself: what a rule does then, does."""
    from caldera_cli.errors import USAGE, CliError

    if private is None:
        raise CliError("Nothing to set", hint="name --private or --no-private", code=USAGE)
    status = _set_fields(rollup, [f"private={str(private).lower()}"], devnet)
    if as_json:
        render.data(status)
    else:
        render.say(f"{rollup} is {'private' if private else 'not private'} now")


def _set_fields(rollup: str, changes: list[str], devnet: str | None) -> Any:
    """The devnet's status with those fields of the rollup's spec changed, each ``FIELD=VALUE``."""
    client, path = reach_devnet(devnet)
    client.get(f"{path}/rollups/{segment(rollup)}")  # a name that is none is told as such
    body = {"set": [f"rollups.{rollup}.{change}" for change in changes], "wait": True}
    return client.patch(path, body, timeout=_DEADLINE)
