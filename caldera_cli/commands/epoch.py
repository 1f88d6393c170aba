"""`caldera epoch`."""

from typing import Annotated, Any

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.client import segment
from caldera_cli.daemon import connect
from caldera_cli.errors import usage
from caldera_cli.options import DevnetOption, JsonOption, find_devnet

app = new_app("List epochs, or show one.")


@app.command("ls")
def _ls(
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=1000, help="How many at most.")
    ] = 20,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List epochs, newest first."""
    from caldera_cli.views import clock, short_hash

    client = connect()
    name = find_devnet(client, devnet)
    epochs = client.get(f"/v1/devnets/{segment(name)}/epochs", {"limit": limit})
    if as_json:
        render.data(epochs)
        return
    render.table(
        ("epoch", "certified", "at", "chains", "absent", "aggregate root"),
        [
            (
                each["epoch"],
                each["certified"],
                clock(each["created_at"]),
                len(each["leaves"]),
                _indices(each["absent"]),
                short_hash(each["aggregate_root"]),
            )
            for each in epochs
        ],
    )


@app.command("show")
def _show(
    epoch: Annotated[str, typer.Argument(metavar="N", help="Its number, or latest.")] = "latest",
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what an epoch says of every chain, and who signed it."""
    if epoch != "latest" and not (epoch.isascii() and epoch.isdigit()):
        raise usage(f"'{epoch}' is not an epoch", hint="write its number, or latest")
    client = connect()
    name = find_devnet(client, devnet)
    view = client.get(f"/v1/devnets/{segment(name)}/epochs/{segment(epoch)}")
    if as_json:
        render.data(view)
        return
    from caldera_cli.views import local_time, short_hash

    render.pairs(
        [
            ("epoch", view["epoch"]),
            ("certified", local_time(view.get("certified_at")) or "no"),
            ("aggregate root", view["aggregate_root"]),
            ("header hash", view["header_hash"]),
            ("parent hash", view["parent_hash"]),
            ("guardian set", view["set_id"]),
            ("signed by", _indices(view["signers"])),
            ("absent", _indices(view["absent"])),
        ]
    )
    render.out("")
    render.table(
        ("chain", "domain", "block", "messages", "message root", "state root"),
        [
            (
                leaf.get("chain"),
                leaf["domain"],
                leaf["block_number"],
                leaf["message_count"],
                short_hash(leaf["message_root"]),
                short_hash(leaf["state_root"]),
            )
            for leaf in view["leaves"]
        ],
    )


def _indices(found: list[Any]) -> str:
    return ", ".join(str(index) for index in found) or "-"
