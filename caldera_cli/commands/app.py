"""`caldera app`: the same contracts and calls on every rollup, by a manifest."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.client import segment
from caldera_cli.daemon import connect
from caldera_cli.options import DevnetOption, JsonOption, complete_chains, find_devnet

_DEPLOYING: Final = 600.0
"""Seconds for all of it: each transaction waits for a block."""

app = new_app("Deploy an app on every rollup, by a manifest.")

ManifestArgument = Annotated[
    Path, typer.Argument(metavar="MANIFEST", help="YAML file: contracts, arguments and calls.")
]
OnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--on",
        metavar="ROLLUP",
        help="A rollup, again for more; by default all.",
        autocompletion=complete_chains,
    ),
]
FromOption = Annotated[
    int,
    typer.Option("--from", metavar="N", min=0, max=999, help="Listed account that deploys it."),
]


@app.command("deploy")
def _deploy(
    manifest: ManifestArgument,
    on: OnOption = None,
    sender: FromOption = 0,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deploy what does not stand yet, then make the calls that were not made.

    Run it again to finish what was interrupted, or for a rollup that was added: what is done is
    not done twice. The manifest's fields stand in docs/concepts/apps.md.
    """
    view = _post("", manifest, on, sender, devnet)
    if as_json:
        render.data(view)
    else:
        _show(view)


@app.command("plan")
def _plan(
    manifest: ManifestArgument,
    on: OnOption = None,
    sender: FromOption = 0,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show addresses and what `deploy` would do; touches nothing."""
    view = _post("?dry_run=true", manifest, on, sender, devnet)
    if as_json:
        render.data(view)
    else:
        _show(view)


@app.command("ls")
def _ls(devnet: DevnetOption = None, as_json: JsonOption = False) -> None:
    """List apps that were deployed."""
    client = connect()
    name = find_devnet(client, devnet)
    views = client.get(f"/v1/devnets/{segment(name)}/apps")
    if as_json:
        render.data(views)
        return
    if not views:
        render.say("No app was deployed.")
        return
    rows = [
        (
            view["name"],
            ", ".join(view["addresses"]),
            ", ".join(rollup["rollup"] for rollup in view["rollups"]),
        )
        for view in views
    ]
    render.table(("app", "contracts", "rollups"), rows)


@app.command("show")
def _show_one(
    which: Annotated[str, typer.Argument(metavar="NAME", help="The app.")],
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what was deployed of an app, with its transactions."""
    client = connect()
    name = find_devnet(client, devnet)
    view = client.get(f"/v1/devnets/{segment(name)}/apps/{segment(which)}")
    if as_json:
        render.data(view)
        return
    render.pairs(list(view["addresses"].items()))
    render.out("")
    rows = [
        (rollup["rollup"], what, one["tx"])
        for rollup in view["rollups"]
        for what, one in _steps(rollup)
    ]
    render.table(("rollup", "what", "tx"), rows)


def _post(
    query: str, manifest: Path, on: list[str] | None, sender: int, devnet: str | None
) -> dict[str, Any]:
    from caldera_cli.manifest import read_manifest

    body = {**read_manifest(manifest), "on": on or [], "sender": sender}
    client = connect()
    name = find_devnet(client, devnet)
    view: dict[str, Any] = client.post(
        f"/v1/devnets/{segment(name)}/apps{query}", body, timeout=_DEPLOYING
    )
    return view


def _show(view: dict[str, Any]) -> None:
    render.pairs(list(view["addresses"].items()))
    render.out("")
    rows = [
        (one["rollup"], _counted(one["contracts"]), _counted(one["calls"]))
        for one in view["rollups"]
    ]
    render.table(("rollup", "contracts", "calls"), rows)
    for rollup in view["rollups"]:
        for contract in rollup["contracts"]:
            if contract.get("detail"):
                told = f"{contract['name']} ({contract['state']}): {contract['detail']}"
                render.out(f"{rollup['rollup']}: {told}")


def _counted(things: list[dict[str, Any]]) -> str:
    """``1 deployed, 1 stands``."""
    counts = Counter(thing["state"] for thing in things)
    return ", ".join(f"{count} {state}" for state, count in counts.items())


def _steps(rollup: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    contracts = [(one["name"], one) for one in rollup["contracts"]]
    calls = [
        (f"{one['contract']}.{one['function']}" + _for(one.get("peer")), one)
        for one in rollup["calls"]
    ]
    return contracts + calls


def _for(peer: str | None) -> str:
    return f" for {peer}" if peer else ""
