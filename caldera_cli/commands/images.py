"""`caldera images`: the container images of nodes, services and agents. Needs no daemon."""

from typing import Annotated, Any, Final

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.options import JsonOption

app = new_app("List container images, or build them.")

NAMES: Final = ("anvil", "op-geth", "op-stack", "devnet")


def _complete(incomplete: str) -> list[str]:
    return [name for name in NAMES if name.startswith(incomplete)]


@app.command("ls")
def _ls(as_json: JsonOption = False) -> None:
    """List the images that are built on this machine, and which of them are there.

    A devnet with `runtime: compose` takes what its spec names
    (engines.op-geth.image), else these, else what the programs' projects publish.
    """
    from caldera_cli.engines import IMAGES, ask

    _show(ask("ls", program=IMAGES), as_json)


@app.command("build")
def _build(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...",
            help="anvil, op-geth, op-stack (op-node, op-batcher, op-proposer, op-challenger,"
            " da-server) or devnet (agents and gate); by default all.",
            autocompletion=_complete,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Build images on this machine, from nothing but package registries.

    Programs are those of `caldera engine ls`; ours is this installation. An image
    that is there from the same sources is left as it is. Ends with 6 when Docker,
    or Go where something must be built, is missing.
    """
    from caldera_cli.engines import IMAGES, ask

    _show(ask("build", *(names or ()), program=IMAGES), as_json)


def _show(found: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        render.data(found)
        return
    render.table(
        ("image", "state", "MB", "tag"),
        [
            (
                each["name"],
                render.state(each["state"]),
                None if each["bytes"] is None else round(each["bytes"] / 1e6),
                each["image"],
            )
            for each in found
        ],
    )
