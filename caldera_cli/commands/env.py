"""`caldera env` and `caldera accounts`: what other programs need."""

from enum import StrEnum
from typing import Annotated

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.options import (
    DevnetArgument,
    DevnetOption,
    JsonOption,
    one_name,
    reach_devnet,
)

env = new_app()
accounts = new_app()


class Format(StrEnum):
    """How variables are written."""

    SH = "sh"
    DOTENV = "dotenv"
    JSON = "json"


@env.command("env")
def _env(
    name: DevnetArgument = None,
    form: Annotated[
        Format,
        typer.Option(
            "--format", metavar="FORMAT", help="sh for a shell, dotenv for a .env file, json."
        ),
    ] = Format.SH,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print endpoints, keys and addresses as environment variables.

    In a shell: eval "$(caldera env)"
    """
    client, base = reach_devnet(one_name(name, devnet))
    path = f"{base}/env"
    if as_json or form is Format.JSON:
        render.data(client.get(path)["variables"])
        return
    with client.lines(path, {"format": form.value}) as lines:
        for line in lines:
            render.out(line)


@accounts.command("accounts")
def _accounts(
    name: DevnetArgument = None,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the funded accounts of a devnet and their keys."""
    client, base = reach_devnet(one_name(name, devnet))
    view = client.get(f"{base}/accounts")
    if as_json:
        render.data(view)
        return
    render.say(view["warning"])
    render.pairs(
        [
            ("mnemonic", view.get("mnemonic")),
            ("path", view.get("derivation_path")),
            ("balance", f"{view['balance']} on every chain at the start"),
        ]
    )
    render.out("")
    for account in view["accounts"]:
        render.out(account["address"])
        if account.get("private_key"):
            render.out(render.dim(f"  {account['private_key']}"))
