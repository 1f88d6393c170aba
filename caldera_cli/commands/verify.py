"""`caldera verify`: a rollup rebuilt from its L1 alone."""

import json
import subprocess
import sys
from typing import Annotated, Any, Final

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.client import segment
from caldera_cli.early import environment
from caldera_cli.errors import INTERRUPTED, CliError, from_problem, usage
from caldera_cli.options import DevnetOption, JsonOption, complete_chains, reach_devnet

PostingArgument = Annotated[
    str,
    typer.Argument(
        metavar="ROLLUP", help="A rollup whose spec names a `da`.", autocompletion=complete_chains
    ),
]
FromL1Option = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Another node of the L1; by default the devnet's own."),
]
DiagnoseOption = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="The sequencer's node: when a block differs, say which transactions and accounts.",
    ),
]

app = new_app()

_PROGRAM: Final = (sys.executable, "-P", "-m", "control_plane.verify")


@app.command()
def _verify(
    rollup: PostingArgument,
    from_l1: FromL1Option = None,
    diagnose: DiagnoseOption = None,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rebuild a rollup from its L1 alone and compare every block.

    Starts from the rollup's genesis, in a process that never asks the sequencer, runs all
    transactions that its batcher posted, and compares state root and hash of each
    block, and of a rollup that settles the deposits with those that the L1 orders.
    Ends with 1 at the first block that is not what it claims.
    """
    request = _request(rollup, from_l1, diagnose, devnet)
    _show(rollup, _run(request, quiet=as_json), as_json)


def _request(
    rollup: str, from_l1: str | None, diagnose: str | None, devnet: str | None
) -> dict[str, Any]:
    """What the process needs to know; CliError when the rollup posts nothing."""
    client, base = reach_devnet(devnet)
    status = client.get(base)
    found = next((r for r in status["rollups"] if r["name"] == rollup), None)
    path = f"{base}/rollups/{segment(rollup)}"
    if found is None:
        found = client.get(path)  # tells what is there
    inbox = found["l1_contracts"].get("batchInbox")
    if inbox is None:
        raise usage(
            f"{rollup} posts its blocks nowhere",
            "its spec names no `da`, or its framework's own services post them",
            "name one at its start, e.g. --set rollups.NAME.da=ethereum-calldata",
        )
    return {
        "l1": _socket(from_l1 or status["l1"]["ws_url"]),
        "inbox": inbox,
        "chain_id": found["chain_id"],
        "genesis": client.get(f"{path}/genesis"),
        "portal": found["l1_contracts"].get("optimismPortal"),
        "sequencing_window": found.get("sequencing_window"),
        "das": client.get(f"{path}/data-availability")["keepers"],
        "diagnose": _socket(diagnose) if diagnose else None,
    }


def _socket(url: str) -> str:
    """Nodes speak WebSocket at the port of their HTTP."""
    for scheme, socket in (("http://", "ws://"), ("https://", "wss://")):
        if url.startswith(scheme):
            return socket + url.removeprefix(scheme)
    if url.startswith(("ws://", "wss://")):
        return url
    raise usage(
        f"'{url}' is no address of a node",
        "it has no scheme that is known",
        "http://127.0.0.1:8545",
    )


def _run(request: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    """The last line that the process says, those before it shown as they come."""
    last: dict[str, Any] = {}
    with subprocess.Popen(
        _PROGRAM, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        if child.stdin is None or child.stdout is None:
            raise ValueError("both are pipes")
        json.dump(request, child.stdin)
        child.stdin.close()
        for line in child.stdout:
            last = json.loads(line)
            if "progress" in last and not quiet:
                render.say(_speed(last["progress"]))
    if child.returncode == INTERRUPTED:
        raise KeyboardInterrupt
    if "problem" in last:
        raise from_problem(last["problem"], int(last["problem"]["status"]))
    if not last or "progress" in last:
        raise CliError(
            "Verifying ended without a result",
            f"its process ended with exit code {child.returncode}",
            "run it again; what it printed above tells more",
        )
    return last


def _show(rollup: str, result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        render.data(result)
    elif "verified" in result:
        done = result["verified"]
        render.out(f"{rollup} is what it claims: blocks 1 to {done['blocks']}, every hash computed")
        render.say(_speed(done))
        render.say(
            f"{done['channels']} channels, {done['bytes']:,} bytes posted for transactions of"
            f" {done['transaction_bytes']:,}, up to L1 block {done['l1_block']}"
        )
    else:
        _show_difference(rollup, result["differs"])
    if "differs" in result:
        raise typer.Exit(1)


def _speed(at: dict[str, Any]) -> str:
    return (
        f"block {at['blocks']} of {at['of']}, {at['transactions']} transactions:"
        f" {at['blocks_per_second']:,.0f} blocks, {at['transactions_per_second']:,.0f}"
        f" transactions, {at['gas_per_second'] / 1e6:,.1f} Mgas a second"
    )


def _show_difference(rollup: str, found: dict[str, Any]) -> None:
    render.out(f"{rollup} differs at block {found['block']}: its {found['what']}")
    if found["what"] == "deposits":
        render.out(f"  it {found['claimed']}")
        render.out(f"  {found['found']}")
    else:
        render.out(f"  claims    {found['claimed']}")
        render.out(f"  executed  {found['found']}")
    if found["posted_by"]:
        render.out(f"  posted by {found['posted_by']}")
    if found["what"] == "deposits":
        return
    diagnosis = found.get("diagnosis")
    if diagnosis is None:
        render.say("Say --diagnose URL, the sequencer's node, to see what is different.")
        return
    for entry in diagnosis["transactions"]:
        render.out(
            f"  transaction {entry['hash']}: {entry['what']} {entry['claimed']}, executed"
            f" {entry['found']}"
        )
    for entry in diagnosis["accounts"]:
        by = ", ".join(entry["transactions"]) or "no transaction of the block"
        render.out(
            f"  account {entry['address']}: {entry['what']} {entry['claimed']}, executed"
            f" {entry['found']}; touched by {by}"
        )
