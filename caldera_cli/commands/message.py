"""`caldera message`: send, list, trace, retry and pay for messages."""

from typing import Annotated, Any

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.client import segment
from caldera_cli.errors import usage
from caldera_cli.options import (
    DevnetOption,
    JsonOption,
    LimitOption,
    MessageArgument,
    address,
    chain_names,
    complete_chains,
    hex_data,
    reach_devnet,
    seconds,
)

OriginArgument = Annotated[
    str, typer.Argument(metavar="FROM", help="Chain it leaves.", autocompletion=complete_chains)
]
DestinationArgument = Annotated[
    str, typer.Argument(metavar="TO", help="Chain it goes to.", autocompletion=complete_chains)
]
RecipientOption = Annotated[
    str | None,
    typer.Option("--to", metavar="ADDR", help="Recipient; by default the test recipient."),
]
BodyOption = Annotated[str, typer.Option("--body", metavar="0x…", help="What it carries.")]
FinalityOption = Annotated[
    str, typer.Option("--finality", metavar="WHEN", help="instant or finalized.")
]
ReadsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--read",
        metavar="CHAIN:ADDR:0x…",
        help="A call whose result goes with it; again for more, in order.",
    ),
]
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait until it is delivered.")]
TimeoutOption = Annotated[
    str, typer.Option("--timeout", metavar="30s", help="How long to wait for it.")
]
StateOption = Annotated[
    str | None,
    typer.Option("--state", metavar="STATE", help="dispatched, attested, delivered, failing …"),
]
OriginOption = Annotated[
    str | None,
    typer.Option("--from", metavar="CHAIN", help="Leaving it.", autocompletion=complete_chains),
]
DestinationOption = Annotated[
    str | None,
    typer.Option("--to", metavar="CHAIN", help="Going to it.", autocompletion=complete_chains),
]

app = new_app("Send, list, trace, retry and pay for messages.")


@app.command("send")
def _send(
    origin: OriginArgument,
    destination: DestinationArgument,
    to: RecipientOption = None,
    body: BodyOption = "0x",
    finality: FinalityOption = "instant",
    reads: ReadsOption = None,
    wait: WaitOption = False,
    timeout: TimeoutOption = "30s",
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Dispatch a message through the origin's mailbox.

    With --finality finalized or --read it goes through the MetalayerRouter instead, which calls
    the recipient's `handle` of five parameters.
    """
    client, path = reach_devnet(devnet)
    limit = seconds(timeout)
    request: dict[str, Any] = {"origin": origin, "destination": destination}
    request |= {"body": hex_data(body), "finality": finality, "wait": wait, "timeout": limit}
    if reads:
        request["reads"] = [_read_request(text) for text in reads]
    if to is not None:
        request["to"] = address(to)
    sent = client.post(f"{path}/messages", request, timeout=limit + 30.0)
    if as_json:
        render.data({key: value for key, value in sent.items() if value is not None})
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
    state: StateOption = None,
    origin: OriginOption = None,
    destination: DestinationOption = None,
    limit: LimitOption = 20,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List messages, newest first."""
    client, path = reach_devnet(devnet)
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
    message: MessageArgument,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how a message went, step by step, and why it is not delivered."""
    client, path = reach_devnet(devnet)
    trace = client.get(f"{path}/messages/{segment(message)}")
    if as_json:
        render.data(trace)
    else:
        _show(trace)


@app.command("retry")
def _retry(
    message: MessageArgument,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try to deliver a message again now, without waiting for its next attempt."""
    client, path = reach_devnet(devnet)
    trace = client.post(f"{path}/messages/{segment(message)}/retry", {})
    if as_json:
        render.data(trace)
        return
    render.out(str(trace["id"]))
    render.say(f"tried again; `caldera message trace {trace['id'][:12]}` tells how it went")


@app.command("pay")
def _pay(
    message: MessageArgument,
    gas: Annotated[
        int | None,
        typer.Option("--gas", metavar="N", min=1, help="Units of gas; by default what is missing."),
    ] = None,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pay for a message's gas, where fees are prepaid and too little was paid with it."""
    client, base = reach_devnet(devnet)
    path = f"{base}/messages/{segment(message)}/pay"
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
