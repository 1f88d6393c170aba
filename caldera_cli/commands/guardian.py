"""`caldera guardian`."""

from typing import Annotated, Any

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.client import Client, segment
from caldera_cli.errors import NOT_FOUND, CliError
from caldera_cli.options import DevnetOption, JsonOption, reach_devnet

WAITING = 75.0
"""Seconds for what waits until another set is in force."""

GuardianArgument = Annotated[
    str, typer.Argument(metavar="GUARDIAN", help="Number or name: 0, guardian-0.")
]
WaitOption = Annotated[bool, typer.Option("--wait", help="Until the changed set is in force.")]

app = new_app("List guardians, add one, have one leave; the sets that they form.")


@app.command("ls")
def _ls(devnet: DevnetOption = None, as_json: JsonOption = False) -> None:
    """List the guardians."""
    guardians = _guardians(devnet)
    if as_json:
        render.data(guardians)
        return
    from caldera_cli.views import short_hash

    render.table(
        ("guardian", "state", "stake (ERA)", "share", "slashed", "last epoch", "address"),
        [
            (
                short_hash(each["name"]) if each["index"] is None else each["name"],
                each["state"],
                each["stake"],
                f"{each['share']:.1%}",
                each["slashed"],
                each.get("last_signed_epoch"),
                short_hash(each["address"]),
            )
            for each in guardians
        ],
    )


@app.command("show")
def _show(
    guardian: GuardianArgument, devnet: DevnetOption = None, as_json: JsonOption = False
) -> None:
    """Show one guardian with its key."""
    guardians = _guardians(devnet)
    wanted = guardian.removeprefix("guardian-")
    found = next((each for each in guardians if wanted in {str(each["index"]), each["name"]}), None)
    if found is None:
        known = ", ".join(str(each["index"]) for each in guardians)
        raise CliError(
            f"There is no guardian '{guardian}'", hint=f"numbers: {known}", code=NOT_FOUND
        )
    if as_json:
        render.data(found)
    else:
        render.pairs(found.items())


@app.command("add")
def _add(
    stake: Annotated[
        str | None,
        typer.Option("--stake", metavar="ERA", help="By default what the others started with."),
    ] = None,
    wait: WaitOption = False,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a guardian: new keys, a stake from the treasury, in the next set."""
    client, path = reach_devnet(devnet)
    added = client.post(f"{path}/guardians", {"stake": stake, "wait": wait}, timeout=WAITING)
    if as_json:
        render.data(added)
    else:
        seat = "joins with the next set" if added.get("seat") is None else "is in the set in force"
        render.out(f"{added['name']} {seat}  {render.dim(added['address'])}")


@app.command("rm")
def _rm(
    guardian: GuardianArgument,
    wait: WaitOption = False,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a guardian leave; its stake unbonds (`caldera stake withdraw`)."""
    client, path = reach_guardian(devnet, guardian)
    left = client.delete(path + _waiting(wait), timeout=WAITING)
    show_stake(left, as_json=as_json)


@app.command("unjail")
def _unjail(
    guardian: GuardianArgument,
    wait: WaitOption = False,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring a guardian back after its time in jail."""
    client, path = reach_guardian(devnet, guardian)
    back = client.post(f"{path}/unjail{_waiting(wait)}", {}, timeout=WAITING)
    show_stake(back, as_json=as_json)


@app.command("slash")
def _slash(
    guardian: GuardianArgument,
    verdict: Annotated[
        str, typer.Option(metavar="TRANSACTION", help="On the L1, that brought the verdict.")
    ],
    share: Annotated[
        float, typer.Option(metavar="PERCENT", help="Of its stake: 10 to 50.", show_default=True)
    ] = 25,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Slash a guardian for a false verdict in a dispute, as the devnet's governor.

    What executing a transaction of a rollup gives no contract on the L1 can tell, so
    the governor decides. Refused unless the guardian signed that verdict.
    """
    client, path = reach_guardian(devnet, guardian)
    left = client.post(f"{path}/slash", {"verdict": verdict, "share": share}, timeout=WAITING)
    show_stake(left, as_json=as_json)


@app.command("sets")
def _sets(devnet: DevnetOption = None, as_json: JsonOption = False) -> None:
    """List the guardian sets, oldest first; the last is in force."""
    client, path = reach_devnet(devnet)
    sets = client.get(f"{path}/guardian-sets")
    if as_json:
        render.data(sets)
        return
    render.table(
        ("set", "handed over by", "size", "stake (ERA)", "in force since"),
        [
            (each["set_id"], _by(each), each["size"], each["total_stake"], each.get("active_at"))
            for each in sets
        ],
    )


def _by(each: dict[str, Any]) -> str:
    if each["by"] == "founding":
        return "-"
    return f"set {each['outgoing']}" if each["by"] == "guardians" else "the governor"


def show_stake(stake: dict[str, Any], *, as_json: bool) -> None:
    """What a guardian has staked."""
    if as_json:
        render.data(stake)
    else:
        render.pairs((key, value) for key, value in stake.items() if value is not None)


@app.command("offences")
def _offences(devnet: DevnetOption = None, as_json: JsonOption = False) -> None:
    """List what guardians were slashed for."""
    client, path = reach_devnet(devnet)
    found = client.get(f"{path}/offences")
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


def _guardians(devnet: str | None) -> list[dict[str, Any]]:
    client, path = reach_devnet(devnet)
    found: list[dict[str, Any]] = client.get(f"{path}/guardians")
    return found


def reach_guardian(devnet: str | None, guardian: str) -> tuple[Client, str]:
    """A client of the daemon, and the guardian's path."""
    client, path = reach_devnet(devnet)
    return client, f"{path}/guardians/{segment(guardian)}"


def _waiting(wait: bool) -> str:
    return "?wait=true" if wait else ""
