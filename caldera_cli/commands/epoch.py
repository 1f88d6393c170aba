"""`caldera epoch`."""

from typing import Annotated, Any

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.client import segment
from caldera_cli.errors import usage
from caldera_cli.options import (
    BeforeOption,
    DevnetOption,
    JsonOption,
    LimitOption,
    reach_devnet,
)

app = new_app("List epochs, show one, or check them.")


@app.command("ls")
def _ls(
    limit: LimitOption = 20,
    before: BeforeOption = None,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List epochs, newest first."""
    from caldera_cli.views import clock, short_hash

    client, path = reach_devnet(devnet)
    epochs = client.get(f"{path}/epochs", {"limit": limit, "before": before})
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
    client, path = reach_devnet(devnet)
    view = client.get(f"{path}/epochs/{segment(epoch)}")
    if as_json:
        render.data(view)
        return
    from caldera_cli.views import local_time

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
    shards = view.get("shards") or []
    _show_shards(shards)
    _show_leaves(view["leaves"], {shard["id"]: _shard_name(shard) for shard in shards})


@app.command("verify")
def _verify(
    since: Annotated[
        int | None,
        typer.Option("--since", metavar="N", min=0, help="Epoch to trust; the oldest by default."),
    ] = None,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Follow from a trusted epoch to the newest, as a light client does.

    One certificate is checked however many epochs are skipped, one signature for each change of
    the guardian set, and for the epochs between their hashes.
    """
    client, path = reach_devnet(devnet)
    view = client.get(f"{path}/epochs/sync", {"since": since})
    if as_json:
        render.data(view)
        return
    render.pairs(
        [
            ("trusted epoch", view["since"]),
            ("newest epoch", view["newest"]),
            ("aggregate root", view["aggregate_root"]),
            ("header hash", view["header_hash"]),
            ("guardian set", view["set_id"]),
            ("certificates checked", view["certificates_checked"]),
            ("set changes checked", view["set_changes_checked"]),
            ("headers linked", view["headers_linked"]),
        ]
    )


def _show_shards(shards: list[Any]) -> None:
    """The roots below the aggregate root, where there is more than one."""
    if len(shards) < 2:
        return
    render.out("")
    render.table(
        ("shard", "number", "leaves", "root"),
        [(_shard_name(each), each["id"], each["leaves"], each["root"]) for each in shards],
    )


def _show_leaves(leaves: list[Any], shards: dict[int, str]) -> None:
    """What the epoch says of each chain; `shards` are the names of those that there are."""
    from caldera_cli.views import short_hash, with_shards

    rows = [
        (
            leaf.get("chain"),
            leaf["domain"],
            leaf["block_number"],
            leaf.get("finality", "instant"),
            leaf["message_count"],
            short_hash(leaf["message_root"]),
            short_hash(leaf["state_root"]),
        )
        for leaf in leaves
    ]
    headings = ("chain", "domain", "block", "finality", "messages", "message root", "state root")
    grouped = [{"shard": shards.get(leaf["shard"])} if leaf.get("shard") else {} for leaf in leaves]
    render.out("")
    render.table(*with_shards(headings, rows, grouped, 1))


def _shard_name(shard: dict[str, Any]) -> str:
    return str(shard.get("name") or ("-" if shard["id"] == 0 else shard["id"]))


def _indices(found: list[Any]) -> str:
    return ", ".join(str(index) for index in found) or "-"
