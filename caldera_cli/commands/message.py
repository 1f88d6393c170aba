"""`caldera message`: send, list, trace, retry and pay for messages."""

from typing import Annotated, Any

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.client import segment
from caldera_cli.daemon import connect
from caldera_cli.errors import usage
from caldera_cli.options import (
    DevnetOption,
    JsonOption,
    address,
    chain_names,
    complete_chains,
    find_devnet,
    hex_data,
    seconds,
)

app = new_app("Send, list, trace, retry and pay for messages.")


@app.command("send")
def _send(
    origin: Annotated[
        str, typer.Argument(metavar="FROM", help="Chain it leaves.", autocompletion=complete_chains)
    ],
    destination: Annotated[
        str, typer.Argument(metavar="TO", help="Chain it goes to.", autocompletion=complete_chains)
    ],
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="ADDR", help="Recipient; by default the test recipient."),
    ] = None,
    body: Annotated[str, typer.Option("--body", metavar="0x…", help="What it carries.")] = "0x",
    finality: Annotated[
        str, typer.Option("--finality", metavar="WHEN", help="instant or finalized.")
    ] = "instant",
    reads: Annotated[
        list[str] | None,
        typer.Option(
            "--read",
            metavar="CHAIN:ADDR:0x…",
            help="A call whose result goes with it; again for more, in order.",
        ),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it is delivered.")] = False,
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="30s", help="How long to wait for it.")
    ] = "30s",
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Dispatch a message through the origin's mailbox.

    With --finality finalized or --read it goes through the MetalayerRouter instead, which calls
    the recipient's `handle` of five parameters.
    """
    client = connect()
    name = find_devnet(client, devnet)
    limit = seconds(timeout)
    request: dict[str, Any] = {
        "origin": origin,
        "destination": destination,
        "body": hex_data(body),
        "finality": finality,
        "wait": wait,
        "timeout": limit,
    }
    if reads:
        request["reads"] = [_read_request(text) for text in reads]
    if to is not None:
        request["to"] = address(to)
    sent = client.post(f"/v1/devnets/{segment(name)}/messages", request, timeout=limit + 30.0)
    if as_json:
        known = {k: v for k, v in sent.items() if v is not None}
        render.data(known)
        return
    render.out(str(sent["id"]))
    if sent.get("latency_ms") is not None:
        render.say(f"delivered on {destination} after {sent['latency_ms']:.0f} ms")
    else:
        render.say(f"sent; `caldera message trace {sent['id'][:12]}` tells where it is")


def _read_request(text: str) -> dict[str, str]:
    """``CHAIN:ADDR:0x…``; the call data may be left out."""
    chain, *rest = text.split(":")
    if not chain or not 1 <= len(rest) <= 2:
        raise usage(f"'{text}' is no read", hint="write CHAIN:ADDRESS:0xDATA")
    data = hex_data(rest[1]) if len(rest) == 2 else "0x"
    return {"chain": chain, "contract": address(rest[0]), "data": data}


@app.command("ls")
def _ls(
    state: Annotated[
        str | None,
        typer.Option("--state", metavar="STATE", help="dispatched, attested, delivered, failing …"),
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option("--from", metavar="CHAIN", help="Leaving it.", autocompletion=complete_chains),
    ] = None,
    destination: Annotated[
        str | None,
        typer.Option("--to", metavar="CHAIN", help="Going to it.", autocompletion=complete_chains),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=1000, help="How many at most.")
    ] = 20,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List messages, newest first."""
    client = connect()
    name = find_devnet(client, devnet)
    path = f"/v1/devnets/{segment(name)}"
    query = {"state": state, "origin": origin, "destination": destination, "limit": limit}
    views = client.get(f"{path}/messages", query)
    if as_json:
        render.data(views)
        return
    if not views:
        render.say("There is no message.")
        return
    names = chain_names(client.get(path))
    render.table(
        ("id", "from", "to", "state", "ms", "reason"),
        [
            (
                view["id"][:14],
                names.get(view["origin"], view["origin"]),
                names.get(view["destination"], view["destination"]),
                view["state"],
                None if view.get("latency_ms") is None else round(view["latency_ms"]),
                view.get("reason") or "",
            )
            for view in views
        ],
        shorten="reason",
    )


@app.command("trace")
def _trace(
    message: Annotated[
        str, typer.Argument(metavar="ID", help="The message's id, or how it begins.")
    ],
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how a message went, step by step, and why it is not delivered."""
    client = connect()
    name = find_devnet(client, devnet)
    trace = client.get(f"/v1/devnets/{segment(name)}/messages/{segment(message)}")
    if as_json:
        render.data(trace)
    else:
        _show(trace)


@app.command("retry")
def _retry(
    message: Annotated[
        str, typer.Argument(metavar="ID", help="The message's id, or how it begins.")
    ],
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try to deliver a message again now, without waiting for its next attempt."""
    client = connect()
    name = find_devnet(client, devnet)
    trace = client.post(f"/v1/devnets/{segment(name)}/messages/{segment(message)}/retry", {})
    if as_json:
        render.data(trace)
        return
    render.out(str(trace["id"]))
    render.say(f"tried again; `caldera message trace {trace['id'][:12]}` tells how it went")


@app.command("pay")
def _pay(
    message: Annotated[
        str, typer.Argument(metavar="ID", help="The message's id, or how it begins.")
    ],
    gas: Annotated[
        int | None,
        typer.Option("--gas", metavar="N", min=1, help="Units of gas; by default what is missing."),
    ] = None,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pay for a message's gas, where fees are prepaid and too little was paid with it."""
    client = connect()
    name = find_devnet(client, devnet)
    path = f"/v1/devnets/{segment(name)}/messages/{segment(message)}/pay"
    paid = client.post(path, {} if gas is None else {"gas": gas})
    if as_json:
        render.data(paid)
        return
    render.out(str(paid["tx"]))
    render.say(f"{paid['gas']} gas paid on {paid['chain']}, for {paid['price']} wei")


def _show(trace: dict[str, Any]) -> None:
    from caldera_cli.views import clock

    render.out(f"{trace['id']} is {render.state(trace['state'])}")
    if trace.get("reason"):
        render.out(f"reason: {trace['reason']}")
    render.out("")
    render.table(
        ("step", "at", "chain", "block", "tx"),
        [
            (step["name"], clock(step["at"]), step["chain"], step["block"], _tx(step))
            for step in trace["steps"]
        ],
    )
    for step in trace["steps"]:
        if step.get("detail"):
            render.out(f"{step['name']}: {step['detail']}")


def _tx(step: dict[str, Any]) -> str | None:
    from caldera_cli.views import short_hash

    return short_hash(step["tx"]) if step.get("tx") else None
