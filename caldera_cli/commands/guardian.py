"""`caldera guardian`."""

from typing import Annotated, Any

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.client import Client, segment
from caldera_cli.daemon import connect
from caldera_cli.errors import NOT_FOUND, CliError
from caldera_cli.options import DevnetOption, JsonOption, find_devnet

app = new_app("List guardians, or show one.")


@app.command("ls")
def _ls(devnet: DevnetOption = None, as_json: JsonOption = False) -> None:
    """List the guardians of the current set."""
    client = connect()
    guardians = _guardians(client, find_devnet(client, devnet))
    if as_json:
        render.data(guardians)
        return
    from caldera_cli.views import short_hash

    render.table(
        ("guardian", "state", "stake (ERA)", "share", "last epoch", "address"),  # whole in `show`
        [
            (
                each["name"],
                each["state"],
                each["stake"],
                f"{each['share']:.1%}",
                each.get("last_signed_epoch"),
                short_hash(each["address"]),
            )
            for each in guardians
        ],
    )


@app.command("show")
def _show(
    index: Annotated[str, typer.Argument(metavar="INDEX", help="Index or name: 0, guardian-0.")],
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one guardian with its key."""
    client = connect()
    guardians = _guardians(client, find_devnet(client, devnet))
    wanted = index.removeprefix("guardian-")
    found = next((each for each in guardians if str(each["index"]) == wanted), None)
    if found is None:
        known = ", ".join(str(each["index"]) for each in guardians)
        raise CliError(f"There is no guardian '{index}'", hint=f"indices: {known}", code=NOT_FOUND)
    if as_json:
        render.data(found)
    else:
        render.pairs(found.items())


@app.command("offences")
def _offences(devnet: DevnetOption = None, as_json: JsonOption = False) -> None:
    """List what guardians were slashed for."""
    client = connect()
    found = client.get(f"/v1/devnets/{segment(find_devnet(client, devnet))}/offences")
    if as_json:
        render.data(found)
        return
    render.table(
        ("guardian", "offence", "epoch", "state", "lost (ERA)", "at"),
        [
            (
                each["guardian"],
                each["kind"],
                each["epoch"],
                each.get("problem") or each["state"],
                _whole(each.get("amount")),
                each.get("slashed_at"),
            )
            for each in found
        ],
    )


def _whole(wei: str | None) -> str | None:
    """Wei in whole units, exactly."""
    if wei is None:
        return None
    units, rest = divmod(int(wei), 10**18)
    return f"{units}.{rest:018d}".rstrip("0").rstrip(".")


def _guardians(client: Client, devnet: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/v1/devnets/{segment(devnet)}/guardians")
    return found
