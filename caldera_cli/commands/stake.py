"""`caldera stake`: what guardians have staked."""

from typing import Annotated

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.commands.guardian import (
    WAITING,
    GuardianArgument,
    WaitOption,
    reach_guardian,
    show_stake,
)
from caldera_cli.options import DevnetOption, JsonOption, reach_devnet

AmountArgument = Annotated[str, typer.Argument(metavar="ERA", help="Whole units.")]

app = new_app("Show, raise, lower and withdraw guardians' stakes.")


@app.command("show")
def _show(
    guardian: GuardianArgument, devnet: DevnetOption = None, as_json: JsonOption = False
) -> None:
    """What a guardian has staked and what unbonds, as the L1 says."""
    client, path = reach_guardian(devnet, guardian)
    show_stake(client.get(f"{path}/stake"), as_json=as_json)


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
    client, path = reach_guardian(devnet, guardian)
    show_stake(client.post(f"{path}/stake/withdraw", {}, timeout=WAITING), as_json=as_json)


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
    client, base = reach_devnet(devnet)
    path = f"{base}/rewards"
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
    client, path = reach_guardian(devnet, guardian)
    changed = client.post(
        f"{path}/stake/{action}", {"amount": amount, "wait": wait}, timeout=WAITING
    )
    show_stake(changed, as_json=as_json)
