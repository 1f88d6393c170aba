"""`caldera faucet`."""

from typing import Annotated

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.options import DevnetOption, JsonOption, complete_chains, reach_devnet
from caldera_cli.options import address as checked

app = new_app()


@app.command()
def faucet(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Who gets it.")],
    on: Annotated[
        str | None,
        typer.Option(
            "--on", metavar="CHAIN", help="By default every chain.", autocompletion=complete_chains
        ),
    ] = None,
    token: Annotated[
        str, typer.Option("--token", metavar="TOKEN", help="ETH; on the L1 ERA, USDC ….")
    ] = "ETH",  # noqa: S107 - a coin, not a secret
    amount: Annotated[
        str, typer.Option("--amount", metavar="AMOUNT", help="Whole coins or tokens.")
    ] = "10",
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give an address coins or tokens."""
    client, path = reach_devnet(devnet)
    body = {"address": checked(address), "on": on, "token": token, "amount": amount}
    result = client.post(f"{path}/faucet", body, timeout=60.0)
    if as_json:
        render.data(result)
        return
    for transfer in result["transfers"]:
        render.out(
            f"{transfer['chain']}: {result['amount']} {transfer.get('symbol', result['token'])}, "
            f"now {transfer['balance']}  {render.dim(transfer['tx'])}"
        )
