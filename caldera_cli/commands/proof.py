"""`caldera proof`: proofs that any chain of the devnet can check."""

from typing import Annotated, Any

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.client import segment
from caldera_cli.options import (
    DevnetOption,
    JsonOption,
    MessageArgument,
    address,
    complete_chains,
    reach_devnet,
)

app = new_app("Prove messages and storage to other chains.")


@app.command("message")
def _message(
    message: MessageArgument,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the meta-proof that takes a message to a certified aggregate root."""
    client, path = reach_devnet(devnet)
    found = client.get(f"{path}/proofs/messages/{segment(message)}")
    if as_json:
        render.data(found)
        return
    render.out(str(found["proof"]))
    _say(found["attested"], found["proof"])


@app.command("storage")
def _storage(
    rollup: Annotated[
        str, typer.Argument(metavar="ROLLUP", help="A chain.", autocompletion=complete_chains)
    ],
    account: Annotated[str, typer.Argument(metavar="ADDRESS", help="A contract there.")],
    slots: Annotated[
        list[str], typer.Argument(metavar="SLOT…", help="Storage slots, numbers or 0x-hex.")
    ],
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Prove what a contract holds in its storage.

    Prints the call of StateVerifier.verifyStorage, which any chain of the devnet answers that
    knows the epoch; --json also gives the epoch's certificate, for RootVerifier.submit.
    """
    client, base = reach_devnet(devnet)
    path = f"{base}/proofs/storage/{segment(rollup)}"
    found = client.get(f"{path}/{segment(address(account))}", {"slot": list(slots)})
    if as_json:
        render.data(found)
        return
    render.out(str(found["calldata"]))
    for slot in found["slots"]:
        render.say(f"{slot['slot']} is {slot['value']}")
    _say(found["attested"], found["proof"])


def _say(attested: dict[str, Any], proof: str) -> None:
    render.say(
        f"{len(proof) // 2 - 1} bytes, from block {attested['block_number']} "
        f"to the aggregate root of epoch {attested['epoch']}"
    )
