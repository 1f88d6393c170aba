"""`caldera bridge`: deposits and withdrawals."""

import time
from typing import Annotated, Any

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.client import Client, segment
from caldera_cli.daemon import connect
from caldera_cli.errors import NOT_FOUND, TIMED_OUT, CliError, usage
from caldera_cli.options import (
    DevnetOption,
    JsonOption,
    LimitOption,
    address,
    complete_chains,
    find_devnet,
    seconds,
)

app = new_app("Move coins and tokens between the L1 and a rollup.")

_WHOLE = len("0x") + 64
_ALL = {"limit": 1_000}

OnOption = Annotated[
    str | None,
    typer.Option("--on", metavar="ROLLUP", help="The rollup.", autocompletion=complete_chains),
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token",
        metavar="TOKEN",
        help="ETH, ERA, or an ERC-20's address on the L1; by default the rollup's own coin.",
    ),
]
AmountOption = Annotated[
    str | None, typer.Option("--amount", metavar="AMOUNT", help="Whole coins or tokens.")
]
FromOption = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="ACCOUNT",
        help="A listed account: its address, or its number from 0 on; by default the first.",
    ),
]
ToOption = Annotated[
    str | None,
    typer.Option("--to", metavar="ADDR", help="Who gets it; by default the same address."),
]
ResumeOption = Annotated[
    str | None,
    typer.Option("--resume", metavar="ID", help="Go on with one that was begun before."),
]
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait until it has arrived.")]
TimeoutOption = Annotated[
    str, typer.Option("--timeout", metavar="60s", help="How long to wait for it.")
]


@app.command("deposit")
def _deposit(
    on: OnOption = None,
    token: TokenOption = None,
    amount: AmountOption = None,
    sender: FromOption = None,
    to: ToOption = None,
    wait: WaitOption = False,
    timeout: TimeoutOption = "60s",
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring coins or tokens from the L1 to a rollup."""
    client = connect()
    name = find_devnet(client, devnet)
    limit = seconds(timeout)
    body = _body(client, name, on, token, amount, sender, to) | {"wait": wait, "timeout": limit}
    made = client.post(f"{_path(name)}/deposits", body, timeout=limit + 60.0)
    if as_json:
        render.data(made)
        return
    render.out(made["id"])
    _say(made)
    if made["state"] == "sent":
        render.say(f"`caldera bridge status {made['id']}` tells where it is")


@app.command("withdraw")
def _withdraw(
    on: OnOption = None,
    token: TokenOption = None,
    amount: AmountOption = None,
    sender: FromOption = None,
    to: ToOption = None,
    resume: ResumeOption = None,
    wait: WaitOption = False,
    timeout: TimeoutOption = "60s",
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring coins or tokens from a rollup to the L1.

    With --wait or --resume it is proven and finalized on the L1 as soon as that can be, which takes
    the rollup's finalization window.
    """
    client = connect()
    name = find_devnet(client, devnet)
    limit = seconds(timeout)
    if resume is None:
        body = _body(client, name, on, token, amount, sender, to)
        view = client.post(f"{_path(name)}/withdrawals", body, timeout=60.0)
    elif on or amount or to:
        raise usage("--resume goes on with what was begun", hint="leave --on, --amount, --to out")
    else:
        whole = _whole(client, name, resume, "withdrawals")
        view = client.get(f"{_path(name)}/withdrawals/{segment(whole)}")
    if not as_json and resume is None:
        render.out(view["id"])
    if wait or resume is not None:
        payer = None if sender is None else _account(client, name, sender)
        view = _follow(client, name, view, payer, limit, quiet=as_json)
    elif not as_json:
        _say(view)
        render.say(f"`caldera bridge withdraw --resume {view['id']}` goes on with it")
    if as_json:
        render.data(view)


@app.command("status")
def _status(
    id_: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]",
            help="Hash of the transaction that began it; with :1 that one's second withdrawal.",
        ),
    ] = None,
    on: OnOption = None,
    limit: LimitOption = 20,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show where a deposit or a withdrawal stands, or list them."""
    client = connect()
    name = find_devnet(client, devnet)
    if id_ is not None:
        view = _find(client, name, _whole(client, name, id_, "withdrawals", "deposits"))
        if as_json:
            render.data(view)
        else:
            _show(view)
        return
    query = {"rollup": on, "limit": limit}
    found = {
        kind: client.get(f"{_path(name)}/{kind}", query) for kind in ("deposits", "withdrawals")
    }
    if as_json:
        render.data(found)
        return
    rows = [
        (_short(view["id"]), kind[:-1], view["rollup"], view["amount"], _token(view), view["state"])
        for kind, views in found.items()
        for view in views
    ]
    if not rows:
        render.say("Nothing was bridged.")
        return
    render.table(("id", "kind", "rollup", "amount", "token", "state"), rows)


def _body(
    client: Client,
    name: str,
    on: str | None,
    token: str | None,
    amount: str | None,
    sender: str | None,
    to: str | None,
) -> dict[str, Any]:
    if amount is None:
        raise usage("The amount is missing", hint="--amount 1.5")
    body: dict[str, Any] = {
        "rollup": on or _only_rollup(client, name),
        "amount": amount,
    }
    if token is not None:
        body["token"] = token
    if sender is not None:
        body["sender"] = _account(client, name, sender)
    if to is not None:
        body["to"] = address(to)
    return body


def _only_rollup(client: Client, name: str) -> str:
    rollups = [rollup["name"] for rollup in client.get(f"/v1/devnets/{segment(name)}")["rollups"]]
    if len(rollups) != 1:
        raise usage("There are several rollups", ", ".join(rollups), f"--on {rollups[0]}")
    return str(rollups[0])


def _account(client: Client, name: str, text: str) -> str:
    if not text.isdecimal():
        return address(text)
    listed = client.get(f"/v1/devnets/{segment(name)}/accounts")["accounts"]
    if int(text) >= len(listed):
        raise CliError(
            f"There is no account {text}",
            hint=f"`caldera accounts` lists {len(listed)}, from 0 on",
            code=NOT_FOUND,
        )
    return str(listed[int(text)]["address"])


def _follow(
    client: Client,
    name: str,
    view: dict[str, Any],
    payer: str | None,
    limit: float,
    *,
    quiet: bool,
) -> dict[str, Any]:
    """Until it is finalized; every step is told when it is done."""
    end = time.monotonic() + limit
    told: set[str] = set()
    while True:
        for step in view["steps"]:
            if step["done"] and step["name"] not in told and not quiet:
                render.say(_line(step))
                told.add(step["name"])
        if view["state"] == "failed":
            raise CliError("The withdrawal failed", view["reason"] or "")
        if view["state"] == "finalized":
            return view
        left = end - time.monotonic()
        if left <= 0:
            raise CliError(
                "The withdrawal has not arrived",
                f"after {limit:g} s: {view['reason']}",
                f"`caldera bridge withdraw --resume {view['id']}` goes on",
                code=TIMED_OUT,
            )
        body = {"timeout": left} | ({} if payer is None else {"sender": payer})
        path = f"{_path(name)}/withdrawals/{view['id']}/continue"
        view = client.post(path, body, timeout=left + 60.0)


def _short(id_: str) -> str:
    """As lists show it; commands take it so."""
    hash_, colon, number = id_.partition(":")
    return hash_[:14] + colon + number


def _whole(client: Client, name: str, text: str, *kinds: str) -> str:
    """The id of one of `kinds` that begins as `text` does."""
    hash_, _, number = text.lower().partition(":")
    if len(hash_) == _WHOLE:
        return text
    listed = [view["id"] for kind in kinds for view in client.get(f"{_path(name)}/{kind}", _ALL)]
    found = [
        id_
        for id_ in listed
        if id_.startswith(hash_) and id_.partition(":")[2] == number and len(hash_) > len("0x")
    ]
    if len(found) == 1:
        return str(found[0])
    what = " or ".join(kind.removesuffix("s") for kind in kinds)
    if found:
        raise usage(f"{len(found)} ids begin with {text}", ", ".join(map(_short, found)))
    raise CliError(f"No {what} {text}", hint="`caldera bridge status` lists them", code=NOT_FOUND)


def _find(client: Client, name: str, id_: str) -> dict[str, Any]:
    """A withdrawal's or a deposit's view."""
    try:
        found: dict[str, Any] = client.get(f"{_path(name)}/withdrawals/{segment(id_)}")
    except CliError as error:
        if error.code != NOT_FOUND or ":" in id_:  # which only withdrawals have
            raise
        found = client.get(f"{_path(name)}/deposits/{segment(id_)}")
    return found


def _show(view: dict[str, Any]) -> None:
    from caldera_cli.views import clock, short_hash

    _say(view, to=render.out)
    render.out("")
    render.table(
        ("step", "done", "at", "chain", "block", "tx", ""),
        [
            (
                step["name"],
                "yes" if step["done"] else "",
                clock(step["at"]),
                step["chain"],
                step["block"],
                short_hash(step["tx"]) if step.get("tx") else None,
                step["detail"],
            )
            for step in view["steps"]
        ],
    )


def _say(view: dict[str, Any], to: Any = render.say) -> None:
    text = f"{view['amount']} {_token(view)} for {view['to']} on {_destination(view)}: "
    to(text + view["state"] + (f"; {view['reason']}" if view.get("reason") else ""))


def _destination(view: dict[str, Any]) -> str:
    return "the L1" if "withdrawal_hash" in view else str(view["rollup"])


def _line(step: dict[str, Any]) -> str:
    text = f"{step['name']} on {step['chain']}"
    if step.get("block") is not None:
        text += f", block {step['block']}"
    return text + (f": {step['detail']}" if step["detail"] else "")


def _token(view: dict[str, Any]) -> str:
    symbol = str(view["symbol"])
    return symbol if len(symbol) < 12 else f"{symbol[:10]}…"


def _path(name: str) -> str:
    return f"/v1/devnets/{segment(name)}/bridge"
