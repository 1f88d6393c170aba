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
    from caldera_cli.views import local_time, short_hash, with_shards

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
    _show_shards(view.get("shards") or [])
    shards = {shard["id"]: _shard_name(shard) for shard in view.get("shards") or []}
    rows = [
        (
            leaf.get("chain"),
            leaf["domain"],
            leaf["block_number"],
            leaf["message_count"],
            short_hash(leaf["message_root"]),
            short_hash(leaf["state_root"]),
        )
        for leaf in view["leaves"]
    ]
    headings = ("chain", "domain", "block", "messages", "message root", "state root")
    grouped = [
        {"shard": shards.get(leaf["shard"])} if leaf.get("shard") else {} for leaf in view["leaves"]
    ]
    render.out("")
    render.table(*with_shards(headings, rows, grouped, 1))


def _show_shards(shards: list[Any]) -> None:
    """The roots below the aggregate root, where there is more than one."""
    if len(shards) < 2:
        return
    render.out("")
    render.table(
        ("shard", "number", "leaves", "root"),
        [(_shard_name(each), each["id"], each["leaves"], each["root"]) for each in shards],
    )


def _shard_name(shard: dict[str, Any]) -> str:
    return str(shard.get("name") or ("-" if shard["id"] == 0 else shard["id"]))


def _indices(found: list[Any]) -> str:
    return ", ".join(str(index) for index in found) or "-"
