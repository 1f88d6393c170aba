"""`caldera stake`: what guardians have staked."""

from typing import Annotated

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.client import segment
from caldera_cli.commands.guardian import WAITING, GuardianArgument, WaitOption, show_stake
from caldera_cli.daemon import connect
from caldera_cli.options import DevnetOption, JsonOption, find_devnet

AmountArgument = Annotated[str, typer.Argument(metavar="ERA", help="Whole units.")]

app = new_app("Show, raise, lower and withdraw guardians' stakes.")


@app.command("show")
def _show(
    guardian: GuardianArgument, devnet: DevnetOption = None, as_json: JsonOption = False
) -> None:
    """What a guardian has staked and what unbonds, as the L1 says."""
    client = connect()
    show_stake(client.get(_path(find_devnet(client, devnet), guardian)), as_json=as_json)


@app.command("add")
def _add(
    guardian: GuardianArgument,
    amount: AmountArgument,
    wait: WaitOption = False,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add to a stake, from the treasury."""
    _change("add", guardian, amount, wait=wait, devnet=devnet, as_json=as_json)


@app.command("remove")
def _remove(
    guardian: GuardianArgument,
    amount: AmountArgument,
    wait: WaitOption = False,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take from a stake; what is taken unbonds, and can be slashed until it is withdrawn."""
    _change("remove", guardian, amount, wait=wait, devnet=devnet, as_json=as_json)


@app.command("withdraw")
def _withdraw(
    guardian: GuardianArgument, devnet: DevnetOption = None, as_json: JsonOption = False
) -> None:
    """Withdraw what has unbonded."""
    client = connect()
    path = f"{_path(find_devnet(client, devnet), guardian)}/withdraw"
    show_stake(client.post(path, {}, timeout=WAITING), as_json=as_json)


@app.command("rewards")
def _rewards(
    report: Annotated[
        bool, typer.Option("--report", help="Have the guardians sign an uptime report first.")
    ] = False,
    pay: Annotated[bool, typer.Option("--pay", help="Pay what is due.")] = False,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """What guardians earned by stake and uptime; report on it, pay it."""
    client = connect()
    path = f"/v1/devnets/{segment(find_devnet(client, devnet))}/rewards"
    if report:
        client.post(f"{path}/report", {}, timeout=WAITING)
    if pay:
        client.post(f"{path}/pay", {}, timeout=WAITING)
    found = client.get(path)
    if as_json:
        render.data(found)
        return
    render.table(
        ("guardian", "earned (ERA)", "due (ERA)"),
        [(each["name"], each["earned"], each["due"]) for each in found["guardians"]],
    )
    render.say(f"{found['rate']:.1%} a year; {found['pot']} ERA to pay from")


def _change(
    action: str, guardian: str, amount: str, *, wait: bool, devnet: str | None, as_json: bool
) -> None:
    client = connect()
    path = f"{_path(find_devnet(client, devnet), guardian)}/{action}"
    body = {"amount": amount, "wait": wait}
    show_stake(client.post(path, body, timeout=WAITING), as_json=as_json)


def _path(devnet: str, guardian: str) -> str:
    return f"/v1/devnets/{segment(devnet)}/guardians/{segment(guardian)}/stake"
