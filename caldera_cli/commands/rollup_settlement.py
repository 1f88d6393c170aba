"""`caldera rollup outputs|disputes`: what a rollup claims on the L1, and who denies it."""

from typing import Annotated

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.client import segment
from caldera_cli.options import (
    BeforeOption,
    DevnetOption,
    JsonOption,
    RollupArgument,
    complete_chains,
    reach_devnet,
)

LimitOption = Annotated[
    int, typer.Option("--limit", metavar="N", min=1, max=200, help="How many at most.")
]

app = new_app("Outputs, and disputes about them.")


@app.command("outputs")
def _outputs(
    rollup: RollupArgument,
    limit: LimitOption = 20,
    before: BeforeOption = None,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what a rollup's proposer said on the L1, newest first, and what of it is final."""
    from caldera_cli.views import clock, short_hash

    client, base = reach_devnet(devnet)
    path = f"{base}/rollups/{segment(rollup)}/outputs"
    found = client.get(path, {"limit": limit, "before": before})
    if as_json:
        render.data(found)
        return
    render.table(
        ("output", "block", "block hash", "output root", "proposed", "final", "state"),
        [
            (
                each["index"],
                each["block"],
                short_hash(each["block_hash"]),
                short_hash(each["output_root"]),
                clock(each["proposed_at"]),
                clock(each["final_at"]) if each["final_at"] else "-",
                each["state"],
            )
            for each in found["outputs"]
        ],
    )


@app.command("disputes")
def _disputes(
    rollup: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", help="The rollup; all by default.", autocompletion=complete_chains
        ),
    ] = None,
    only_open: Annotated[bool, typer.Option("--open", help="Only those that go on.")] = False,
    limit: LimitOption = 20,
    before: BeforeOption = None,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List disputes about outputs, newest first: who is to move until when, and how they ended."""
    from caldera_cli.views import clock, coins, short_hash

    client, path = reach_devnet(devnet)
    query = {"rollup": rollup, "before": before, "open": only_open or None, "limit": limit}
    found = client.get(f"{path}/disputes", query)
    if as_json:
        render.data(found)
        return
    render.table(
        ("dispute", "rollup", "output", "about", "phase", "to move", "until", "challenger", "bond"),
        [
            (
                each["id"],
                each["rollup"],
                each["output"],
                each["about"],
                each["phase"] + (", by timeout" if each["by_timeout"] else ""),
                each["to_move"] or "-",
                clock(each["until"]) if each["until"] else "-",
                short_hash(each["challenger"]),
                coins(each["bond"]),
            )
            for each in found["disputes"]
        ],
    )
